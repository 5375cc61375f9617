//! Accepting a run, whoever asks for it and how: the hot path. It costs one produce, and one read a second and workflow.

use serde_json::{Value, json};

use super::{
    Caller, FoundRun, Runs, StartRunError, Started, TestRun,
    idempotency::{Accepted, Asked, Fingerprint},
    replay::Replay,
};
use crate::store::{Facts, StoreError};
use domain::{
    event::{Payload, RunRequested},
    ids::{RunId, WorkflowId},
    json_text::JsonText,
    run::{NewRun, Run, RunPlan, Trigger},
    timestamp::Timestamp,
    violation::{ViolationCode, Violations},
    workflow::DocumentText,
};

/// A run that is asked for. What stands here was checked for itself.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) workflow_id: WorkflowId,
    pub(super) input: Value,
    pub(super) trigger: Trigger,
    pub(super) way: Way,
}

/// What it runs.
#[derive(Debug)]
pub(super) enum Way {
    /// That version, else the newest, from its `manual` trigger.
    ByRequest { version: Option<u32> },
    /// That version, else the newest, or a document of its own; and not all of it.
    Test { version: Option<u32>, test: Box<TestRun> },
    /// What an earlier run has run.
    Replay(Box<Replay>),
}

/// What is to be run, as it was found.
pub(super) struct Chosen {
    /// The newest version that is known.
    pub(super) newest: u32,
    /// The version that runs as far as it is known.
    pub(super) version: u32,
    /// The version that must run; `None`: the newest when it is handed to a worker.
    pub(super) wanted: Option<u32>,
    /// Instead of a version.
    pub(super) document: Option<DocumentText>,
    pub(super) plan: RunPlan,
}

impl Way {
    /// The version that is asked for.
    const fn version(&self) -> Option<u32> {
        match self {
            Self::ByRequest { version } | Self::Test { version, .. } => *version,
            Self::Replay(replay) => replay.version,
        }
    }

    /// What two requests under a key are compared by, beside input and version.
    fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&match self {
            Self::ByRequest { .. } => Value::Null,
            Self::Test { test, .. } => json!([test.document, test.plan().value()]),
            Self::Replay(replay) => json!([replay.of, replay.from, replay.pins]),
        })
    }
}

impl Runs {
    /// Accepts a run: when this returns, the bus has it for good. Under the same `id` it is accepted once.
    pub(super) async fn accept(
        &self,
        caller: &Caller,
        id: Option<RunId>,
        asking: Asking,
    ) -> Result<Started, StartRunError> {
        match id {
            None => {
                let run_id = RunId::at(self.clock.now(), rand::random());
                let run = self.publish(caller, run_id, asking).await?;
                Ok(Started { id: run_id, run: FoundRun::accepted(run), replayed: false })
            }
            Some(run_id) => self.accept_once(caller, run_id, asking).await,
        }
    }

    /// Concurrent requests with the same key take turns: the second finds what the first has accepted.
    async fn accept_once(
        &self,
        caller: &Caller,
        run_id: RunId,
        asking: Asking,
    ) -> Result<Started, StartRunError> {
        let way = asking.way.fingerprint();
        let asked = Asked { input: Fingerprint::of(&asking.input), version: asking.way.version() };
        let _turn = self.keys.turn(run_id).await;
        let stored_key = (caller.tenant.clone(), run_id);
        match self
            .store
            .get(std::slice::from_ref(&stored_key))
            .await
            .map(|mut found| found.remove(&stored_key))
        {
            Ok(Some(Err(unreadable))) => return Err(StoreError::from(unreadable).into()),
            Ok(Some(Ok(found))) => {
                let known = (Fingerprint::of(&found.run.input), found.run.workflow_version);
                // Pins and documents are not kept with a run: as far as this process remembers them they are compared.
                let same_way = self.recent.get(run_id).is_none_or(|accepted| accepted.way == way);
                return if asked.is_for(known) && found.run.trigger == asking.trigger && same_way {
                    let run = self.newest(&stored_key, FoundRun::stored(found)).await;
                    Ok(Started { id: run_id, run, replayed: true })
                } else {
                    Err(StartRunError::KeyReused(run_id))
                };
            }
            // What this process accepted it remembers, whether the store shows it yet or not.
            found => match (self.recent.get(run_id), found) {
                (Some(accepted), _)
                    if accepted.way != way || !asked.is_for((accepted.input, accepted.workflow_version)) =>
                {
                    return Err(StartRunError::KeyReused(run_id));
                }
                (Some(Accepted { workflow_version, created_at, .. }), _) => {
                    let run = asking.accepted(run_id, workflow_version, created_at).queued();
                    let run = self.newest(&stored_key, FoundRun::accepted(run)).await;
                    return Ok(Started { id: run_id, run, replayed: true });
                }
                (None, Err(error)) => return Err(error.into()),
                (None, Ok(_)) => {}
            },
        }
        let run = self.publish(caller, run_id, asking).await?;
        let accepted = Accepted {
            input: asked.input,
            way,
            workflow_version: run.workflow_version,
            created_at: run.created_at,
        };
        self.recent.remember(run_id, accepted);
        // Other processes look a key up in the store: they must not have to wait for the scheduler.
        let facts = Facts::of_runs(vec![(caller.tenant.clone(), run.clone())]);
        if let Err(error) = self.store.record(&facts).await {
            tracing::warn!(run.id = %run_id, %error, "run not visible yet: the scheduler will record it");
        }
        Ok(Started { id: run_id, run: FoundRun::accepted(run), replayed: false })
    }

    async fn publish(&self, caller: &Caller, run_id: RunId, asking: Asking) -> Result<Run, StartRunError> {
        let chosen = self.choose(caller, &asking).await?;
        let workflow_id = asking.workflow_id;
        let run = asking.accepted(run_id, chosen.version, self.clock.now());
        let requested = RunRequested {
            run_id,
            workflow_id,
            workflow_version: chosen.newest,
            wanted_version: chosen.wanted,
            trigger: run.trigger.clone(),
            input: text_of(&run.input)?,
            plan: chosen.plan.text().map_err(|error| not_json("pins", &error))?,
            document: chosen.document,
            created_at: run.created_at,
        };
        let event = caller.event(&*self.clock, Payload::RunRequested(requested));
        self.bus.publish(std::slice::from_ref(&event)).await?;
        Ok(run.queued())
    }

    /// What is to be run.
    async fn choose(&self, caller: &Caller, asking: &Asking) -> Result<Chosen, StartRunError> {
        let key = (caller.tenant.clone(), asking.workflow_id);
        match &asking.way {
            Way::ByRequest { version } => {
                let chosen = self.workflows.to_start(&key, *version).await?;
                Ok(Chosen {
                    newest: chosen.newest,
                    version: chosen.version,
                    wanted: *version,
                    document: None,
                    plan: RunPlan::default(),
                })
            }
            Way::Test { version, test } => self.choose_to_test(&key, *version, test, &asking.input).await,
            Way::Replay(replay) => self.choose_to_replay(&key, replay, asking).await,
        }
    }
}

impl Asking {
    fn accepted(self, run_id: RunId, workflow_version: u32, created_at: Timestamp) -> NewRun {
        let Self { workflow_id, input, trigger, .. } = self;
        NewRun { id: run_id, workflow_id, workflow_version, attempt: 1, trigger, input, created_at }
    }
}

/// The input as the event carries it.
fn text_of(input: &Value) -> Result<JsonText, StartRunError> {
    JsonText::of(input).map_err(|error| not_json("input", &error))
}

fn not_json(path: &str, error: &serde_json::Error) -> StartRunError {
    let mut violations = Violations::new();
    let message = format!("it cannot be written as JSON: {error}");
    violations.add(path, ViolationCode::InvalidValue, message);
    StartRunError::InvalidInput(violations.into_vec())
}
