//! In what the two forms of Confluent's connector files differ.

use std::ops::RangeInclusive;

use http::{HeaderMap, Method};
use secrecy::SecretString;

use super::{ErrorReport, OnError, OnNull, body::BodyKeys};

/// Where records go: the keys in which the two forms differ most.
pub(super) struct Target {
    pub(super) topics: Vec<String>,
    pub(super) url: String,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) basic: Option<(String, SecretString)>,
}

/// How a form calls the rest, what it allows and what it takes for granted.
pub(super) struct Dialect {
    pub(super) body: BodyKeys,
    pub(super) max_retries: RangeInclusive<u32>,
    pub(super) on_null: &'static [(&'static str, OnNull)],
    pub(super) on_error: &'static [(&'static str, OnError)],
    /// `errors.tolerance` where it is not given.
    pub(super) tolerance: &'static str,
    /// The first one is the default.
    pub(super) report: [(&'static str, ErrorReport); 2],
}
