//! The routes of `config.json` in Vercel's Build Output API, version 3.
//!
//! Pure: what a request leads to depends on its method and path, on the routes, and on which paths exist.
//! What this program does not do (conditions, transforms, other hosts) is refused when the routes are read: served
//! without it, a deployment would look right here and be wrong there.

mod resolve;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use fancy_regex::{Regex, RegexBuilder};
use http::{HeaderName, Method};
use serde::Deserialize;

pub(crate) use resolve::{Resolution, Target};

/// An entry of `routes`: the mark of a phase (`handle`) or a route of the phase that it stands in (`src`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Entry {
    /// Begins a phase.
    pub(crate) handle: Option<Phase>,
    /// A regular expression over the whole path.
    pub(crate) src: Option<String>,
    /// The path that is served instead; may use the captures of `src` (`$1`, `$name`) and carry a query.
    pub(crate) dest: Option<String>,
    /// Headers of the answer; may use the captures.
    pub(crate) headers: BTreeMap<String, String>,
    /// Only for these methods; empty means all.
    pub(crate) methods: Vec<String>,
    /// Goes on with the next route.
    pub(crate) r#continue: bool,
    /// Only counts when `dest` exists.
    pub(crate) check: bool,
    /// Whether `src` tells capitals from small letters.
    pub(crate) case_sensitive: bool,
    /// Status of the answer; with a `Location` header it is a redirect.
    pub(crate) status: Option<u16>,
}

/// When a route is looked at. Entries before the first mark belong to `First`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Phase {
    /// Before anything else.
    #[serde(skip)]
    First,
    /// After neither a file nor a function had the path.
    Filesystem,
    /// After `Filesystem`, for paths that still are nothing.
    Resource,
    /// After that: the dynamic paths.
    Rewrite,
    /// Whenever a path turned out to be nothing.
    Miss,
    /// When a path turned out to be something; only headers count.
    Hit,
    /// When nothing was found at the end.
    Error,
}

/// Why routes cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidRoute {
    /// The entry says neither or both.
    #[error("routes[{0}] must have either `handle` or `src`")]
    Shape(usize),
    /// The pattern is not one.
    #[error("routes[{index}]: `src` is not a pattern that can be used: {reason}")]
    Pattern { index: usize, reason: Box<fancy_regex::Error> },
    /// A header's name, or a method, or a status.
    #[error("routes[{index}]: {what} `{value}` is not valid")]
    Value { index: usize, what: &'static str, value: String },
    /// Another server.
    #[error("routes[{0}] leads to another server, which this program does not do")]
    Elsewhere(usize),
}

/// Routes, ready for use.
#[derive(Debug, Default)]
pub(crate) struct Table {
    phases: BTreeMap<Phase, Vec<Route>>,
}

#[derive(Debug)]
struct Route {
    pattern: Regex,
    methods: Vec<Method>,
    dest: Option<String>,
    headers: Vec<(HeaderName, String)>,
    goes_on: bool,
    check: bool,
    status: Option<http::StatusCode>,
}

impl Table {
    /// Reads the entries.
    ///
    /// # Errors
    /// The first entry that is wrong.
    pub(crate) fn new(entries: &[Entry]) -> Result<Self, InvalidRoute> {
        let mut phases: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut phase = Phase::First;
        for (index, entry) in entries.iter().enumerate() {
            match (entry.handle, &entry.src) {
                (Some(next), None) => phase = next,
                (None, Some(src)) => phases.entry(phase).or_default().push(Route::new(index, src, entry)?),
                _ => return Err(InvalidRoute::Shape(index)),
            }
        }
        Ok(Self { phases })
    }

    /// How many routes there are.
    pub(crate) fn len(&self) -> usize {
        self.phases.values().map(Vec::len).sum()
    }

    fn of(&self, phase: Phase) -> &[Route] {
        self.phases.get(&phase).map_or(&[], Vec::as_slice)
    }
}

impl Route {
    fn new(index: usize, src: &str, entry: &Entry) -> Result<Self, InvalidRoute> {
        let invalid =
            |what, value: &dyn ToString| InvalidRoute::Value { index, what, value: value.to_string() };
        if entry.dest.as_ref().is_some_and(|dest| dest.contains("://")) {
            return Err(InvalidRoute::Elsewhere(index));
        }
        // The platform takes a pattern for the whole path, with or without its anchors.
        let pattern = RegexBuilder::new(&format!("^(?:{src})$"))
            .case_insensitive(!entry.case_sensitive)
            .build()
            .map_err(|reason| InvalidRoute::Pattern { index, reason: Box::new(reason) })?;
        let methods =
            entry.methods.iter().map(|method| method.parse().map_err(|_| invalid("method", method)));
        let headers = entry.headers.iter().map(|(name, value)| {
            let name = name.parse::<HeaderName>().map_err(|_| invalid("header", name))?;
            Ok((name, value.clone()))
        });
        let status = entry
            .status
            .map(|status| http::StatusCode::from_u16(status).map_err(|_| invalid("status", &status)));
        Ok(Self {
            pattern,
            methods: methods.collect::<Result<_, _>>()?,
            dest: entry.dest.clone(),
            headers: headers.collect::<Result<_, _>>()?,
            goes_on: entry.r#continue,
            check: entry.check,
            status: status.transpose()?,
        })
    }
}
