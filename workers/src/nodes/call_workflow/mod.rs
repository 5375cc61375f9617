//! `call_workflow`: has other workflows run, and goes on with what they give.
//!
//! An attempt starts as many runs as may be under way, and ends with them as [`Outcome::Calling`]: the engine writes
//! that down, and the runs are started in the same commit. When some of them have ended the attempt is executed
//! again, with the ends of all that have ended so far, and starts the next ones.

mod asking;
mod calls;
mod kept;
mod outcome;

use domain::{
    definition::{Definition, Node},
    kinds::{
        call_workflow::{DEFAULT_CONCURRENCY, Mode, Params},
        params::{At, Reader},
    },
    template::InvalidTemplate,
    violation::Violations,
};
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::{Call, CallContext};
use crate::{engine::Outcome, expr::Param};

/// A node that calls.
#[derive(Debug)]
pub(super) struct CallWorkflow {
    params: Param,
    mode: Mode,
    /// How many called runs may be under way.
    concurrency: usize,
    /// Whether the items go on when they have ended.
    waits: bool,
}

impl CallWorkflow {
    pub(super) fn compile(node: &Node, definition: &Definition) -> Result<Self, InvalidTemplate> {
        let params = Param::compile(&Value::Object(node.params.clone()), definition)?;
        // These hold no expressions. What is wrong was found when the workflow was read.
        let (table, at, mut violations) = (Params::TABLE, At::root("params"), Violations::new());
        let mut reader = Reader::proven(&mut violations);
        let mode = table.read("mode", Some(Mode::Once), &node.params, &at, &mut reader);
        let concurrency =
            table.read("concurrency", Some(DEFAULT_CONCURRENCY), &node.params, &at, &mut reader);
        let waits = table.read("wait", Some(true), &node.params, &at, &mut reader);
        Ok(Self {
            params,
            mode: mode.unwrap_or(Mode::Once),
            concurrency: concurrency.unwrap_or(DEFAULT_CONCURRENCY).0,
            waits: waits.unwrap_or(true),
        })
    }
}

impl Call for CallWorkflow {
    fn params<'p>(&'p self, visit: &mut dyn FnMut(&'p Param)) {
        visit(&self.params);
    }

    fn call(&self, context: CallContext) -> BoxFuture<'_, Outcome> {
        Box::pin(calls::run(self, context))
    }
}
