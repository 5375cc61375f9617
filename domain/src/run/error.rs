//! Why nodes and runs fail.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    ids::NodeId,
    limits::{MAX_DETAILS_BYTES, MAX_DETAILS_DEPTH, MAX_MESSAGE_BYTES, above},
    measure::{flattened, value_bytes},
    timestamp::Timestamp,
};

/// Why a node or a run failed. It is durable: the journal and `ClickHouse` keep it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NodeError {
    /// For programs: `http_status`, `timeout`, `expression`, ….
    pub code: String,
    /// For people: what failed, and what to do about it.
    pub message: String,
    /// The node that failed; missing for an error of the run itself, such as its time limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_id: Option<NodeId>,
    /// Anything a program may want: the status, a part of the answer, ….
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
    /// Every attempt that failed, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<FailedAttempt>,
}

impl NodeError {
    /// An error without details.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        let error = Self {
            code: code.into(),
            message: message.into(),
            node_id: None,
            details: None,
            history: Vec::new(),
        };
        error.within_limits()
    }

    /// The same error with details; `null` is none.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = Some(details).filter(|details| !details.is_null());
        self.within_limits()
    }

    /// The same error, such that it can be written and read back everywhere: a message above [`MAX_MESSAGE_BYTES`] is
    /// cut, details below [`MAX_DETAILS_DEPTH`] levels are given as JSON text, and what makes them larger than
    /// [`MAX_DETAILS_BYTES`] is left out, which they say. An error is never refused: that would hide it.
    #[must_use]
    pub fn within_limits(mut self) -> Self {
        if self.message.len() > MAX_MESSAGE_BYTES {
            self.message.truncate(self.message.floor_char_boundary(MAX_MESSAGE_BYTES - "…".len()));
            self.message.push('…');
        }
        self.details = self.details.take().map(|details| shortened(flattened(details, MAX_DETAILS_DEPTH)));
        self
    }
}

/// The details without what is too large: fields of theirs, such as the headers of an answer, else all of them.
fn shortened(mut details: Value) -> Value {
    let bytes = |value: &Value| value_bytes(value).unwrap_or(usize::MAX);
    let left_out =
        |bytes| json!({ "left_out": above(bytes, "bytes", MAX_DETAILS_BYTES, "MAX_DETAILS_BYTES") });
    let size = bytes(&details);
    if size <= MAX_DETAILS_BYTES {
        return details;
    }
    if let Value::Object(fields) = &mut details {
        for field in fields.values_mut() {
            let size = bytes(field);
            if size > MAX_DETAILS_BYTES / 4 {
                *field = left_out(size);
            }
        }
    }
    if bytes(&details) <= MAX_DETAILS_BYTES { details } else { left_out(size) }
}

/// One attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FailedAttempt {
    /// 1, 2, ….
    pub attempt: u32,
    /// When it failed.
    pub at: Timestamp,
    /// The error's code.
    pub code: String,
    /// The error's message.
    pub message: String,
    /// How long the next attempt was put off, in milliseconds; missing after the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
}

impl FailedAttempt {
    /// An entry of an error's history; `due` is when the next attempt was.
    #[must_use]
    pub fn of(error: &NodeError, attempt: u32, at: Timestamp, due: Option<Timestamp>) -> Self {
        let delay_ms = due.map(|due| u64::try_from(due.since(at).as_millis()).unwrap_or(u64::MAX));
        Self { attempt, at, code: error.code.clone(), message: error.message.clone(), delay_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        items::{ERROR, Item, error_field},
        measure::item_bytes,
    };

    fn nested(levels: usize) -> Value {
        (0..levels).fold(json!(1), |inner, _| json!([inner]))
    }

    #[test]
    fn an_errors_details_fit_into_an_item_however_deep_they_were() {
        for levels in [1, MAX_DETAILS_DEPTH, MAX_DETAILS_DEPTH + 1, 127] {
            let error = NodeError::new("x", "x").with_details(nested(levels));
            let item = Item::from_iter([(ERROR.to_owned(), error_field(&error))]);
            assert!(item_bytes(&item).is_ok(), "{levels}");
            assert_eq!(error.details == Some(nested(levels)), levels <= MAX_DETAILS_DEPTH, "{levels}");
        }
        let whole = NodeError::new("x", "x").with_details(nested(MAX_DETAILS_DEPTH + 1));
        assert!(whole.details.unwrap().to_string().contains("\"[1]\""), "what is too deep is text");
    }

    #[test]
    fn an_error_that_is_too_large_is_cut_and_says_so() {
        let text = |bytes: usize| Value::String("x".repeat(bytes));
        let fitting = text(MAX_DETAILS_BYTES - 2);
        assert_eq!(NodeError::new("x", "x").with_details(fitting.clone()).details, Some(fitting));
        let error = NodeError::new("x", "x").with_details(text(MAX_DETAILS_BYTES - 1));
        assert!(error.details.unwrap().to_string().contains("MAX_DETAILS_BYTES"));
        let details = json!({ "status": 503, "headers": text(MAX_DETAILS_BYTES), "body": "busy" });
        let details = NodeError::new("x", "x").with_details(details).details.unwrap();
        assert_eq!((&details["status"], &details["body"]), (&json!(503), &json!("busy")));
        assert!(details["headers"]["left_out"].is_string(), "{details}");
        assert_eq!(NodeError::new("x", "y".repeat(MAX_MESSAGE_BYTES)).message.len(), MAX_MESSAGE_BYTES);
        let cut = NodeError::new("x", "ü".repeat(MAX_MESSAGE_BYTES)).message;
        assert!(cut.len() <= MAX_MESSAGE_BYTES && cut.ends_with('…'), "{}", cut.len());
    }
}
