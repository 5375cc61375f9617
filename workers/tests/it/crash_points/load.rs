//! Runs of every kind, what was sent of them, and how each must end.

use std::{collections::HashMap, time::Duration};

use domain::{
    ids::{RunId, TenantId},
    run::{RunKey, RunWithSteps},
};
use minireipaz::{
    store::{RunStore as _, clickhouse::ClickHouse},
    testing::eventually_within,
};

use super::{
    calls::Calls,
    kinds::{Expected, Kind, plain},
    people::Act,
    started::started,
};
use crate::app::{SECRET, Task, batch};

/// How many chains of calls a life begins with beside one run of each kind: of the first worker, and of either.
const CHAINS: usize = 4;
const EITHER: usize = 6;

/// What was sent, and what is to be sent again since nobody has answered.
pub(super) struct Sent<'c> {
    calls: &'c Calls,
    http: reqwest::Client,
    expected: HashMap<RunId, Expected>,
    /// Batches without an answer, and whether the worker that they go to is to keep them.
    open: Vec<(Vec<Task>, bool)>,
    /// What people are about to do.
    acts: Vec<Act>,
    /// A chain of calls that the store has, to replay.
    ended: Option<RunId>,
    /// How many lives have been loaded.
    lives: usize,
}

impl<'c> Sent<'c> {
    pub(super) fn new(calls: &'c Calls) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let (expected, open, acts) = (HashMap::new(), Vec::new(), Vec::new());
        Self { calls, http, expected, open, acts, ended: None, lives: 0 }
    }

    pub(super) fn next_life(&self) {
        self.calls.next_life();
    }

    /// One chain of calls is to be sent, to be replayed once it has ended.
    pub(super) fn add_first(&mut self) {
        let chain = &plain(self.calls)[0];
        let task = self.expect(chain);
        self.ended = Some(task.run);
        self.open.push((vec![task], true));
    }

    /// Further runs are to be sent: what one life begins with.
    pub(super) fn add(&mut self) {
        self.lives += 1;
        let mut kinds = plain(self.calls);
        let chain = kinds[0].clone();
        let group = format!("life {}", self.lives);
        kinds.extend(started(self.calls, self.ended.unwrap(), &group));
        let mut own: Vec<_> = (0..CHAINS).map(|_| self.expect(&chain)).collect();
        let either = (0..EITHER).map(|_| self.expect(&chain)).collect();
        own.extend(kinds.iter().map(|kind| self.expect(kind)));
        self.open.extend([(own, true), (either, false)]);
    }

    fn expect(&mut self, kind: &Kind) -> Task {
        let mut task = Task::new(&kind.document).input(kind.input.clone());
        if let Some((trigger, plan)) = &kind.planned {
            task = task.planned(trigger.clone(), plan.clone());
        }
        self.expected.insert(task.run, kind.end.clone());
        self.expected.extend(kind.starts.iter().map(|(started, end)| (started(task.run), end.clone())));
        self.acts.extend(kind.wanted.map(|wanted| Act::new(task.run, wanted)));
        task
    }

    /// People do what they are about to do, until all is done or the worker is gone.
    pub(super) async fn people_act(&mut self, url: &str, limit: Duration) {
        eventually_within(limit, "people have done what they want", async || {
            let mut left = Vec::new();
            let mut is_gone = false;
            for mut act in std::mem::take(&mut self.acts) {
                let done = if is_gone { None } else { act.try_on(url, &self.http, self.calls).await };
                is_gone |= done.is_none();
                if done != Some(true) {
                    left.push(act);
                }
            }
            self.acts = left;
            is_gone || self.acts.is_empty()
        })
        .await;
    }

    /// Sends what has no answer; `false` when the worker is gone.
    pub(super) async fn hand_over(&mut self, url: &str) -> bool {
        while let Some((tasks, keep)) = self.open.first() {
            let mut request = self.http.post(format!("{url}/tasks")).bearer_auth(SECRET).body(batch(tasks));
            if *keep {
                request = request.header("minireipaz-handed-over", "1");
            }
            match request.send().await {
                Ok(answer) if answer.status().is_success() => {
                    self.open.remove(0);
                }
                // It is stopping: as a connector would, it comes again.
                Ok(answer) if answer.status().as_u16() == 503 => return false,
                Ok(answer) => panic!("{answer:?}"),
                Err(_) => return false,
            }
        }
        true
    }

    /// All runs, once all of them have ended.
    pub(super) async fn all_ended(&self, store: &ClickHouse) -> Option<Vec<RunWithSteps>> {
        let tenant = TenantId::parse("acme").unwrap();
        let keys: Vec<RunKey> = self.expected.keys().map(|run| (tenant.clone(), *run)).collect();
        for keys in keys.chunks(500) {
            let heads = store.heads(keys).await.unwrap();
            let ended = heads.values().filter(|head| head.as_ref().unwrap().status.is_terminal()).count();
            if ended < keys.len() {
                return None;
            }
        }
        let mut runs = Vec::new();
        for keys in keys.chunks(50) {
            runs.extend(store.get(keys).await.unwrap().into_values().map(Result::unwrap));
        }
        assert_eq!(runs.len(), keys.len());
        Some(runs)
    }

    /// Whether all runs have ended as they must; they are not asked for again.
    pub(super) fn check_all(&mut self, ended: &[RunWithSteps]) {
        ended.iter().for_each(|run| self.check(run));
        self.expected.clear();
    }

    /// Whether the run has ended as it must, with the calls that its steps say.
    fn check(&self, found: &RunWithSteps) {
        let RunWithSteps { run, steps, .. } = found;
        let Expected { status, output, calls } = &self.expected[&run.id];
        assert_eq!((run.status, &run.output), (*status, output), "{:?}", run.error);
        let keys: Vec<_> = calls.iter().map(|node| format!("{}:{node}:0", run.id)).collect();
        for (node, key) in calls.iter().zip(&keys) {
            let step = steps.iter().find(|step| step.node_id.as_str() == *node).unwrap();
            let (came, attempts) = (self.calls.count(key), step.attempts as usize);
            assert!((1..=attempts).contains(&came), "{key} came {came} times in {attempts} attempts");
        }
        assert!(self.calls.came_in_order(&keys), "{keys:?}: what was done was done again");
    }
}
