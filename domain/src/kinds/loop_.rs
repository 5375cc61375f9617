//! `loop`: hands out its items in batches, an iteration each, and in the end what came back.

use serde_json::{Map, Value};

use super::{
    declaration::{COMPUTES, Declaration, Example, Group, OutputPorts},
    params::{At, Parameter, Reader, count, params, whole},
};
use crate::{
    definition::DEFAULT_MAX_ITERATIONS,
    items::name_of,
    limits::{MAX_ITEMS, MAX_ITERATIONS},
    violation::ViolationCode as Code,
};

/// The port of the batches.
pub const LOOP: &str = "loop";

/// The port of all that came back.
pub const DONE: &str = "done";

params! {
    /// Its parameters.
    pub struct Params {
        /// How many items an iteration gets: 1 to 10,000.
        batch: Count<{ MAX_ITEMS as u32 }> = Count(1);
        /// How many iterations there may be: 1 to 100,000. The run fails that would need more.
        max_iterations: Count<MAX_ITERATIONS> = Count(DEFAULT_MAX_ITERATIONS), [fixed];
    }
}

/// A whole number from 1 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count<const MOST: u32>(pub u32);

impl<const MOST: u32> Parameter for Count<MOST> {
    const NAME: &'static str = "whole number";

    fn schema() -> Value {
        count::schema(1..=MOST as usize)
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        if !value.is_number() {
            let message = format!("`{}` is a whole number, not {}", at.name(), name_of(value));
            reader.violation(at, Code::InvalidType, message);
            return None;
        }
        let count = count::read(value, at, reader, 1..=MOST as usize, None)?;
        u32::try_from(count).ok().map(Self)
    }
}

impl<const MOST: u32> From<Count<MOST>> for Value {
    fn from(count: Count<MOST>) -> Self {
        count.0.into()
    }
}

/// What the parameters of a valid node say of its iterations.
#[must_use]
pub fn max_iterations(params: &Map<String, Value>) -> u32 {
    let said = params.get("max_iterations").and_then(Value::as_number).and_then(whole);
    said.and_then(|most| u32::try_from(most).ok()).unwrap_or(DEFAULT_MAX_ITERATIONS)
}

/// The kind.
pub static DECLARATION: Declaration = Declaration {
    name: "loop",
    title: "Loop",
    group: Group::Flow,
    summary: "Hands out its items in batches, one after the other, and in the end everything that came back.",
    docs: "What is connected to the port `loop` runs once for each batch; edges that lead back to the loop bring what it \
           gives, in the order of the iterations, to the port `done`. An iteration ends when all of its steps have ended, \
           also those of dead ends, and the next one begins whether something came back or not. `$('Node')` inside means \
           this iteration, behind the loop the last one in which the node ran; `$iteration` counts from 0. Its expressions \
           see the first item. Loops may be nested. A cycle without a `loop` node is a loop too: what comes back to where \
           it was entered begins the next iteration, at most `settings.max_iterations` times.\n\n\
           Different from n8n: an iteration that gives nothing back goes on with the next batch, where there the loop ends \
           without a word. A loop that is entered again, as an inner one is in each iteration of the outer, begins anew: \
           “reset” is not needed, and what it served for, asking until something holds, is a cycle without a `loop` node. \
           How often it has run is `$iteration`. An empty list ends the branch, in both.",
    icon: "repeat",
    ports: OutputPorts::Fixed(&[LOOP, DONE]),
    params: Params::TABLE,
    check: Params::check,
    example: Example {
        params: r#"{"batch": 2}"#,
        input: r#"[{"id": 1}, {"id": 2}, {"id": 3}]"#,
        output: r#"{"loop": [{"id": 1}, {"id": 2}], "done": []}"#,
    },
    ..COMPUTES
};
