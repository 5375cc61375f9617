//! What a request leads to.

use fancy_regex::Captures;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header::LOCATION};

use super::{Phase, Route, Table};

/// Where a request ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// This path exists: a file or a function.
    Found(String),
    /// The client is sent elsewhere; the headers say where.
    Redirect(StatusCode),
    /// A route says that there is nothing, or nothing was found.
    Refused(StatusCode),
}

/// What a request leads to.
#[derive(Debug)]
pub(crate) struct Resolution {
    /// Where it ends.
    pub(crate) target: Target,
    /// The parameters that routes add to the query, encoded; empty when there are none.
    pub(crate) query: String,
    /// The answer's status, where a route sets one for something that exists.
    pub(crate) status: Option<StatusCode>,
    /// Headers of the answer, unless a function sets them itself.
    pub(crate) headers: HeaderMap,
}

/// How far the routes have led.
struct Walk<'a> {
    method: &'a Method,
    exists: &'a dyn Fn(&str) -> bool,
    path: String,
    query: String,
    status: Option<StatusCode>,
    headers: HeaderMap,
}

/// What a phase has led to.
enum AfterPhase {
    /// No route ended it, or one named a path that has to be looked for.
    GoOn,
    /// A route says how the request ends.
    End(StatusCode),
}

impl Table {
    /// What a request leads to. `exists` knows the paths of files and functions.
    pub(crate) fn resolve(&self, method: &Method, path: &str, exists: &dyn Fn(&str) -> bool) -> Resolution {
        let mut walk = Walk {
            method,
            exists,
            path: path.to_owned(),
            query: String::new(),
            status: None,
            headers: HeaderMap::new(),
        };
        let target = walk.through(self);
        Resolution { target, query: walk.query, status: walk.status, headers: walk.headers }
    }
}

impl Walk<'_> {
    fn through(&mut self, table: &Table) -> Target {
        for phase in [Phase::First, Phase::Filesystem, Phase::Resource, Phase::Rewrite] {
            for phase in [phase, Phase::Miss] {
                if let AfterPhase::End(status) = self.phase(table, phase) {
                    return self.ended(status);
                }
                if (self.exists)(&self.path) {
                    return self.found(table);
                }
            }
        }
        self.status = None;
        self.phase(table, Phase::Error);
        if (self.exists)(&self.path) {
            return Target::Found(self.path.clone());
        }
        Target::Refused(self.status.take().unwrap_or(StatusCode::NOT_FOUND))
    }

    /// The headers of `hit` are added; a status of theirs would not be true of what was found.
    fn found(&mut self, table: &Table) -> Target {
        let (path, query, status) = (self.path.clone(), self.query.clone(), self.status);
        self.phase(table, Phase::Hit);
        (self.query, self.status) = (query, status);
        Target::Found(path)
    }

    fn ended(&mut self, status: StatusCode) -> Target {
        if status.is_redirection() {
            if !self.headers.contains_key(LOCATION)
                && let Ok(location) = HeaderValue::try_from(&self.path)
            {
                self.headers.insert(LOCATION, location);
            }
            return Target::Redirect(status);
        }
        Target::Refused(status)
    }

    fn phase(&mut self, table: &Table, phase: Phase) -> AfterPhase {
        for route in table.of(phase) {
            if !route.methods.is_empty() && !route.methods.contains(self.method) {
                continue;
            }
            let path = self.path.clone();
            // A pattern that gives up on a path (too many steps) does not match it.
            let Ok(Some(captures)) = route.pattern.captures(path.as_str()) else { continue };
            let (dest, query) = match &route.dest {
                Some(dest) => expanded(dest, &captures),
                None => (path.clone(), String::new()),
            };
            self.apply(route, &captures, phase);
            self.path = dest;
            if !query.is_empty() {
                self.query = query;
            }
            // A path that is nothing yet may become something by the routes that follow.
            let only_looks = route.check && route.status.is_none() && phase != Phase::Hit;
            if only_looks && !(self.exists)(&self.path) {
                continue;
            }
            if route.goes_on {
                self.status = route.status.or(self.status);
                continue;
            }
            return match route.status {
                // In `error` the path is the page to show, and the status the answer's.
                Some(status)
                    if phase == Phase::Error || (self.exists)(&self.path) && !status.is_redirection() =>
                {
                    self.status = Some(status);
                    AfterPhase::GoOn
                }
                Some(status) => AfterPhase::End(status),
                None => AfterPhase::GoOn,
            };
        }
        AfterPhase::GoOn
    }

    /// Headers that are set already stay in `hit` and `miss`.
    fn apply(&mut self, route: &Route, captures: &Captures<'_, str>, phase: Phase) {
        for (name, value) in &route.headers {
            if matches!(phase, Phase::Hit | Phase::Miss) && self.headers.contains_key(name) {
                continue;
            }
            if let Ok(value) = HeaderValue::try_from(with_captures(value, captures, str::to_owned)) {
                self.headers.insert(name.clone(), value);
            }
        }
    }
}

/// A destination's path and query with the captures in their places.
fn expanded(dest: &str, captures: &Captures<'_, str>) -> (String, String) {
    let (path, query) = dest.split_once('?').unwrap_or((dest, ""));
    let mut path = with_captures(path, captures, str::to_owned);
    if !path.starts_with('/') {
        path.insert(0, '/');
    }
    (path, with_captures(query, captures, in_query))
}

/// A piece of a path as a value of the query: what would end the value there, or mean a space, is encoded.
fn in_query(piece: &str) -> String {
    piece.replace('&', "%26").replace('#', "%23").replace('+', "%2B")
}

/// Replaces `$1` and `$name`; a capture that took no part is empty.
fn with_captures(template: &str, captures: &Captures<'_, str>, encode: fn(&str) -> String) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        text.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
        let name = &after[..end];
        let value = match name.parse::<usize>() {
            Ok(number) => captures.get(number),
            Err(_) => captures.name(name),
        };
        match (name, value) {
            ("", _) => text.push('$'),
            (_, Some(value)) => text.push_str(&encode(value.as_str())),
            (_, None) => {}
        }
        rest = &after[end..];
    }
    text.push_str(rest);
    text
}
