//! What a run answers to whoever waits for an answer and not for its end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::NodeError;
use crate::{
    limits::{MAX_RESPONSE_BODY_BYTES, MAX_RESPONSE_HEADER_BYTES, above},
    measure::value_bytes,
};

/// A run's answer: what its first `respond` step said. It never changes after that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RunResponse {
    /// The status, 200 to 599.
    #[schema(minimum = 200, maximum = 599)]
    pub status: u16,
    /// The headers by name, in small letters; a name may have several values.
    pub headers: BTreeMap<String, Vec<String>>,
    /// The body: a text is sent as it is, `null` stands for none, anything else is sent as JSON.
    pub body: Value,
}

impl RunResponse {
    /// About how large it is as JSON, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.header_bytes() + value_bytes(&self.body).unwrap_or(usize::MAX / 2)
    }

    /// Refuses an answer that is above a limit.
    ///
    /// # Errors
    /// With the limit's name.
    pub fn check(&self) -> Result<(), Box<NodeError>> {
        let body = value_bytes(&self.body)
            .map_err(|too_deep| NodeError::new("limit", format!("the body of the response: {too_deep}")))?;
        within("bytes of the response's body", body, MAX_RESPONSE_BODY_BYTES, "MAX_RESPONSE_BODY_BYTES")?;
        let headers = self.header_bytes();
        within(
            "bytes of the response's headers",
            headers,
            MAX_RESPONSE_HEADER_BYTES,
            "MAX_RESPONSE_HEADER_BYTES",
        )
    }

    /// The names and values of its headers, each name with each of its values.
    fn header_bytes(&self) -> usize {
        let lines = self.headers.iter().flat_map(|(name, values)| {
            values.iter().map(move |value| name.len() + value.len() + ": \r\n".len())
        });
        lines.sum()
    }
}

fn within(what: &str, found: usize, most: usize, name: &str) -> Result<(), Box<NodeError>> {
    if found <= most {
        return Ok(());
    }
    let message = format!("{}; answer with less", above(found, what, most, name));
    Err(NodeError::new("limit", message).with_details(json!({ "limit": name, "most": most })).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(header: &str, body: Value) -> RunResponse {
        let headers = BTreeMap::from([("x-a".to_owned(), vec![header.to_owned(); 2])]);
        RunResponse { status: 200, headers, body }
    }

    #[test]
    fn an_answer_above_a_limit_is_refused_by_its_name() {
        assert_eq!(response("a", json!({"ok": true})).check(), Ok(()));
        let long = response("a", "x".repeat(MAX_RESPONSE_BODY_BYTES - 2).into());
        assert_eq!(long.check(), Ok(()));
        let limit = |response: RunResponse| response.check().unwrap_err().message;
        let longer = limit(response("a", "x".repeat(MAX_RESPONSE_BODY_BYTES).into()));
        assert!(longer.contains("MAX_RESPONSE_BODY_BYTES"), "{longer}");
        let headers = limit(response(&"x".repeat(MAX_RESPONSE_HEADER_BYTES / 2), Value::Null));
        assert!(headers.contains("MAX_RESPONSE_HEADER_BYTES"), "{headers}");
        let deep = (0..200).fold(Value::Null, |inner, _| json!([inner]));
        assert!(limit(response("a", deep)).contains("MAX_DEPTH"));
    }
}
