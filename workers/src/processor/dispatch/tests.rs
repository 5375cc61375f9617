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

impl Scene {
    fn new(limit: usize, share: usize) -> Self {
        let document = json!({"name": "Test", "nodes": [{"id": "start", "type": "manual"}]});
        let workflow = Arc::new(Compiled::new(&serde_json::from_value(document).unwrap()).unwrap());
        let (sender, reports) = mpsc::channel();
        let runner = Runner::new(RunnerSettings::default(), Arc::new(SystemClock)).unwrap();
        Self { dispatcher: Dispatcher::new((limit, share), runner, Inputs { sender }), reports, workflow }
    }

    /// A step of that tenant; the run's number tells it from others.
    fn submit(&mut self, tenant: &str, run: u128) {
        let run = RunHeader {
            tenant: TenantId::parse(tenant).unwrap(),
            run_id: RunId(Uuid::from_u128(run)),
            ..header()
        };
        let execute = Execute::first(StepKey::outside(0));
        let attempt = Attempt::new(&self.workflow, &Arc::new(run), execute, Default::default(), Vec::new());
        self.dispatcher.submit(attempt);
    }

    fn abort(&mut self, tenant: &str, run: u128) {
        self.dispatcher
            .abort(&TenantId::parse(tenant).unwrap(), &(RunId(Uuid::from_u128(run)), StepKey::outside(0)));
    }

    /// The run whose step ends next; its place is free then.
    fn end(&mut self) -> u128 {
        let Ok(Input::Finished { run, run_attempt, step, attempt, .. }) =
            self.reports.recv_timeout(Duration::from_secs(30))
        else {
            panic!("no step ended");
        };
        assert!(self.dispatcher.ended(&(run, step), (run_attempt, attempt)));
        run.0.as_u128()
    }

    /// Nothing is left over when nothing runs.
    fn assert_empty(&self) {
        let Dispatcher { running, tenants, ring, waiting, .. } = &self.dispatcher;
        assert_eq!((running.len(), tenants.len(), ring.len(), *waiting), (0, 0, 0, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn tenants_take_turns_however_much_one_of_them_has() {
    let mut scene = Scene::new(1, 1);
    (10..16).for_each(|run| scene.submit("busy", run));
    (20..22).for_each(|run| scene.submit("second", run));
    scene.submit("third", 30);
    let order: Vec<_> = (0..9).map(|_| scene.end()).collect();
    assert_eq!(order, [10, 20, 30, 11, 21, 12, 13, 14, 15]);
    scene.assert_empty();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn no_more_steps_run_than_the_limit_and_of_one_tenant_no_more_than_its_share() {
    let mut scene = Scene::new(3, 2);
    (10..15).for_each(|run| scene.submit("busy", run));
    assert_eq!((scene.dispatcher.running(), scene.dispatcher.waiting), (2, 3), "its share");
    (20..25).for_each(|run| scene.submit("other", run));
    assert_eq!((scene.dispatcher.running(), scene.dispatcher.waiting), (3, 7), "the limit");
    for _ in 0..10 {
        scene.end();
        let busy = scene.dispatcher.tenants.values().map(|tenant| tenant.running).max().unwrap_or(0);
        assert!(scene.dispatcher.running() <= 3 && busy <= 2);
    }
    scene.assert_empty();
}

#[tokio::test]
async fn an_aborted_step_makes_room_and_a_waiting_one_is_forgotten() {
    let mut scene = Scene::new(1, 1);
    (10..13).for_each(|run| scene.submit("one", run));
    scene.submit("two", 20);
    scene.abort("one", 11);
    scene.abort("two", 20);
    assert_eq!((scene.dispatcher.running(), scene.dispatcher.waiting), (1, 1));
    scene.abort("one", 10);
    assert_eq!((scene.dispatcher.running(), scene.dispatcher.waiting), (1, 0), "the next one runs");
    scene.abort("one", 12);
    scene.abort("nobody", 9);
    scene.assert_empty();
}

#[tokio::test]
async fn the_report_of_an_attempt_that_was_cut_off_does_not_end_the_next_one() {
    let mut scene = Scene::new(2, 2);
    scene.submit("one", 10);
    let key = (RunId(Uuid::from_u128(10)), StepKey::outside(0));
    assert!(!scene.dispatcher.ended(&key, (2, 7)), "another attempt");
    assert!(!scene.dispatcher.ended(&key, (1, 1)), "another attempt of the run");
    assert_eq!(scene.dispatcher.running(), 1);
    assert!(scene.dispatcher.ended(&key, (2, 1)));
    scene.assert_empty();
}

#[tokio::test]
async fn once_paused_nothing_begins() {
    let mut scene = Scene::new(1, 1);
    scene.submit("one", 10);
    scene.submit("one", 11);
    scene.dispatcher.pause();
    assert!(scene.dispatcher.ended(&(RunId(Uuid::from_u128(10)), StepKey::outside(0)), (2, 1)));
    assert_eq!((scene.dispatcher.running(), scene.dispatcher.waiting), (0, 1));
    scene.dispatcher.abort_all();
    scene.assert_empty();
}
