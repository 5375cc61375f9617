//! Replaying a run that has ended: a new run with the same input, or with what the nodes before one gave.

use std::{collections::HashMap, time::Duration};

use serde_json::Value;

use super::{
    Caller, IdempotencyKey, ReadRunError, Runs, StartRunError, Started, Until,
    accept::{Asking, Chosen, Way},
    start::check_items,
    test_run::{check_pins, definition_of, id_of, invalid},
};
use domain::{
    course::{Course, Earlier, taken_over},
    ids::{NodeId, RunId},
    run::{Pins, RunPlan, RunStatus, RunWithSteps, Step, StepStatus, Trigger},
    violation::{ViolationCode, Violations},
    workflow::WorkflowKey,
};

/// A request to replay a run.
#[derive(Debug, Clone)]
pub struct ReplayRun {
    /// Which.
    pub run: RunId,
    /// From which node on; `None`: from the start.
    pub from: Option<NodeId>,
    /// In which version.
    pub version: ReplayVersion,
    /// Another input than that of the run; only from the start.
    pub input: Option<Value>,
    /// What nodes give without being executed.
    pub pins: Pins,
    /// The client's name for this request.
    pub key: Option<IdempotencyKey>,
}

/// In which version a run is replayed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReplayVersion {
    /// In that of the run.
    #[default]
    Same,
    /// In the newest that there is.
    Newest,
}

/// Why a run is not replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The run cannot be read.
    #[error(transparent)]
    Run(#[from] ReadRunError),
    /// It is not over.
    #[error("run {run} is {status}; replay it once it has ended, or cancel it first")]
    NotEnded {
        /// Which.
        run: RunId,
        /// Where it is.
        status: RunStatus,
    },
    /// It was a test.
    #[error("run {0} was a test, and what it ran is not kept; start another test run")]
    WasATest(RunId),
    /// Its workflow was deleted.
    #[error("the workflow of run {0} was deleted; its runs stay, and cannot be replayed")]
    NoWorkflow(RunId),
    /// The new run was not accepted.
    #[error(transparent)]
    Start(StartRunError),
}

impl From<StartRunError> for ReplayError {
    fn from(error: StartRunError) -> Self {
        Self::Start(error)
    }
}

/// What a replay replays.
#[derive(Debug)]
pub(super) struct Replay {
    pub(super) of: RunId,
    pub(super) from: Option<NodeId>,
    /// `None`: the newest.
    pub(super) version: Option<u32>,
    pub(super) pins: Pins,
    /// What is known of the steps that the run had.
    steps: HashMap<NodeId, Earlier>,
}

impl Runs {
    /// Accepts a run that replays another one: when this returns, the bus has it for good.
    ///
    /// # Errors
    /// When that run does not exist or has not ended, its workflow is gone, what is asked for does not fit, the key was
    /// used, or a part does not answer.
    pub async fn replay(&self, caller: &Caller, request: ReplayRun) -> Result<Started, ReplayError> {
        let ReplayRun { run: of, from, version, input, pins, key } = request;
        let earlier = self.ended(caller, of).await?;
        if input.is_some() && from.is_some() {
            let message =
                "another input goes with a replay from the start; pin what the nodes before `from` give";
            return Err(invalid("input", ViolationCode::InvalidValue, message).into());
        }
        let RunWithSteps { run, steps, left_out } = earlier;
        // That of the run was accepted before, and may hold what only we put there: files of a request to a webhook.
        let input = match input {
            None => run.input,
            Some(input) => {
                check_items(&input, "input").map_err(StartRunError::InvalidInput)?;
                input
            }
        };
        check_pins(&pins, &input).map_err(StartRunError::InvalidPlan)?;
        let is_left_out =
            |step: &Step| left_out.iter().any(|out| out.node_id.as_ref() == Some(&step.node_id));
        let steps = steps.iter().map(|step| (step.node_id.clone(), what_is_left(step, is_left_out(step))));
        let replay = Replay {
            of,
            from: from.clone(),
            version: (version == ReplayVersion::Same).then_some(run.workflow_version),
            pins,
            steps: steps.collect(),
        };
        // The same key names one request a run, and none that starts one.
        let id = key.map(|key| {
            let key = format!("replay\n{of}\n{}", key.as_str());
            RunId::for_idempotency_key(&caller.tenant, run.workflow_id, &key)
        });
        // Nobody waits for it who waited for the other.
        let trigger = Trigger { replay_of: Some(of), from, parent: None, ..run.trigger };
        let way = Way::Replay(Box::new(replay));
        let accepted = self
            .accept(
                caller,
                id,
                Asking { workflow_id: run.workflow_id, input, trigger, way, may_differ: false },
            )
            .await;
        accepted.map_err(|error| match error {
            StartRunError::NotFound(_) => ReplayError::NoWorkflow(of),
            other => other.into(),
        })
    }

    /// The run, which must have ended.
    async fn ended(&self, caller: &Caller, id: RunId) -> Result<RunWithSteps, ReplayError> {
        let found = self.read(caller, id, Until::Exists, Duration::ZERO).await?;
        let status = found.head().status;
        if !status.is_terminal() {
            return Err(ReplayError::NotEnded { run: id, status });
        }
        let run = found.into_whole().ok_or(ReadRunError::NotFound(id))?;
        if run.run.trigger.is_test() { Err(ReplayError::WasATest(id)) } else { Ok(run) }
    }

    pub(super) async fn choose_to_replay(
        &self,
        key: &WorkflowKey,
        replay: &Replay,
        asking: &Asking,
    ) -> Result<Chosen, StartRunError> {
        let saved = self.workflows.saved(key, replay.version).await?;
        let (version, definition) = (saved.summary.version, definition_of(&saved.document)?);
        let mut plan = RunPlan { pins: replay.pins.clone(), ..RunPlan::default() };
        if let Some(from) = &replay.from {
            let earlier = |node: &NodeId| replay.steps.get(node).copied().unwrap_or(Earlier::Nothing);
            let earlier =
                |node: &NodeId| if replay.pins.contains_key(node) { Earlier::Skipped } else { earlier(node) };
            plan.earlier = taken_over(&definition, from, earlier).map_err(StartRunError::InvalidPlan)?;
        }
        let course = Course::of(&plan, &asking.trigger, &asking.input, &definition);
        let course = course.map_err(StartRunError::InvalidPlan)?;
        if course.trigger().is_none() && !course.needs_no_trigger() {
            let mut violations = Violations::new();
            let message = format!("version {version} of the workflow has no {}", asking.trigger);
            violations.add("version", ViolationCode::InvalidValue, message);
            return Err(StartRunError::InvalidPlan(violations.into_vec()));
        }
        let trigger_node = id_of(course.trigger(), &definition).or_else(|| asking.trigger.node.clone());
        let concurrency = definition.concurrency;
        Ok(Chosen {
            newest: version,
            version,
            wanted: Some(version),
            trigger_node,
            concurrency,
            document: None,
            plan,
        })
    }
}

/// What a replay finds of a step.
fn what_is_left(step: &Step, output_is_left_out: bool) -> Earlier {
    match step.status {
        StepStatus::Skipped => Earlier::Skipped,
        _ if step.output.is_some() || output_is_left_out => Earlier::Gave,
        _ => Earlier::Nothing,
    }
}
