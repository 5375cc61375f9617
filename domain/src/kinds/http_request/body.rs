//! What a request sends: exactly one of `json`, `form`, `text`, `multipart`, `base64`, `file`.

use crate::{
    file::{FileId, FileRef},
    items::FILE,
    violation::ViolationCode as Code,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::pairs::{HEADER_VALUE, Pairs};
use crate::kinds::params::{
    At, Parameter, Reader, nullable, open,
    text::{SCALAR, read_scalar},
};

const SHAPES: [&str; 6] = ["json", "form", "text", "multipart", "base64", "file"];

const OF_A_PART: [&str; 5] = ["text", "base64", "file", "filename", "content_type"];

/// Base64 with its padding. Behind it a character carries only the bits that are left.
const BASE64: &str =
    r"^\s*([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?\s*$";

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
    /// A file of the file store.
    File(FileRef),
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
    /// A file of the file store.
    File(FileRef),
}

impl Parameter for Body {
    const NAME: &'static str = "body";

    fn schema() -> Value {
        let text = json!({ "type": SCALAR });
        let bytes = open(json!({ "type": "string", "pattern": BASE64, "contentEncoding": "base64" }));
        let content_type = nullable(json!({ "type": SCALAR, "pattern": HEADER_VALUE }));
        let file = file_schema();
        let part = json!({
            "type": "object",
            "properties": {
                "text": text, "base64": bytes, "file": open(file.clone()),
                "filename": nullable(text.clone()), "content_type": open(content_type),
            },
            "additionalProperties": false,
            "oneOf": [{ "required": ["text"] }, { "required": ["base64"] }, { "required": ["file"] }],
        });
        let one = json!({ "anyOf": [text, part, file] });
        let several = json!({ "type": "array", "items": one });
        let parts = json!({
            "type": "object",
            "additionalProperties": { "anyOf": [text, part, file, several, { "type": "null" }] },
        });
        let shape = |name: &str, schema: Value| {
            let properties = Map::from_iter([(name.to_owned(), schema)]);
            json!({ "type": "object", "properties": properties, "required": [name], "additionalProperties": false })
        };
        json!({ "anyOf": [
            shape("json", json!({})),
            shape("form", nullable(Pairs::open_schema())),
            shape("text", text),
            shape("multipart", open(parts)),
            shape("base64", bytes),
            shape("file", open(file)),
        ] })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Value::Object(map) = value else {
            reader.wrong_type(at, "an object", value);
            return None;
        };
        // `json: null` is a body, so presence is not judged by the value.
        let given: Vec<_> = SHAPES.into_iter().filter(|name| map.contains_key(*name)).collect();
        let read = match given.as_slice() {
            [name] => read_shape(name, &map[*name], &at.field(name), reader),
            given => {
                let message = format!(
                    "a body has exactly one of {}; this one has {}",
                    SHAPES.map(|name| format!("`{name}`")).join(", "),
                    if given.is_empty() { "none".to_owned() } else { given.join(" and ") }
                );
                reader.violation(at, Code::InvalidBody, message);
                None
            }
        };
        for name in map.keys().filter(|name| !SHAPES.contains(&name.as_str())) {
            let message = format!("`{name}` is not a parameter; known are: {}", SHAPES.join(", "));
            reader.violation(&at.field(name), Code::UnknownParameter, message);
        }
        read
    }
}

fn read_shape(name: &str, value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Body> {
    match name {
        "json" => Value::read(value, at, reader).map(Body::Json),
        // No names and values: an expression may find none.
        "form" if value.is_null() => Some(Body::Form(Vec::new())),
        "form" => Pairs::read_open(value, at, reader).map(|pairs| Body::Form(pairs.0)),
        "text" => text(value, at, reader).map(Body::Text),
        "multipart" if reader.is_open(value) => {
            reader.check_templates(value, at);
            None
        }
        "multipart" => multipart(value, at, reader).map(Body::Multipart),
        "file" => file(value, at, reader).map(Body::File),
        _ => bytes(value, at, reader).map(Body::Bytes),
    }
}

fn text(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<String> {
    read_scalar(value, "a text", at, reader)
}

fn bytes(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Bytes> {
    if reader.is_open(value) {
        reader.check_templates(value, at);
        return None;
    }
    let decoded = value.as_str().and_then(|text| BASE64_STANDARD.decode(text.trim()).ok());
    if decoded.is_none() {
        let message = "must be bytes in base64 (the standard alphabet, padded)";
        reader.violation(at, Code::InvalidValue, message);
    }
    decoded.map(Bytes::from)
}

/// As [`FileRef::read`] reads it.
fn file_schema() -> Value {
    json!({
        "type": "object",
        "properties": { FILE: {
            "type": "object",
            "properties": {
                "id": { "type": "string", "pattern": FileId::PATTERN },
                "name": { "type": "string" },
                "type": { "type": "string" },
            },
            "required": ["id"],
        } },
        "required": [FILE],
        "additionalProperties": false,
    })
}

fn file(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<FileRef> {
    if reader.is_open(value) {
        reader.check_templates(value, at);
        return None;
    }
    FileRef::read(value).map_err(|why| reader.violation(at, Code::InvalidValue, why)).ok()
}

/// `{name: text}`, `{name: {"$file": …}}` or `{name: {text | base64 | file, filename, content_type}}`; a list gives its
/// name once an element, `null` leaves it out.
fn multipart(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Vec<Part>> {
    let Value::Object(map) = value else {
        reader.wrong_type(at, "an object", value);
        return None;
    };
    let (mut parts, mut complete) = (Vec::with_capacity(map.len()), true);
    for (name, value) in map {
        let here = at.field(name);
        complete &= !reader.is_open_name(name, &here);
        let mut add = |value: &Value, at: &At<'_>| {
            let part = part(name, value, at, reader);
            complete &= part.is_some();
            parts.extend(part);
        };
        match value {
            Value::Null => {}
            Value::Array(list) => list.iter().enumerate().for_each(|(i, value)| add(value, &here.index(i))),
            one => add(one, &here),
        }
    }
    complete.then_some(parts)
}

fn part(name: &str, value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Part> {
    let Value::Object(map) = value else {
        let content = PartContent::Text(text(value, at, reader)?);
        return Some(Part { name: name.to_owned(), filename: None, content_type: None, content });
    };
    if map.contains_key(FILE) {
        let content = PartContent::File(file(value, at, reader)?);
        return Some(Part { name: name.to_owned(), filename: None, content_type: None, content });
    }
    let mut right = true;
    for key in map.keys().filter(|key| !OF_A_PART.contains(&key.as_str())) {
        let message = format!("`{key}` is not part of a part; known are: {}", OF_A_PART.join(", "));
        reader.violation(&at.field(key), Code::UnknownParameter, message);
        right = false;
    }
    let mut optional = |key: &str| match map.get(key) {
        None | Some(Value::Null) => None,
        Some(value) => {
            let found = text(value, &at.field(key), reader);
            right &= found.is_some();
            found
        }
    };
    let (filename, content_type) = (optional("filename"), optional("content_type"));
    if content_type.as_deref().is_some_and(|value| value.parse::<http::HeaderValue>().is_err()) {
        reader.violation(&at.field("content_type"), Code::InvalidValue, "this is not a media type");
        right = false;
    }
    let content = match (map.get("text"), map.get("base64"), map.get("file")) {
        (Some(value), None, None) => text(value, &at.field("text"), reader).map(PartContent::Text)?,
        (None, Some(value), None) => bytes(value, &at.field("base64"), reader).map(PartContent::Bytes)?,
        (None, None, Some(value)) => file(value, &at.field("file"), reader).map(PartContent::File)?,
        _ => {
            reader.violation(at, Code::InvalidBody, "a part has exactly one of `text`, `base64` and `file`");
            return None;
        }
    };
    right.then(|| Part { name: name.to_owned(), filename, content_type, content })
}
