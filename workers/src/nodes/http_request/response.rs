//! What an answer becomes: items.

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::{
    items::{FILE, Item, holds_file},
    kinds::http_request::{Format, Response},
    limits::MAX_ITEMS,
    retry::Failure,
};
use http::{HeaderMap, header};
use serde_json::{Value, json};

use super::{
    answer::Answer,
    failure::{CallFailure, headers},
};
use crate::nodes::output::within;

/// The field of an item that holds what is no object by itself.
const DATA: &str = "data";

/// The items of an answer: one an element of a list, one for anything else; with `full`, one with status, headers
/// and body. An empty body is `null` where JSON is read: one item without fields.
pub(super) fn items(answer: &Answer, response: Response) -> Result<Vec<Item>, CallFailure> {
    let body = read(answer, response.format)?;
    if holds_file(&body) {
        let message = format!(
            "the answer has a field {FILE:?}, which is reserved for files; set response.format to \"text\" to take it as it is"
        );
        return Err(CallFailure::permanent("reserved_field", message));
    }
    if response.full {
        let full =
            json!({ "status": answer.status.as_u16(), "headers": headers(&answer.headers), "body": body });
        return Ok(vec![into_item(full)]);
    }
    Ok(match body {
        Value::Array(list) => {
            // Before they are made: a small answer may list millions.
            within("MAX_ITEMS", "items by one port", list.len(), MAX_ITEMS)
                .map_err(|error| CallFailure { error, failure: Failure::Permanent })?;
            list.into_iter().map(into_item).collect()
        }
        Value::Null => vec![Item::new()],
        other => vec![into_item(other)],
    })
}

fn into_item(value: Value) -> Item {
    match value {
        Value::Object(item) => item,
        other => Item::from_iter([(DATA.to_owned(), other)]),
    }
}

fn read(answer: &Answer, format: Format) -> Result<Value, CallFailure> {
    let body = &answer.body;
    let bytes = || Value::String(BASE64_STANDARD.encode(body));
    let media_type = media_type(&answer.headers);
    match format {
        Format::Base64 => Ok(bytes()),
        Format::Text => Ok(Value::String(text(answer))),
        Format::Json if body.is_empty() => Ok(Value::Null),
        Format::Json => json(answer),
        Format::Auto if is_json(&media_type) && body.is_empty() => Ok(Value::Null),
        Format::Auto if is_json(&media_type) => json(answer),
        Format::Auto if media_type.is_empty() => {
            if body.is_empty() {
                return Ok(Value::Null);
            }
            Ok(json(answer)
                .or_else(|_| String::from_utf8(body.to_vec()).map(Value::String))
                .unwrap_or_else(|_| bytes()))
        }
        Format::Auto if is_text(&media_type) => Ok(Value::String(text(answer))),
        Format::Auto => Ok(bytes()),
    }
}

fn json(answer: &Answer) -> Result<Value, CallFailure> {
    serde_json::from_slice(&answer.body).map_err(|error| {
        let message =
            format!("the answer is not JSON ({error}); set response.format to \"text\" to take it as it is");
        CallFailure::permanent("invalid_response", message)
    })
}

/// The text, in the character set that the answer names, else UTF-8; what cannot be read becomes `\u{fffd}`.
fn text(answer: &Answer) -> String {
    let content_type =
        answer.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let label = content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    });
    let encoding = label
        .and_then(|label| encoding_rs::Encoding::for_label(label.as_bytes()))
        .unwrap_or(encoding_rs::UTF_8);
    encoding.decode(&answer.body).0.into_owned()
}

fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn is_json(media_type: &str) -> bool {
    media_type == "application/json" || media_type == "text/json" || media_type.ends_with("+json")
}

fn is_text(media_type: &str) -> bool {
    media_type.starts_with("text/")
        || media_type.ends_with("+xml")
        || [
            "application/xml",
            "application/javascript",
            "application/x-www-form-urlencoded",
            "application/x-ndjson",
            "application/yaml",
            "application/graphql",
        ]
        .contains(&media_type)
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, StatusCode};

    use super::*;

    fn answer(content_type: &'static str, body: &[u8]) -> Answer {
        let mut headers = HeaderMap::new();
        if !content_type.is_empty() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        headers.insert(header::SET_COOKIE, HeaderValue::from_static("session=hush"));
        Answer { status: StatusCode::OK, headers, body: body.to_vec().into() }
    }

    #[test]
    fn answers_become_items_by_their_type() {
        let check = |content_type: &'static str, body: &[u8], format: Format, expected: Value| {
            let response = Response { format, full: false };
            let found = items(&answer(content_type, body), response).unwrap();
            assert_eq!(json!(found), expected, "{content_type} {format:?}");
        };
        use Format::{Auto, Base64, Json, Text};
        check("application/json", br#"[{"a":1},2]"#, Auto, json!([{"a": 1}, {"data": 2}]));
        check("application/problem+json; charset=utf-8", br#"{"a":1}"#, Auto, json!([{"a": 1}]));
        check("application/json", b"", Auto, json!([{}]));
        check("application/json", b"[]", Auto, json!([]));
        check("text/html", b"<p>", Auto, json!([{"data": "<p>"}]));
        check("text/plain; charset=\"iso-8859-1\"", b"\xe9", Auto, json!([{"data": "é"}]));
        check("image/png", b"\x89P", Auto, json!([{"data": "iVA="}]));
        check("", b"{}", Auto, json!([{}]));
        check("", b"plain", Auto, json!([{"data": "plain"}]));
        check("", b"\xff", Auto, json!([{"data": "/w=="}]));
        check("", b"", Auto, json!([{}]));
        check("text/plain", b"5", Json, json!([{"data": 5}]));
        check("application/json", b"{}", Text, json!([{"data": "{}"}]));
        check("application/json", b"{}", Base64, json!([{"data": "e30="}]));
    }

    #[test]
    fn a_full_answer_hides_secrets_of_its_headers() {
        let found = items(&answer("application/json", b"[1]"), Response { format: Format::Auto, full: true })
            .unwrap();
        let headers = json!({"content-type": "application/json", "set-cookie": "[redacted]"});
        assert_eq!(json!(found), json!([{"status": 200, "headers": headers, "body": [1]}]));
    }

    #[test]
    fn an_answer_that_is_not_what_was_asked_for_is_an_error() {
        for (content_type, format) in [("application/json", Format::Auto), ("text/plain", Format::Json)] {
            let failed = items(&answer(content_type, b"oops"), Response { format, full: false }).unwrap_err();
            assert_eq!(failed.error.code, "invalid_response");
        }
    }

    #[test]
    fn a_list_above_the_limit_of_items_is_refused_by_name() {
        let list = |count: usize| format!("[0{}]", ",0".repeat(count - 1));
        let read = |count| items(&answer("application/json", list(count).as_bytes()), Response::default());
        assert_eq!(read(MAX_ITEMS).unwrap().len(), MAX_ITEMS);
        let failed = read(MAX_ITEMS + 1).unwrap_err();
        assert_eq!((failed.error.code.as_str(), failed.failure), ("limit", Failure::Permanent));
        assert!(failed.error.message.contains("MAX_ITEMS"), "{}", failed.error.message);
    }
}
