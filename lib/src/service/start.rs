//! Starting a run: the hot path. It costs one produce, and one read a second and workflow.

use serde_json::Value;

use super::{Caller, FoundRun, IdempotencyKey, Runs, workflows::Chosen};
use crate::{bus::BusError, store::StoreError};
use domain::{
    event::{Payload, RunRequested},
    ids::{RunId, WorkflowId},
    items::{FILE, holds_file, name_of},
    json_text::JsonText,
    limits::{MAX_ITEMS, above},
    measure::item_bytes,
    run::{NewRun, Run, Trigger},
    timestamp::Timestamp,
    violation::{Violation, ViolationCode, Violations},
};

/// So many items are told of that cannot be part of an input.
const MOST_SAID: usize = 20;

/// A request to start a run.
#[derive(Debug, Clone)]
pub struct StartRun {
    /// Of which workflow.
    pub workflow_id: WorkflowId,
    /// An object, a list of objects, or null.
    pub input: Value,
    /// In which version of it; `None`: in the newest.
    pub version: Option<u32>,
    /// The client's name for this request.
    pub key: Option<IdempotencyKey>,
}

/// A run that was accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct Started {
    /// Its id.
    pub id: RunId,
    /// The run.
    pub run: FoundRun,
    /// Whether an earlier request with the same key had started it.
    pub replayed: bool,
}

/// Why no run was started.
#[derive(Debug, thiserror::Error)]
pub enum StartRunError {
    /// The workflow does not exist, or belongs to somebody else: the caller cannot tell which.
    #[error("there is no workflow {0}")]
    NotFound(WorkflowId),
    /// The workflow has no such version.
    #[error("workflow {workflow} has no version {version}; its newest is {newest}")]
    NoVersion {
        /// Which workflow.
        workflow: WorkflowId,
        /// The version that the request names.
        version: u32,
        /// The newest that there is.
        newest: u32,
    },
    /// The workflow is not started by request, in the version that would run.
    #[error(
        "version {version} of workflow {workflow} has no `manual` trigger, so it cannot be started by request"
    )]
    NoManualTrigger {
        /// Which workflow.
        workflow: WorkflowId,
        /// Its version.
        version: u32,
    },
    /// The input is not an object or a list of objects.
    #[error("the input is not valid")]
    InvalidInput(Vec<Violation>),
    /// The key stands for a run with another input, or in another version.
    #[error(
        "this Idempotency-Key has started run {0} with another input, or in another version; use a new key for a new run"
    )]
    KeyReused(RunId),
    /// It could not be looked up whether the workflow, or a run under the key, exists.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is not known whether the run was accepted; with an `Idempotency-Key` it is safe to try again.
    #[error(transparent)]
    Bus(#[from] BusError),
}

impl Runs {
    /// Accepts a run: when this returns, the bus has it for good.
    ///
    /// # Errors
    /// When the workflow cannot be started, the input is not valid, the key was used, or a part does not answer.
    pub async fn start(&self, caller: &Caller, request: StartRun) -> Result<Started, StartRunError> {
        check_input(&request.input).map_err(StartRunError::InvalidInput)?;
        match request.key.clone() {
            None => {
                let chosen = self.chosen(caller, &request).await?;
                let run_id =
                    at_its_slot(RunId::at(self.clock.now(), rand::random()), caller, &request, &chosen);
                let run = self.publish(caller, run_id, request, &chosen).await?;
                Ok(Started { id: run_id, run: FoundRun::accepted(run), replayed: false })
            }
            Some(key) => self.start_once(caller, &key, request).await,
        }
    }

    /// What the run is started in that a request asks for.
    pub(super) async fn chosen(&self, caller: &Caller, request: &StartRun) -> Result<Chosen, StartRunError> {
        self.workflows.to_start(&(caller.tenant.clone(), request.workflow_id), request.version).await
    }

    pub(super) async fn publish(
        &self,
        caller: &Caller,
        run_id: RunId,
        request: StartRun,
        chosen: &Chosen,
    ) -> Result<Run, StartRunError> {
        let id = request.workflow_id;
        // The id says which worker has the runs that share this version's limit, so no other version may run.
        let limited = chosen.concurrency.is_some().then_some(chosen.version);
        let wanted_version = request.version.or(limited);
        let run = accepted(run_id, request, chosen.version, self.clock.now());
        let requested = RunRequested {
            run_id,
            workflow_id: id,
            workflow_version: chosen.newest,
            wanted_version,
            trigger: run.trigger.clone(),
            input: text_of(&run.input)?,
            created_at: run.created_at,
        };
        let event = caller.event(&*self.clock, Payload::RunRequested(requested));
        self.bus.publish(std::slice::from_ref(&event)).await?;
        Ok(run.queued())
    }
}

/// The id, at the owner slot of the runs that share a limit if the version has one: they belong to one worker.
pub(super) fn at_its_slot(id: RunId, caller: &Caller, request: &StartRun, chosen: &Chosen) -> RunId {
    chosen.concurrency.as_ref().map_or(id, |concurrency| {
        id.at_slot(concurrency.group(&caller.tenant, request.workflow_id, &request.input).slot())
    })
}

pub(super) fn accepted(
    run_id: RunId,
    request: StartRun,
    workflow_version: u32,
    created_at: Timestamp,
) -> NewRun {
    let StartRun { workflow_id, input, .. } = request;
    NewRun {
        id: run_id,
        workflow_id,
        workflow_version,
        attempt: 1,
        trigger: Trigger::manual(),
        input,
        created_at,
    }
}

/// The input as the event carries it.
fn text_of(input: &Value) -> Result<JsonText, StartRunError> {
    JsonText::of(input).map_err(|error| {
        let mut violations = Violations::new();
        let message = format!("it cannot be written as JSON: {error}");
        violations.add("input", ViolationCode::InvalidValue, message);
        StartRunError::InvalidInput(violations.into_vec())
    })
}

fn check_input(input: &Value) -> Result<(), Vec<Violation>> {
    let mut violations = Violations::new();
    let items = match input {
        Value::Null => &[],
        Value::Array(list) => list.as_slice(),
        Value::Object(_) => std::slice::from_ref(input),
        other => {
            let message = format!("this is {}, not an object or a list of objects", name_of(other));
            violations.add("input", ViolationCode::InvalidType, message);
            return violations.or(());
        }
    };
    if items.len() > MAX_ITEMS {
        violations.add("input", ViolationCode::Limit, above(items.len(), "items", MAX_ITEMS, "MAX_ITEMS"));
    }
    let unfit = items.iter().enumerate().filter_map(|(i, item)| Some((i, unfit(item)?)));
    for (i, (code, message)) in unfit.take(MOST_SAID) {
        let path = if input.is_array() { format!("input[{i}]") } else { "input".to_owned() };
        violations.add(path, code, message);
    }
    violations.or(())
}

/// Why a value cannot be an item of the input.
fn unfit(value: &Value) -> Option<(ViolationCode, String)> {
    let Value::Object(item) = value else {
        let found = name_of(value);
        return Some((ViolationCode::InvalidType, format!("an item is an object, and this is {found}")));
    };
    if let Err(too_deep) = item_bytes(item) {
        return Some((ViolationCode::Limit, too_deep.to_string()));
    }
    holds_file(value).then(|| {
        let message = format!("it has a field {FILE:?}, which is reserved for files; rename it");
        (ViolationCode::ReservedField, message)
    })
}
