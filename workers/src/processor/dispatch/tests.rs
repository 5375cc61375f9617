//! Who runs when.

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use minireipaz::clock::SystemClock;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{
    engine::{Execute, RunHeader},
    expr::tests::header,
    runner::{Compiled, RunnerSettings},
};

/// A dispatcher, and what its steps report.
struct Scene {
    dispatcher: Dispatcher,
    reports: mpsc::Receiver<Input>,
    workflow: Arc<Compiled>,
}

fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

fn run(n: u128) -> RunId {
    RunId(Uuid::from_u128(n))
}

fn key(n: u128) -> Key {
    (run(n), StepKey::outside(0))
}

impl Scene {
    fn new(limit: usize, share: usize) -> Self {
        let document = json!({"name": "Test", "nodes": [{"id": "start", "type": "manual"}]});
        let workflow = Arc::new(Compiled::new(&serde_json::from_value(document).unwrap()).unwrap());
        let (sender, reports) = mpsc::channel();
        let runner = Runner::new(RunnerSettings::default(), Arc::new(SystemClock)).unwrap();
        Self { dispatcher: Dispatcher::new((limit, share), runner, Inputs { sender }), reports, workflow }
    }

    /// Begins what may begin.
    fn fill(&mut self) {
        while let Some((tenant, run_id)) = self.dispatcher.next(|_, _| true) {
            let run = Arc::new(RunHeader { tenant, run_id, ..header() });
            let execute = Execute::first(StepKey::outside(0));
            let attempt = Attempt::new(&self.workflow, &run, execute, Default::default(), Vec::new());
            self.dispatcher.start(attempt);
        }
    }

    /// A run of that tenant with a step.
    fn submit(&mut self, name: &str, n: u128) {
        self.dispatcher.enqueue(&tenant(name), run(n));
        self.fill();
    }

    /// The run whose step ends next; its place is free then.
    fn end(&mut self) -> u128 {
        let Ok(Input::Finished { run, run_attempt, step, attempt, .. }) =
            self.reports.recv_timeout(Duration::from_secs(30))
        else {
            panic!("no step ended");
        };
        assert!(self.dispatcher.ended(&(run, step), (run_attempt, attempt)));
        self.fill();
        run.0.as_u128()
    }

    fn counts(&self) -> (usize, usize) {
        (self.dispatcher.running(), self.dispatcher.queued.len())
    }

    /// Nothing is left over when nothing runs.
    fn assert_empty(&self) {
        let Dispatcher { running, busy, queue, queued, .. } = &self.dispatcher;
        assert_eq!((running.len(), busy.len(), queued.len(), queue.is_idle()), (0, 0, 0, true));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn tenants_take_turns_however_much_one_of_them_has() {
    let mut scene = Scene::new(1, 1);
    (10..16).for_each(|run| scene.submit("busy", run));
    (20..22).for_each(|run| scene.submit("second", run));
    scene.submit("third", 30);
    let order: Vec<_> = (0..9).map(|_| scene.end()).collect();
    assert_eq!(order, [10, 11, 20, 30, 12, 21, 13, 14, 15]);
    scene.assert_empty();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn no_more_steps_run_than_the_limit_and_of_one_tenant_no_more_than_its_share() {
    let mut scene = Scene::new(3, 2);
    (10..15).for_each(|run| scene.submit("busy", run));
    assert_eq!(scene.counts(), (2, 3), "its share");
    (20..25).for_each(|run| scene.submit("other", run));
    assert_eq!(scene.counts(), (3, 7), "the limit");
    for _ in 0..10 {
        scene.end();
        let taken = scene.dispatcher.queue.taken();
        assert!(scene.dispatcher.running() <= 3);
        assert!(["busy", "other"].into_iter().all(|name| taken.of(&tenant(name)) <= 2));
    }
    scene.assert_empty();
}

#[tokio::test]
async fn two_tenants_whose_steps_never_end_leave_a_place_for_a_third_one() {
    let mut scene = Scene::new(6, 3);
    for n in 0..50 {
        scene.submit("one", n);
        scene.submit("two", 100 + n);
    }
    assert_eq!(scene.counts(), (4, 96));
    scene.submit("third", 200);
    assert!(scene.dispatcher.is_busy(run(200)));
}

#[tokio::test]
async fn who_may_not_begin_now_keeps_its_turn_and_a_run_waits_once() {
    let mut scene = Scene::new(2, 2);
    let (one, two) = (tenant("one"), tenant("two"));
    for _ in 0..3 {
        scene.dispatcher.enqueue(&one, run(1));
    }
    scene.dispatcher.enqueue(&two, run(2));
    assert_eq!(scene.counts(), (0, 2));
    assert_eq!(scene.dispatcher.next(|tenant, _| *tenant != one), Some((two.clone(), run(2))));
    assert_eq!(
        scene.dispatcher.next(|tenant, places| *tenant != one || places.taken() == 1),
        Some((one.clone(), run(1)))
    );
    scene.dispatcher.give_back(&one);
    scene.dispatcher.give_back(&two);
    scene.assert_empty();
}

#[tokio::test]
async fn an_aborted_step_makes_room() {
    let mut scene = Scene::new(1, 1);
    (10..12).for_each(|run| scene.submit("one", run));
    scene.dispatcher.abort(&key(10));
    scene.dispatcher.abort(&key(99));
    scene.fill();
    assert!(scene.dispatcher.is_running(&key(11)));
    scene.dispatcher.abort(&key(11));
    scene.assert_empty();
}

#[tokio::test]
async fn the_report_of_an_attempt_that_was_cut_off_does_not_end_the_next_one() {
    let mut scene = Scene::new(2, 2);
    scene.submit("one", 10);
    assert!(!scene.dispatcher.ended(&key(10), (2, 7)), "another attempt");
    assert!(!scene.dispatcher.ended(&key(10), (1, 1)), "another attempt of the run");
    assert_eq!(scene.dispatcher.running(), 1);
    assert!(scene.dispatcher.ended(&key(10), (2, 1)));
    scene.assert_empty();
}

#[tokio::test]
async fn once_paused_nothing_begins() {
    let mut scene = Scene::new(1, 1);
    scene.submit("one", 10);
    scene.submit("one", 11);
    scene.dispatcher.pause();
    assert!(scene.dispatcher.ended(&key(10), (2, 1)));
    scene.fill();
    assert_eq!(scene.counts(), (0, 1));
    scene.dispatcher.abort_all();
    scene.assert_empty();
}
