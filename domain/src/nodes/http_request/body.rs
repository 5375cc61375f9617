//! What a request sends: exactly one of `json`, `form`, `text`, `multipart`, `base64`.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde_json::Value;

use super::pairs::{self, scalar};
use crate::{items::name_of, nodes::fields::Fields};

const SHAPES: [&str; 5] = ["json", "form", "text", "multipart", "base64"];

/// A request's body.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Any value, as JSON; `null` is sent as such.
    Json(Value),
    /// Names and values, URL-encoded.
    Form(Vec<(String, String)>),
    /// Text.
    Text(String),
    /// Parts with names.
    Multipart(Vec<Part>),
    /// Bytes.
    Bytes(Bytes),
}

/// A part of a multipart body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// The name of the file it is.
    pub filename: Option<String>,
    /// Its media type.
    pub content_type: Option<String>,
    /// What is in it.
    pub content: PartContent,
}

/// What is in a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartContent {
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Bytes),
}

/// The parameter `body`; `Some(None)`: it is not there. `None` too when a part of it is not known yet.
pub(super) fn read(fields: &mut Fields<'_>) -> Option<Option<Body>> {
    if fields.present(&["body"]).is_empty() {
        fields.raw("body");
        return Some(None);
    }
    let mut body = fields.nested("body")?;
    // `json: null` is a body, so presence is not judged by the value here.
    let given: Vec<_> = SHAPES.into_iter().filter(|name| body.has(name)).collect();
    let read = match given.as_slice() {
        ["json"] => body.known_or_null("json").map(|value| Body::Json(value.clone())),
        ["form"] => pairs::pairs(&mut body, "form", "form").map(Body::Form),
        ["text"] => {
            let value = body.known_or_null("text");
            value.and_then(|value| text(&mut body, "text", value)).map(Body::Text)
        }
        ["base64"] => {
            let value = body.known_or_null("base64");
            value.and_then(|value| bytes(&mut body, "base64", value)).map(Body::Bytes)
        }
        ["multipart"] => multipart(&mut body).map(Body::Multipart),
        given => {
            let message = format!(
                "a body has exactly one of {}; this one has {}",
                SHAPES.map(|name| format!("`{name}`")).join(", "),
                if given.is_empty() { "none".to_owned() } else { given.join(" and ") }
            );
            given.iter().for_each(|name| body.skip(name));
            body.violation_here("invalid_body", message);
            None
        }
    };
    body.finish();
    read.map(Some)
}

fn text(fields: &mut Fields<'_>, at: &str, value: &Value) -> Option<String> {
    let read = scalar(value);
    if read.is_none() {
        fields.violation(at, "invalid_value", format!("must be a text, not {}", name_of(value)));
    }
    read
}

fn bytes(fields: &mut Fields<'_>, at: &str, value: &Value) -> Option<Bytes> {
    let decoded = value.as_str().and_then(|text| BASE64_STANDARD.decode(text.trim()).ok());
    if decoded.is_none() {
        fields.violation(at, "invalid_value", "must be bytes in base64 (the standard alphabet, padded)");
    }
    decoded.map(Bytes::from)
}

/// `{name: text}` or `{name: {text | base64, filename, content_type}}`.
fn multipart(body: &mut Fields<'_>) -> Option<Vec<Part>> {
    let entries = body.entries("multipart");
    let mut parts = Vec::with_capacity(entries.len());
    let mut complete = body.raw("multipart").is_some_and(Value::is_object);
    for (name, value) in entries {
        let at = format!("multipart.{name}");
        if body.is_open(value) {
            body.check_templates(value, &at);
            complete = false;
            continue;
        }
        match part(body, name, &at, value) {
            Some(part) => parts.push(part),
            None => complete = false,
        }
    }
    complete.then_some(parts)
}

fn part(body: &mut Fields<'_>, name: &str, at: &str, value: &Value) -> Option<Part> {
    let Value::Object(map) = value else {
        let content = PartContent::Text(text(body, at, value)?);
        return Some(Part { name: name.to_owned(), filename: None, content_type: None, content });
    };
    let mut read = true;
    for key in
        map.keys().filter(|key| !["text", "base64", "filename", "content_type"].contains(&key.as_str()))
    {
        let message =
            format!("`{key}` is not part of a part; known are: text, base64, filename, content_type");
        body.violation(&format!("{at}.{key}"), "unknown_parameter", message);
        read = false;
    }
    let mut optional = |key: &str| match map.get(key) {
        None | Some(Value::Null) => None,
        Some(value) => {
            let found = text(body, &format!("{at}.{key}"), value);
            read &= found.is_some();
            found
        }
    };
    let (filename, content_type) = (optional("filename"), optional("content_type"));
    if content_type.as_deref().is_some_and(|value| value.parse::<http::HeaderValue>().is_err()) {
        body.violation(&format!("{at}.content_type"), "invalid_value", "this is not a media type");
        read = false;
    }
    let content = match (map.get("text"), map.get("base64")) {
        (Some(value), None) => PartContent::Text(text(body, &format!("{at}.text"), value)?),
        (None, Some(value)) => PartContent::Bytes(bytes(body, &format!("{at}.base64"), value)?),
        _ => {
            body.violation(at, "invalid_body", "a part has exactly one of `text` and `base64`");
            return None;
        }
    };
    read.then(|| Part { name: name.to_owned(), filename, content_type, content })
}
