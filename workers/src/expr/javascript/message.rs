//! What the worker asks a child, and what it answers. `T` is data: items and values on the worker's side, JSON text on
//! the child's, so that each side writes or reads it once.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use domain::items::Item;
use minireipaz::auth::LinkKey;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::JavaScriptLimits;

/// What sources are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Form {
    Expression,
    /// A program that runs once: its own to change are the items of the input, and its value says which of them it gives
    /// back.
    ProgramForAll,
    /// A program that runs for each item.
    ProgramForEach,
}

impl Form {
    /// How long one of them may take, in CPU time.
    pub(super) const fn time(self, limits: JavaScriptLimits) -> Duration {
        match self {
            Self::Expression => limits.time,
            Self::ProgramForAll | Self::ProgramForEach => limits.program,
        }
    }

    /// What took longer, for people.
    pub(super) fn too_long(self, limits: JavaScriptLimits) -> String {
        let most = self.time(limits).as_millis();
        match self {
            Self::Expression => format!("it took longer than the limit of {most} ms for an expression"),
            _ => format!("it took longer than the limit of {most} ms for a program"),
        }
    }
}

/// The values of expressions, or of a program, for items.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request<T> {
    /// The expressions.
    pub(super) sources: Vec<Arc<str>>,
    /// What they are.
    pub(super) form: Form,
    /// The places of the items for which all of them are evaluated.
    pub(super) items: Vec<usize>,
    /// The first of them to be evaluated for the first item: those before have values already.
    pub(super) from: usize,
    /// Evaluates no further item when the answer has so many bytes.
    pub(super) most_bytes: usize,
    /// Evaluates nothing more when a limit has stopped an expression.
    pub(super) stop_at_limit: bool,
    /// What they see, as far as they read it.
    pub(super) scope: Seen<T>,
}

/// The longest CPU time that a request's expressions may take: none is begun after the slice.
pub(super) const fn longest(limits: JavaScriptLimits, form: Form) -> Duration {
    limits.slice.saturating_add(form.time(limits))
}

/// What expressions read.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Seen<T> {
    /// All items that came in, if `$input` is read.
    pub(super) input: Option<Vec<T>>,
    /// `$json` of each of the items that are asked for, if it is read and `input` does not have it.
    pub(super) json: Option<Vec<T>>,
    /// `$run`, `$workflow`, `$env`.
    pub(super) run: Option<T>,
    pub(super) workflow: Option<T>,
    pub(super) env: Option<T>,
    /// What makes the links of `$run.resumeUrl()`, if any are asked for.
    pub(super) links: Option<LinkKey>,
    /// `$response`, and `$pageCount`, behind a page of an answer.
    pub(super) response: Option<T>,
    pub(super) page_count: Option<usize>,
    /// `$now`, in milliseconds since 1970.
    pub(super) now: i64,
    /// `$iteration`.
    pub(super) iteration: Option<u32>,
    /// What `$('…')` may name: a place in `nodes`, or why it is none.
    pub(super) names: BTreeMap<String, Result<usize, String>>,
    /// Whether those are all names that there are.
    pub(super) all_names: bool,
    pub(super) nodes: Vec<NodeItems<T>>,
}

/// The items of a node that may be read.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct NodeItems<T> {
    /// What errors call it.
    pub(super) name: String,
    /// Its items by port, unless it has not run. When only items are read that belong to those of the step, it is one
    /// port of no name with them.
    pub(super) ports: Option<Vec<(String, Vec<T>)>>,
    /// Which of its ports those are that no name asks for.
    pub(super) main: Vec<usize>,
    /// For items of the step, in their order: the place of the port and of the item in it that belongs to each, or why
    /// there is none.
    pub(super) origins: Vec<(usize, Origin)>,
}

/// The place of a port and of an item in it, or why there is none.
pub(super) type Origin = Result<(usize, usize), String>;

/// Data on the worker's side.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
pub(super) enum Data<'s> {
    Item(&'s Item),
    Value(&'s Value),
}

/// What became of a request.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer<T> {
    /// Values, or why there is none, item by item and in each in the order of the expressions. The last item may have
    /// those of its first expressions only.
    Values {
        values: Vec<Result<T, String>>,
        /// Whether a limit ended it, as was asked: there are no more.
        ended: bool,
        /// The child should not be used again.
        retire: bool,
        /// What was written to the console.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        console: Vec<String>,
    },
    /// An expression does not stop: the child ends.
    Stuck { source: usize },
    /// The engine failed.
    Failed(String),
}
