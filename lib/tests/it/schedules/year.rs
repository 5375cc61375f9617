//! A year of schedules in several zones, in which ticks come twice, late, in another order or not at all, schedulers die,
//! and workflows are saved, paused and made active again: each occurrence is started as its policy says, once.

use std::collections::BTreeMap;

use domain::{ids::RunId, schedule::ScheduleKey};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{model::Model, *};

const BEGIN: &str = "2026-01-01T00:00:00Z";
const END: &str = "2027-01-01T00:00:00Z";

/// What is scheduled, and what it is changed to in the year.
fn schedules() -> Vec<(Value, Value)> {
    let of = |cron: &str, zone: &str, misfire: &str, catch_up: &str, jitter: &str| json!({"cron": cron, "timezone": zone, "misfire": misfire, "catch_up": catch_up, "jitter": jitter});
    vec![
        (
            of("30 2 * * *", "Europe/Berlin", "fire_all", "7d", "0s"),
            of("30 2,14 * * *", "Europe/Berlin", "fire_once", "1d", "0s"),
        ),
        (
            of("30 1 * * *", "America/New_York", "fire_all", "7d", "40s"),
            of("0 */4 * * *", "America/New_York", "skip", "1d", "0s"),
        ),
        (
            of("15 2 * * *", "Australia/Lord_Howe", "fire_once", "1d", "0s"),
            of("0 3 * * MON-FRI", "Australia/Lord_Howe", "fire_all", "1d", "5m"),
        ),
        (
            of("0 */3 * * *", "Europe/London", "skip", "1d", "0s"),
            of("0 0 L * *", "America/Santiago", "fire_once", "2d", "2h"),
        ),
        (
            of("0 0 * * *", "UTC", "fire_once", "6h", "0s"),
            of("@weekly", "Asia/Tehran", "fire_all", "7d", "1h"),
        ),
    ]
}

struct World {
    app: TestApp,
    /// Another scheduler over the same store and bus.
    other: TestApp,
    clock: Arc<ManualClock>,
    random: StdRng,
    models: Vec<(String, Model)>,
    asked: BTreeMap<RunId, RunRequested>,
}

impl World {
    async fn new() -> Self {
        let (app, clock) = app_at(at(BEGIN)).await;
        let mut models = Vec::new();
        for (params, _) in schedules() {
            let address = saved(&app, &flow(true, &[("s", params.clone())])).await;
            let workflow = address.rsplit('/').next().unwrap().parse().unwrap();
            let key = ScheduleKey { tenant: acme(), workflow, node: "s".parse().unwrap() };
            models.push((address, Model::new(key, &params, at(BEGIN))));
        }
        let (other, random) = (app.beside(), StdRng::seed_from_u64(7));
        Self { app, other, clock, random, models, asked: BTreeMap::new() }
    }

    /// To when something is due, and mostly a little later, sometimes hours.
    fn pass_time(&mut self) {
        let due = self.models.iter().filter_map(|(_, model)| model.due()).min().unwrap();
        let late = match self.random.random_range(0..100) {
            0..80 => self.random.random_range(0..100_000),
            80..95 => self.random.random_range(0..400_000),
            _ => self.random.random_range(0..108_000_000),
        };
        let until = due.plus(Duration::from_millis(late));
        self.clock.advance(until.since(self.app.clock.now()));
    }

    /// Ticks, as often as not more than one, some of them old; a scheduler may die over the first.
    async fn tick(&mut self) {
        let now = self.app.clock.now();
        if self.random.random_ratio(1, 20) {
            self.app.store.fail_writes(true);
            let answer = deliver(&self.app, &[tick(now)]).await;
            self.app.store.fail_writes(false);
            if answer.status == 503 {
                self.models.iter_mut().for_each(|(_, model)| model.look(now, false));
                self.clock.advance(Duration::from_millis(self.random.random_range(0..300_000)));
            }
        }
        let now = self.app.clock.now();
        let old = tick(now.minus(Duration::from_mins(7)));
        for _ in 0..self.random.random_range(1..3) {
            let app = if self.random.random() { &self.app } else { &self.other };
            let ticks = if self.random.random() { vec![tick(now)] } else { vec![old.clone(), tick(now)] };
            assert_eq!(deliver(app, &ticks).await.status, 200);
        }
        self.models.iter_mut().for_each(|(_, model)| model.look(now, true));
        self.gather();
    }

    /// Another version of one of the workflows, of which the scheduler hears before or after a tick, once or twice.
    async fn save(&mut self) {
        let which = self.random.random_range(0..self.models.len());
        let (before, after) = schedules().swap_remove(which);
        let params = match self.random.random_range(0..3) {
            0 => None,
            1 => Some(before.clone()),
            _ => Some(after),
        };
        let document = flow(params.is_some(), &[("s", params.clone().unwrap_or(before))]);
        let (address, model) = &mut self.models[which];
        let answer = self.app.put(address, &document, &format!("\"{}\"", model.version)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        model.save(params.as_ref(), self.app.clock.now());
        let events = self.gather();
        if self.random.random() {
            assert_eq!(deliver(&self.other, &[tick(self.app.clock.now())]).await.status, 200);
        }
        for _ in 0..self.random.random_range(1..3) {
            assert_eq!(deliver(&self.app, &events).await.status, 200);
        }
        self.tick().await;
    }

    /// What was asked for: the same occurrence is the same to the letter. Gives the other events.
    fn gather(&mut self) -> Vec<Event> {
        let (runs, others) = taken(&self.app);
        for run in runs {
            let known = self.asked.entry(run.run_id).or_insert_with(|| run.clone());
            assert_eq!(
                (known.created_at, &known.trigger, &known.input),
                (run.created_at, &run.trigger, &run.input)
            );
        }
        others
    }
}

#[tokio::test]
async fn each_occurrence_of_a_year_is_started_as_its_policy_says_once() {
    let mut world = World::new().await;
    let end = at(END);
    while world.app.clock.now() < end {
        world.pass_time();
        world.tick().await;
        if world.random.random_ratio(1, 25) {
            world.clock.advance(Duration::from_millis(world.random.random_range(0..20_000_000)));
            world.save().await;
        }
    }
    let mut total = 0;
    for (_, model) in &world.models {
        let of_model = |run: &&RunRequested| run.workflow_id == model.key.workflow;
        let started: Vec<_> =
            world.asked.values().filter(of_model).map(|run| (run.created_at, run.workflow_version)).collect();
        let expected: Vec<_> = model.started.iter().copied().collect();
        let moments: std::collections::BTreeSet<_> = expected.iter().map(|(planned, _)| *planned).collect();
        assert_eq!(moments.len(), expected.len(), "no moment is of two versions");
        let mut sorted = started.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, expected, "{:?}", model.key);
        total += started.len();
    }
    assert!(total > 1_500, "{total}");
}
