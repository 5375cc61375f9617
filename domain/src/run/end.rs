//! What a run that was called has come to, for the run that called it.

use serde_json::{Value, json};

use super::{NodeError, Run, RunStatus};
use crate::{
    ids::RunId,
    items::{ERROR, Item, error_field},
    limits::{MAX_STEP_OUTPUT_BYTES, above},
    measure::value_bytes_within,
};

/// What became of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum RunEnd {
    /// The items of its last nodes.
    Succeeded(Vec<Item>),
    /// It did not succeed.
    Failed(Box<NodeError>),
}

impl RunEnd {
    /// What became of a run that has ended. Its last nodes' items follow each other in the order of the document; those
    /// of a port `error` are not among them. More than a step may give is a failure.
    #[must_use]
    pub fn of(run: &Run) -> Self {
        if run.status != RunStatus::Succeeded {
            return Self::failed(run.id, run.status, run.error.as_ref());
        }
        let bytes = run.output.as_ref().map_or(Ok(0), |output| value_bytes_within(output, usize::MAX));
        let bytes = bytes.unwrap_or(usize::MAX);
        if bytes <= MAX_STEP_OUTPUT_BYTES {
            return Self::Succeeded(items_of(run.output.as_ref()));
        }
        let why = above(bytes, "bytes", MAX_STEP_OUTPUT_BYTES, "MAX_STEP_OUTPUT_BYTES");
        let message =
            format!("what the last nodes of run {} gave is too much: {why}; let them give less", run.id);
        let details =
            json!({ "run_id": run.id, "limit": "MAX_STEP_OUTPUT_BYTES", "most": MAX_STEP_OUTPUT_BYTES });
        Self::Failed(Box::new(NodeError::new("limit", message).with_details(details)))
    }

    /// A run that could not be started, or did not succeed.
    #[must_use]
    pub fn failed(run: RunId, status: RunStatus, error: Option<&NodeError>) -> Self {
        let said = error.map_or("", |error| error.message.as_str());
        let message = format!("the called run {run} ended as {status}: {said}");
        let details = json!({ "run_id": run, "status": status, "error": error.map(error_field) });
        let code = format!("workflow_{status}");
        Self::Failed(Box::new(NodeError::new(code, message).with_details(details)))
    }

    /// As it is handed on.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match self {
            Self::Succeeded(items) => json!({ "items": items }),
            Self::Failed(error) => json!({ "error": error }),
        }
    }

    /// What was handed on; `None`: it cannot be read.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        if let Some(error) = value.get("error") {
            return serde_json::from_value(error.clone()).ok().map(|error| Self::Failed(Box::new(error)));
        }
        let items = value.get("items")?.as_array()?.iter().map(|item| item.as_object().cloned());
        items.collect::<Option<Vec<_>>>().map(Self::Succeeded)
    }
}

/// The items of a run's output: of a node with one port a list, of one with several a list a port.
fn items_of(output: Option<&Value>) -> Vec<Item> {
    let nodes = output.and_then(Value::as_object).into_iter().flat_map(|nodes| nodes.values());
    let lists = nodes.flat_map(|node| match node {
        Value::Object(ports) => {
            ports.iter().filter(|(port, _)| *port != ERROR).map(|(_, list)| list).collect()
        }
        list => vec![list],
    });
    let items = lists.filter_map(Value::as_array).flatten();
    items.filter_map(|item| item.as_object().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::WorkflowId,
        run::{NewRun, Trigger},
        timestamp::Timestamp,
    };

    fn run(status: RunStatus, output: Option<Value>, error: Option<NodeError>) -> Run {
        let at = Timestamp::from_millis(5);
        let new = NewRun {
            id: RunId::at(at, 1),
            workflow_id: WorkflowId::at(at, 2),
            workflow_version: 3,
            attempt: 1,
            trigger: Trigger::manual(),
            input: Value::Null,
            created_at: at,
        };
        Run { status, output, error, ..new.queued() }
    }

    #[test]
    fn the_items_of_the_last_nodes_follow_each_other_without_those_that_failed() {
        let output =
            json!({"b": [{"n": 1}], "a": {"true": [{"n": 2}], "false": [{"n": 3}], "error": [{"n": 4}]}});
        let end = RunEnd::of(&run(RunStatus::Succeeded, Some(output), None));
        let RunEnd::Succeeded(items) = &end else { panic!("{end:?}") };
        let mut numbers: Vec<_> = items.iter().map(|item| item["n"].as_u64().unwrap()).collect();
        assert_eq!(numbers.first(), Some(&1));
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 2, 3]);
        assert_eq!(RunEnd::read(&end.to_value()), Some(end));
    }

    #[test]
    fn whatever_is_no_success_is_a_failure_that_names_the_run() {
        for (status, code) in [
            (RunStatus::Failed, "workflow_failed"),
            (RunStatus::Cancelled, "workflow_cancelled"),
            (RunStatus::TimedOut, "workflow_timed_out"),
        ] {
            let run = run(status, None, Some(NodeError::new("x", "it did not work")));
            let end = RunEnd::of(&run);
            let RunEnd::Failed(error) = &end else { panic!("{end:?}") };
            assert_eq!(error.code, code);
            assert!(error.message.contains("it did not work") && error.message.contains(&run.id.to_string()));
            assert_eq!(error.details.as_ref().unwrap()["error"]["code"], "x");
            assert_eq!(RunEnd::read(&end.to_value()), Some(end));
        }
    }

    #[test]
    fn more_than_a_step_may_give_is_a_failure_that_names_the_limit() {
        let output = json!({"a": [{"text": "x".repeat(MAX_STEP_OUTPUT_BYTES)}]});
        let RunEnd::Failed(error) = RunEnd::of(&run(RunStatus::Succeeded, Some(output), None)) else {
            panic!("it is too much")
        };
        assert!(error.message.contains("MAX_STEP_OUTPUT_BYTES"), "{error:?}");
    }
}
