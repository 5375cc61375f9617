//! What the worker asks a child, and what it answers. `T` is data: items and values on the worker's side, JSON text on
//! the child's, so that each side writes or reads it once.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use domain::items::Item;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::JavaScriptLimits;

/// The values of expressions for items.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request<T> {
    /// The expressions.
    pub(super) sources: Vec<Arc<str>>,
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
pub(super) const fn longest(limits: JavaScriptLimits) -> Duration {
    limits.slice.saturating_add(limits.time)
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
    /// Its items, unless it has not run.
    pub(super) ports: Option<Vec<(String, Vec<T>)>>,
    /// Which of its ports those are that no name asks for.
    pub(super) main: Vec<usize>,
}

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
    },
    /// An expression does not stop: the child ends.
    Stuck { source: usize },
    /// The engine failed.
    Failed(String),
}
