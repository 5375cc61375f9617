//! What a run answers to the request that started it.

use bytes::Bytes;
use domain::{
    items::ERROR,
    kinds::webhook::{Reply, Verbatim},
    run::{RunResponse, RunStatus},
};
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde::{
    Deserialize,
    de::{Deserializer, IgnoredAny},
};
use serde_json::Value;

/// Answers of hooks stand on the API's own origin: a page among them has an origin of its own (nobody's), so that its scripts
/// reach nothing of what else is there.
const SANDBOX: &str =
    "sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts allow-top-navigation";

/// What matters of a run for its answer.
#[derive(Debug, Deserialize)]
pub struct Told {
    /// Where it is.
    pub status: RunStatus,
    /// What its first `respond` said.
    #[serde(default)]
    pub response: Option<RunResponse>,
    /// What its last nodes gave, by node.
    #[serde(default)]
    pub output: Option<Value>,
    /// Whether the answer about it leaves something out, since it would be too large.
    #[serde(default, deserialize_with = "is_there")]
    pub left_out: bool,
}

fn is_there<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(value).map(|_| true)
}

/// Reads of a run what matters for its answer.
///
/// # Errors
/// When it is no run.
pub fn told(run: &[u8]) -> serde_json::Result<Told> {
    serde_json::from_slice(run)
}

/// The items of a run's last nodes, node after node; those that failed (port `error`) are none.
#[must_use]
pub fn last_items(output: Value) -> Vec<Value> {
    let Value::Object(nodes) = output else { return Vec::new() };
    let mut items = Vec::new();
    for (_, given) in nodes {
        match given {
            Value::Array(list) => items.extend(list),
            Value::Object(ports) => {
                let ports = ports.into_iter().filter(|(port, _)| port != ERROR);
                items.extend(ports.filter_map(|(_, list)| list.as_array().cloned()).flatten());
            }
            _ => {}
        }
    }
    items
}

/// What a `respond` said, as it is sent: a text as it is, `null` as nothing, anything else as JSON.
#[must_use]
pub fn answer(response: &RunResponse) -> Response<Bytes> {
    let headers = response.headers.iter();
    let headers =
        headers.flat_map(|(name, values)| values.iter().map(move |value| (name.as_str(), value.as_str())));
    made(response.status, headers, &response.body)
}

/// What a hook answers at once.
#[must_use]
pub fn at_once(reply: &Reply) -> Response<Bytes> {
    let headers = reply.headers.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let body = reply.body.as_ref().map_or(&Value::Null, |Verbatim(body)| body);
    made(reply.status.0, headers, body)
}

/// Items, as JSON.
#[must_use]
pub fn items(items: &[Value]) -> Response<Bytes> {
    made(200, std::iter::empty(), &items.iter().cloned().collect())
}

fn made<'h>(status: u16, headers: impl Iterator<Item = (&'h str, &'h str)>, body: &Value) -> Response<Bytes> {
    let (kind, bytes) = match body {
        Value::Null => (None, Bytes::new()),
        Value::String(text) => (Some("text/plain; charset=utf-8"), Bytes::from(text.clone())),
        other => (Some("application/json"), Bytes::from(other.to_string())),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    // Such an answer has no body (RFC 9110).
    let is_empty =
        matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED);
    let mut response = Response::new(if is_empty { Bytes::new() } else { bytes });
    *response.status_mut() = status;
    let told = response.headers_mut();
    if let Some(kind) = kind.filter(|_| !is_empty) {
        told.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    let mut own_kind = false;
    for (name, value) in headers {
        let read = name.parse::<HeaderName>().ok().zip(HeaderValue::from_str(value).ok());
        let Some((name, value)) = read else { continue };
        if name == header::CONTENT_TYPE && !std::mem::replace(&mut own_kind, true) {
            told.insert(name, value);
        } else {
            told.append(name, value);
        }
    }
    told.append(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX));
    response
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn said(status: u16, headers: &[(&str, &[&str])], body: Value) -> Response<Bytes> {
        let headers: BTreeMap<_, _> = headers
            .iter()
            .map(|(name, values)| {
                ((*name).to_owned(), values.iter().map(|value| (*value).to_owned()).collect())
            })
            .collect();
        answer(&RunResponse { status, headers, body })
    }

    #[test]
    fn a_response_is_sent_as_its_node_said_it() {
        for (body, kind, bytes) in [
            (json!({"a": 1.0}), Some("application/json"), "{\"a\":1.0}"),
            (json!("text"), Some("text/plain; charset=utf-8"), "text"),
            (json!(null), None, ""),
            (json!(5), Some("application/json"), "5"),
        ] {
            let response = said(201, &[], body);
            let told = response.headers().get("content-type").map(|kind| kind.to_str().unwrap());
            assert_eq!((told, &response.body()[..]), (kind, bytes.as_bytes()));
        }
        let page = said(200, &[("content-type", &["text/html"]), ("x-a", &["1", "2"])], json!("<p>"));
        assert_eq!(page.headers()["content-type"], "text/html");
        assert_eq!(page.headers().get_all("x-a").iter().count(), 2);
        assert!(page.headers()["content-security-policy"].to_str().unwrap().starts_with("sandbox"));
        let empty = said(204, &[], json!({"a": 1}));
        assert!(empty.body().is_empty() && !empty.headers().contains_key("content-type"));
    }

    #[test]
    fn the_items_of_the_last_nodes_are_one_list_without_those_that_failed() {
        let output = json!({"b": [{"n": 1}], "a": {"true": [{"n": 2}], "error": [{"n": 3}], "false": []}});
        assert_eq!(last_items(output), [json!({"n": 1}), json!({"n": 2})]);
        assert!(last_items(Value::Null).is_empty());
    }

    #[test]
    fn of_a_run_only_what_matters_is_read() {
        let run = json!({
            "id": "x", "status": "running", "steps": [{"status": "nonsense"}], "output": null,
            "response": {"status": 201, "headers": {}, "body": {"a": 1}},
        });
        let read = told(run.to_string().as_bytes()).unwrap();
        assert_eq!(
            (read.status, read.response.unwrap().status, read.left_out),
            (RunStatus::Running, 201, false)
        );
        assert!(told(br#"{"status": "succeeded", "left_out": []}"#).unwrap().left_out);
    }
}
