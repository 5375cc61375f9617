//! `call_workflow`: has other workflows run.

use std::time::Duration;

use serde_json::Value;

use super::{
    declaration::{COMPUTES, Declaration, Effect, Example, Group},
    params::{At, Parameter, Reader, choice, count, hyphenated_schema, params, read_hyphenated},
};
use crate::{ids::WorkflowId, limits::MAX_CALL_CONCURRENCY, retry::RetryPolicy};

params! {
    /// Its parameters.
    pub struct Params {
        /// The workflow: its id. The newest version runs; it need not be active, and begins at its `manual` trigger.
        workflow_id: WorkflowId;
        /// How often it is called: `once` with all items as its input, or `each` for each item with that item.
        mode: Mode = Mode::Once, [fixed];
        /// How many of the called runs may be under way at a time: 1 to 100.
        concurrency: Concurrency = DEFAULT_CONCURRENCY, [fixed], with mode ["each"];
        /// Whether the items go on when the called runs have ended, with what these give; else at once, each as
        /// `{run_id}`.
        wait: bool = true, [fixed];
    }
}

choice! {
    /// How often the workflow is called.
    pub enum Mode {
        /// Once, with all items.
        Once = "once",
        /// Once for each item.
        Each = "each",
    }
}

/// How many there are when a node does not say.
pub const DEFAULT_CONCURRENCY: Concurrency = Concurrency(10);

/// How many called runs may be under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Concurrency(pub usize);

impl Parameter for Concurrency {
    const NAME: &'static str = "whole number";

    fn schema() -> Value {
        count::schema(1..=MAX_CALL_CONCURRENCY)
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        count::read(value, at, reader, 1..=MAX_CALL_CONCURRENCY, Some("MAX_CALL_CONCURRENCY")).map(Self)
    }
}

impl From<Concurrency> for Value {
    fn from(concurrency: Concurrency) -> Self {
        concurrency.0.into()
    }
}

/// Hexadecimal digits with hyphens: what the API gives.
impl Parameter for WorkflowId {
    const NAME: &'static str = "id of a workflow";

    fn schema() -> Value {
        hyphenated_schema()
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        read_hyphenated(value, at, reader, ("a workflow", true)).map(Self)
    }
}

/// The kind. Its attempts only start runs: they are tried again for an hour while the store is away.
pub static DECLARATION: Declaration = Declaration {
    name: "call_workflow",
    title: "Call workflow",
    group: Group::Flow,
    summary: "Has another workflow of the same tenant run, once or for each item, and goes on with what it gives.",
    docs: "A called run is a run of its own, with its own time limit, in the lists and with `trigger.kind: \"workflow\"`; \
           `trigger.parent` names the run, the node and the item that called it. It is started once, whatever crashes and \
           however often the step is tried. With `wait` the step goes on when the called runs have ended: what leaves are \
           the items of their last nodes, node after node in the order of their documents and without those of a port \
           `error`; in mode `each` run after run in the order of the items, each run's items coming from the item that it \
           was called for. While it waits, the run holds nothing but its row in the worker's journal.\n\n\
           A called run that fails, is cancelled or is out of time fails its item: the error has the code \
           `workflow_failed`, `workflow_cancelled` or `workflow_timed_out`, and names the run (`details.run_id`) and its \
           error. With `on_error: fail` the first one ends the calling run. `retry` is about reading the workflow from the \
           store only: to try a workflow again, let it do so itself.\n\n\
           When the calling run ends before them, called runs that it waits for are cancelled; without `wait` they go on by \
           themselves. `timeout` is that of an attempt to start runs, not of the wait. Workflows may call each other and \
           themselves to a depth of 16. The input of a called run is limited as any other is (512 KiB).\n\n\
           Different from n8n: what comes back are the items of all last nodes of the called workflow, not of the one that \
           ran last. In mode `each` a failed item leaves by `error` (there it is lost), and called runs go on at the same \
           time, `concurrency` of them. Without `wait` items are `{run_id}`, where there the items pass through. A workflow \
           begins at its `manual` trigger and takes any items: it declares no types of inputs, and its document is never \
           given in place of its id.",
    icon: "workflow",
    effect: Effect::Calls,
    retry: RetryPolicy::standard(100, Duration::from_secs(3_600)),
    params: Params::TABLE,
    check: Params::check,
    example: Example {
        params: r#"{"workflow_id": "018f3c3e-0000-7000-8000-000000000000", "mode": "each", "concurrency": 2}"#,
        input: r#"[{"order": 1}, {"order": 2}]"#,
        output: r#"{"main": [{"order": 1}, {"order": 2}]}"#,
    },
    ..COMPUTES
};
