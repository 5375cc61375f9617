//! What an answer becomes: items.

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::{
    items::{FILE, Item, holds_file},
    json::NotJson,
    kinds::http_request::{Format, Params},
    limits::MAX_ITEMS,
    retry::Failure,
};
use http::{HeaderMap, header::SET_COOKIE};
use minireipaz::text;
use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, value_text},
    failure::{CallFailure, shown},
    used::Used,
};
use crate::nodes::output::within;

/// The field of an item that holds what is no object by itself.
const DATA: &str = "data";

/// An answer's body as data. A blank one is `null` where JSON is read; that of an answer that only says that there is no
/// such page is not read.
pub(super) fn body(answer: &Answer, params: &Params, used: &Used<'_>) -> Result<Value, CallFailure> {
    if params.ends_pages(answer.status.as_u16()) {
        return Ok(Value::Null);
    }
    if let Some(file) = &answer.file {
        return Ok(file.to_value());
    }
    let body = read(answer, params, used)?;
    if holds_file(&body) {
        let message = format!(
            "{}: the answer has a field {FILE:?}, which is reserved for files; set response.format to \"text\" to take \
             it as it is",
            answer.to
        );
        return Err(CallFailure::permanent("reserved_field", message));
    }
    if let (Value::Array(list), false) = (&body, params.response.full) {
        // Before items are made: a small answer may list millions.
        within("MAX_ITEMS", "items by one port", list.len(), MAX_ITEMS)
            .map_err(|error| CallFailure { error, failure: Failure::Permanent })?;
    }
    Ok(body)
}

/// An answer with its body: `{status, headers, body}`.
pub(super) fn whole(answer: &Answer, body: Value) -> Value {
    let fields = [
        ("status", answer.status.as_u16().into()),
        ("headers", headers(&answer.headers).into()),
        ("body", body),
    ];
    fields.into_iter().map(|(name, value): (&str, Value)| (name.to_owned(), value)).collect()
}

/// The items of an answer: one an element of a list, one for anything else, of `null` one without fields.
pub(super) fn items(body: Value) -> Vec<Item> {
    match body {
        Value::Array(list) => list.into_iter().map(into_item).collect(),
        Value::Null => vec![Item::new()],
        other => vec![into_item(other)],
    }
}

/// The items of [`whole`]; with `full` it is one itself.
pub(super) fn items_of_whole(mut whole: Value, full: bool) -> Vec<Item> {
    if full { vec![into_item(whole)] } else { items(whole["body"].take()) }
}

/// Headers as the author gets them: whole, for the next call may need each of them. Names are in small letters, several
/// values joined as lists are (RFC 9110, section 5.3), but for cookies, which cannot be: theirs is always a list.
fn headers(headers: &HeaderMap) -> Map<String, Value> {
    let read = headers.keys().map(|name| {
        let mut values = headers.get_all(name).iter().map(|value| value_text(value.as_bytes()));
        let value = if name == SET_COOKIE {
            values.map(Value::from).collect()
        } else {
            let first = values.next().unwrap_or_default().into_owned();
            Value::String(values.fold(first, |list, value| list + ", " + &value))
        };
        (name.as_str().to_owned(), value)
    });
    read.collect()
}

fn into_item(value: Value) -> Item {
    match value {
        // A file by itself is a value like others.
        Value::Object(item) if !item.contains_key(FILE) => item,
        other => Item::from_iter([(DATA.to_owned(), other)]),
    }
}

fn read(answer: &Answer, params: &Params, used: &Used<'_>) -> Result<Value, CallFailure> {
    let bytes = || Value::String(BASE64_STANDARD.encode(&answer.body));
    let content_type = answer.content_type();
    let media_type = text::media_type(&content_type);
    match params.response.format {
        // What is to be stored is not read.
        Format::Base64 | Format::File => Ok(bytes()),
        Format::Text => Ok(Value::String(answer.text().text.into_owned())),
        Format::Json => json(answer, used),
        Format::Auto if is_json(&media_type) => json(answer, used),
        Format::Auto if media_type.is_empty() => {
            let read = answer.text();
            // Bytes of another kind.
            if !read.whole {
                return Ok(bytes());
            }
            Ok(match text::json(&read.text) {
                Ok(value) => value.unwrap_or_default(),
                Err(_) => Value::String(read.text.into_owned()),
            })
        }
        Format::Auto if is_text(&media_type) || text::charset(&content_type).is_some() => {
            Ok(Value::String(answer.text().text.into_owned()))
        }
        Format::Auto => Ok(bytes()),
    }
}

/// A blank body is `null`: many servers answer a 2xx so.
fn json(answer: &Answer, used: &Used<'_>) -> Result<Value, CallFailure> {
    text::json(&answer.text().text)
        .map(Option::unwrap_or_default)
        .map_err(|error| not_json(answer, used, &error))
}

/// Names the call and what came: often it is a page that asks to log in.
fn not_json(answer: &Answer, used: &Used<'_>, error: &NotJson) -> CallFailure {
    let (content_type, length) = (answer.content_type(), answer.body.len());
    let kind = if content_type.is_empty() { "no content type" } else { content_type.as_ref() };
    let what = match error {
        NotJson::Syntax(_) => "cannot be read",
        NotJson::TooDeep(_) => "is refused",
    };
    let message = format!(
        "{}: the answer ({kind}, {length} bytes) {what}: {error}; set response.format to \"text\" to take it as it is",
        answer.to
    );
    let mut failed = CallFailure::permanent("invalid_response", message);
    failed.error.details = Some(json!({
        "status": answer.status.as_u16(),
        "content_type": content_type,
        "body": shown(answer, used.redactor()),
    }));
    failed
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
            "application/x-javascript",
            "application/x-www-form-urlencoded",
            "application/x-ndjson",
            "application/ndjson",
            "application/jsonl",
            "application/json-seq",
            "application/yaml",
            "application/x-yaml",
            "application/toml",
            "application/sql",
            "application/graphql",
        ]
        .contains(&media_type)
}

#[cfg(test)]
mod tests;
