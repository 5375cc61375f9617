//! Accepting a run, whoever asks for it and how: the hot path. It costs one produce, and one read a second and workflow.

use serde_json::{Value, json};

use super::{
    Caller, FoundRun, Runs, StartRunError, Started, TestRun, idempotency::Fingerprint, replay::Replay,
};
use domain::{
    event::{Payload, RunRequested},
    ids::{NodeId, RunId, WorkflowId},
    json_text::JsonText,
    run::{NewRun, Run, RunPlan, Trigger},
    timestamp::Timestamp,
    violation::{ViolationCode, Violations},
    workflow::{Concurrency, DocumentText},
};

/// A run that is asked for. What stands here was checked for itself.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) workflow_id: WorkflowId,
    pub(super) input: Value,
    pub(super) trigger: Trigger,
    pub(super) way: Way,
    /// Whether it is the same run under its key although the input is another one: what proxies add to a request does not
    /// make it another delivery.
    pub(super) may_differ: bool,
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
    /// A version, from a `webhook` trigger.
    Hook(HookStart),
}

/// The version whose webhook took a request: what is answered follows from it, so it is the one that runs.
#[derive(Debug)]
pub(super) struct HookStart {
    pub(super) version: u32,
    /// How many runs of it may run at once.
    pub(super) concurrency: Option<Concurrency>,
}

/// What is to be run, as it was found.
pub(super) struct Chosen {
    /// The newest version that is known.
    pub(super) newest: u32,
    /// The version that runs as far as it is known.
    pub(super) version: u32,
    /// The version that must run; `None`: the newest when it is handed to a worker.
    pub(super) wanted: Option<u32>,
    /// The trigger node at which it begins, as far as it is known.
    pub(super) trigger_node: Option<NodeId>,
    /// How many runs of it may run at once.
    pub(super) concurrency: Option<Concurrency>,
    /// Instead of a version.
    pub(super) document: Option<DocumentText>,
    pub(super) plan: RunPlan,
}

impl Way {
    /// The version that is asked for.
    pub(super) const fn version(&self) -> Option<u32> {
        match self {
            Self::ByRequest { version } | Self::Test { version, .. } => *version,
            Self::Replay(replay) => replay.version,
            // Who sends a request again does not choose the version.
            Self::Hook(_) => None,
        }
    }

    /// What two requests under a key are compared by, beside input and version.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&match self {
            Self::ByRequest { .. } | Self::Hook(_) => Value::Null,
            Self::Test { test, .. } => json!([test.document, test.plan().value()]),
            Self::Replay(replay) => json!([replay.of, replay.from, replay.pins]),
        })
    }
}

impl Runs {
    /// Accepts a run: when this returns, the bus has it for good. With an id that is derived from a key it is accepted
    /// once.
    pub(super) async fn accept(
        &self,
        caller: &Caller,
        derived: Option<RunId>,
        asking: Asking,
    ) -> Result<Started, StartRunError> {
        if let Some(derived) = derived {
            return self.accept_once(caller, derived, asking).await;
        }
        let chosen = self.choose(caller, &asking).await?;
        let id = asking.at_its_slot(RunId::at(self.clock.now(), rand::random()), caller, &chosen);
        let run = self.publish(caller, id, asking, chosen).await?;
        Ok(Started { id, run: FoundRun::accepted(run), replayed: false })
    }

    pub(super) async fn publish(
        &self,
        caller: &Caller,
        run_id: RunId,
        asking: Asking,
        chosen: Chosen,
    ) -> Result<Run, StartRunError> {
        let workflow_id = asking.workflow_id;
        let asking = asking.beginning_at(chosen.trigger_node);
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
    pub(super) async fn choose(&self, caller: &Caller, asking: &Asking) -> Result<Chosen, StartRunError> {
        let key = (caller.tenant.clone(), asking.workflow_id);
        match &asking.way {
            Way::ByRequest { version } => {
                let chosen = self.workflows.to_start(&key, *version).await?;
                // The id says which worker has the runs that share this version's limit, so no other version may run.
                let limited = chosen.concurrency.is_some().then_some(chosen.version);
                Ok(Chosen {
                    newest: chosen.newest,
                    version: chosen.version,
                    wanted: version.or(limited),
                    trigger_node: Some(chosen.manual),
                    concurrency: chosen.concurrency,
                    document: None,
                    plan: RunPlan::default(),
                })
            }
            Way::Test { version, test } => self.choose_to_test(&key, *version, test, &asking.input).await,
            Way::Replay(replay) => self.choose_to_replay(&key, replay, asking).await,
            Way::Hook(HookStart { version, concurrency }) => Ok(Chosen {
                newest: *version,
                version: *version,
                wanted: Some(*version),
                trigger_node: asking.trigger.node.clone(),
                concurrency: concurrency.clone(),
                document: None,
                plan: RunPlan::default(),
            }),
        }
    }
}

impl Asking {
    /// The id, at the owner slot of the runs that share a limit if there is one: they belong to one worker.
    pub(super) fn at_its_slot(&self, id: RunId, caller: &Caller, chosen: &Chosen) -> RunId {
        chosen.concurrency.as_ref().map_or(id, |concurrency| {
            id.at_slot(concurrency.group(&caller.tenant, self.workflow_id, &self.input).slot())
        })
    }

    /// What is asked for, once it is known at which node it begins.
    pub(super) fn beginning_at(self, node: Option<NodeId>) -> Self {
        let trigger = self.trigger.beginning_at(node);
        Self { trigger, ..self }
    }

    pub(super) fn accepted(self, run_id: RunId, workflow_version: u32, created_at: Timestamp) -> NewRun {
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
