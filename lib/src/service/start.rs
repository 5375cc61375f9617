//! Starting a run by request: what is asked for, and what is checked of it.

use serde_json::Value;

use super::{
    Caller, FoundRun, IdempotencyKey, Runs, TestRun, WorkflowError,
    accept::{Asking, Way},
    test_run::check_pins,
};
use crate::{bus::BusError, store::StoreError};
use domain::{
    ids::{RunId, WorkflowId},
    items::{FILE, holds_file, name_of},
    limits::{MAX_ITEMS, above},
    measure::item_bytes,
    run::Trigger,
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
    /// What makes it a test run.
    pub test: Option<TestRun>,
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
    /// What else is asked for does not fit the workflow, or is above a limit.
    #[error("what is asked for is not valid")]
    InvalidPlan(Vec<Violation>),
    /// The document of a test run cannot be run, or not now.
    #[error(transparent)]
    Document(WorkflowError),
    /// The key stands for a run with another input, in another version, or of another kind.
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
        let StartRun { workflow_id, input, version, test, key } = request;
        check_items(&input, "input").map_err(StartRunError::InvalidInput)?;
        let id = key.map(|key| RunId::for_idempotency_key(&caller.tenant, workflow_id, key.as_str()));
        let (trigger, way) = match test {
            None => (Trigger::manual(), Way::ByRequest { version }),
            Some(test) => {
                check_pins(&test.pins, &input).map_err(StartRunError::InvalidPlan)?;
                (Trigger::test(), Way::Test { version, test: Box::new(test) })
            }
        };
        self.accept(caller, id, Asking { workflow_id, input, trigger, way, may_differ: false }).await
    }
}

/// Whether a value can be items: a run's input, or a signal's data. `name` is what it is called.
pub(super) fn check_items(input: &Value, name: &str) -> Result<(), Vec<Violation>> {
    let mut violations = Violations::new();
    let items = match input {
        Value::Null => &[],
        Value::Array(list) => list.as_slice(),
        Value::Object(_) => std::slice::from_ref(input),
        other => {
            let message = format!("this is {}, not an object or a list of objects", name_of(other));
            violations.add(name, ViolationCode::InvalidType, message);
            return violations.or(());
        }
    };
    if items.len() > MAX_ITEMS {
        violations.add(name, ViolationCode::Limit, above(items.len(), "items", MAX_ITEMS, "MAX_ITEMS"));
    }
    let unfit = items.iter().enumerate().filter_map(|(i, item)| Some((i, unfit(item)?)));
    for (i, (code, message)) in unfit.take(MOST_SAID) {
        let path = if input.is_array() { format!("{name}[{i}]") } else { name.to_owned() };
        violations.add(path, code, message);
    }
    violations.or(())
}

/// Why a value cannot be an item that is given to a run.
pub(super) fn unfit(value: &Value) -> Option<(ViolationCode, String)> {
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
