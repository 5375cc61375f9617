//! A request and its answer, whatever carries them.

use std::collections::BTreeMap;

use http::{HeaderMap, Method};
use serde_json::Value;

/// What a client sends.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// The path, and the query without its `?`.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Call {
    /// A request of that method; `target` may have a query.
    pub(crate) fn new(method: Method, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (path, query) = (path.to_owned(), query.to_owned());
        Self { method, path, query, headers: Vec::new(), body: Vec::new() }.header("x-request-id", "same")
    }

    pub(crate) fn get(target: &str) -> Self {
        Self::new(Method::GET, target)
    }

    pub(crate) fn post(target: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut call = Self::new(Method::POST, target).header("content-type", "application/json");
        call.body = body.into();
        call
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }
}

/// What a client gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// All but those of the connection.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// What belongs to a connection or a moment, not to an answer.
const OF_THE_CONNECTION: [&str; 4] = ["connection", "content-length", "date", "transfer-encoding"];

impl Answer {
    pub(crate) fn new(status: u16, headers: &HeaderMap, body: Vec<u8>) -> Self {
        let mut folded = BTreeMap::<String, String>::new();
        for (name, value) in headers {
            if OF_THE_CONNECTION.contains(&name.as_str()) {
                continue;
            }
            let value = value.to_str().unwrap();
            let known = folded.entry(name.to_string()).or_default();
            if !known.is_empty() {
                known.push_str(", ");
            }
            known.push_str(value);
        }
        Self { status, headers: folded, body: String::from_utf8(body).unwrap() }
    }

    /// Without what depends on the moment: when to come back is later while a breaker is open.
    pub(crate) fn without_moment(mut self) -> Self {
        if let Some(after) = self.headers.get_mut("retry-after") {
            "soon".clone_into(after);
        }
        self
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}
