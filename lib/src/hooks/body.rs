//! What a request's body says, by its content type. The bytes stay as they came for whoever checks a signature.

use std::convert::Infallible;

use bytes::Bytes;
use domain::{
    file::{FileRef, safe_name},
    items::{FILE, holds_file},
    limits::{MAX_HOOK_PARTS, MAX_INPUT_BYTES, above},
};
use futures_util::stream;
use multer::Multipart;
use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::text;

/// What is in a body.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// JSON, the fields of a form, a text, or nothing.
    Value(Value),
    /// Bytes.
    File(FilePart),
    /// Parts with names: texts and files.
    Parts(Vec<(String, Part)>),
}

/// A part of a body.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// A text.
    Text(String),
    /// A file.
    File(FilePart),
}

/// Bytes that are to be stored as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePart {
    /// What it is called.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// It.
    pub bytes: Bytes,
}

/// Why a body is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHookBody {
    /// It is not what its content type says.
    #[error("the body is not {0}: {1}")]
    Malformed(&'static str, String),
    /// It has a field of that name, which is reserved.
    #[error("the body has a field {FILE:?}, which is reserved for files")]
    Reserved,
    /// It is above a limit, which the text names.
    #[error("{0}")]
    TooLarge(String),
    /// Its character set is not known.
    #[error("the character set {0:?} is not known")]
    Charset(String),
}

/// Reads a body.
///
/// # Errors
/// When it is not what its content type says, or above a limit.
pub async fn read_body(content_type: Option<&str>, bytes: &Bytes) -> Result<Content, InvalidHookBody> {
    if bytes.is_empty() {
        return Ok(Content::Value(Value::Null));
    }
    let given = content_type.unwrap_or_default();
    let media_type = text::media_type(given);
    let charset = text::charset(given);
    if let Some(label) = charset.filter(|label| !text::is_known(label)) {
        return Err(InvalidHookBody::Charset(label.chars().take(40).collect()));
    }
    match media_type.as_str() {
        "multipart/form-data" => return parts(given, bytes).await.map(Content::Parts),
        "application/x-www-form-urlencoded" => return form(bytes).map(Content::Value),
        _ if is_json(&media_type) => return json(bytes, charset).map(Content::Value),
        _ => {}
    }
    if is_text(&media_type) || (media_type.is_empty() && std::str::from_utf8(bytes).is_ok()) {
        let decoded = text::decode(bytes, charset).text;
        within(decoded.len())?;
        return Ok(Content::Value(decoded.into_owned().into()));
    }
    Ok(Content::File(FilePart::of(None, &media_type, bytes.clone())))
}

impl FilePart {
    fn of(name: Option<&str>, media_type: &str, bytes: Bytes) -> Self {
        let name = name.and_then(safe_name).unwrap_or_else(|| FileRef::NO_NAME.to_owned());
        let media_type = if media_type.is_empty() { FileRef::NO_TYPE } else { media_type };
        Self { name, media_type: media_type.to_owned(), bytes }
    }

    /// A body as it came, for who wants it as it came and which is no text.
    #[must_use]
    pub fn raw(content_type: Option<&str>, bytes: &Bytes) -> Self {
        Self::of(None, &text::media_type(content_type.unwrap_or_default()), bytes.clone())
    }
}

fn is_json(media_type: &str) -> bool {
    media_type == "application/json" || media_type.ends_with("+json")
}

fn is_text(media_type: &str) -> bool {
    media_type.starts_with("text/")
        || media_type.ends_with("+xml")
        || matches!(media_type, "application/xml" | "application/javascript" | "application/graphql")
}

fn json(bytes: &Bytes, charset: Option<&str>) -> Result<Value, InvalidHookBody> {
    let decoded = text::decode(bytes, charset).text;
    let read = text::json(&decoded).map_err(|why| InvalidHookBody::Malformed("JSON", why.to_string()))?;
    unreserved(read.unwrap_or_default())
}

fn form(bytes: &Bytes) -> Result<Value, InvalidHookBody> {
    let mut fields = Map::new();
    for (name, value) in form_urlencoded::parse(bytes) {
        add(&mut fields, &name, value.into_owned().into());
    }
    unreserved(Value::Object(fields))
}

fn unreserved(value: Value) -> Result<Value, InvalidHookBody> {
    if holds_file(&value) { Err(InvalidHookBody::Reserved) } else { Ok(value) }
}

/// Adds a field; of several with one name there is a list.
pub(crate) fn add(fields: &mut Map<String, Value>, name: &str, value: Value) {
    match fields.get_mut(name) {
        None => {
            fields.insert(name.to_owned(), value);
        }
        Some(Value::Array(list)) => list.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
    }
}

async fn parts(content_type: &str, bytes: &Bytes) -> Result<Vec<(String, Part)>, InvalidHookBody> {
    let malformed =
        |error: multer::Error| InvalidHookBody::Malformed("multipart/form-data", error.to_string());
    let boundary = multer::parse_boundary(content_type).map_err(malformed)?;
    let whole = bytes.clone();
    let mut multipart = Multipart::new(stream::iter([Ok::<_, Infallible>(whole)]), boundary);
    let (mut parts, mut texts) = (Vec::new(), 0);
    while let Some(field) = multipart.next_field().await.map_err(malformed)? {
        if parts.len() == MAX_HOOK_PARTS {
            let message = above(parts.len() + 1, "parts", MAX_HOOK_PARTS, "MAX_HOOK_PARTS");
            return Err(InvalidHookBody::TooLarge(message));
        }
        let name = field.name().unwrap_or_default().to_owned();
        if name == FILE {
            return Err(InvalidHookBody::Reserved);
        }
        let filename = field.file_name().map(str::to_owned);
        let media_type = field.content_type().map(ToString::to_string).unwrap_or_default();
        let is_plain = media_type.is_empty() || text::media_type(&media_type) == "text/plain";
        let part = if filename.is_none() && is_plain {
            let charset = text::charset(&media_type).map(str::to_owned);
            let bytes = field.bytes().await.map_err(malformed)?;
            texts += bytes.len();
            within(texts)?;
            Part::Text(text::decode(&bytes, charset.as_deref()).text.into_owned())
        } else {
            let bytes = field.bytes().await.map_err(malformed)?;
            Part::File(FilePart::of(filename.as_deref(), &text::media_type(&media_type), bytes))
        };
        parts.push((name, part));
    }
    Ok(parts)
}

fn within(bytes: usize) -> Result<(), InvalidHookBody> {
    if bytes <= MAX_INPUT_BYTES {
        return Ok(());
    }
    let message = above(bytes, "bytes of text", MAX_INPUT_BYTES, "MAX_INPUT_BYTES");
    Err(InvalidHookBody::TooLarge(message))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn read(kind: Option<&str>, body: &[u8]) -> Result<Content, InvalidHookBody> {
        read_body(kind, &Bytes::copy_from_slice(body)).await
    }

    #[tokio::test]
    async fn a_body_is_read_by_its_content_type() {
        for (kind, body, value) in [
            (None, &b""[..], json!(null)),
            (Some("application/json"), b"{\"a\": 1.0}", json!({"a": 1.0})),
            (Some("application/vnd.api+json; charset=utf-8"), b"[1]", json!([1])),
            (Some("application/json"), b" ", json!(null)),
            (
                Some("application/x-www-form-urlencoded"),
                b"a=1&b=%C3%A9+x&a=2",
                json!({"a": ["1", "2"], "b": "é x"}),
            ),
            (Some("text/plain; charset=iso-8859-1"), b"\xe9", json!("é")),
            (Some("application/xml"), b"<a/>", json!("<a/>")),
            (None, b"plain", json!("plain")),
        ] {
            assert_eq!(read(kind, body).await, Ok(Content::Value(value)), "{kind:?}");
        }
        for (kind, body) in [(Some("image/png"), &b"\x89PNG"[..]), (None, b"\xff\xfe\x00\xd8\x01")] {
            let Ok(Content::File(file)) = read(kind, body).await else { panic!("{kind:?}") };
            assert_eq!((file.bytes.as_ref(), file.name.as_str()), (body, "file"));
            assert_eq!(file.media_type, kind.unwrap_or("application/octet-stream"));
        }
    }

    #[tokio::test]
    async fn parts_are_texts_and_files() {
        let body = "--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n\
                    --X\r\nContent-Disposition: form-data; name=\"f\"; filename=\"../b.csv\"\r\nContent-Type: text/csv\r\n\r\n1,2\r\n\
                    --X\r\nContent-Disposition: form-data; name=\"j\"\r\nContent-Type: application/json\r\n\r\n{}\r\n--X--\r\n";
        let Ok(Content::Parts(parts)) = read(Some("multipart/form-data; boundary=X"), body.as_bytes()).await
        else {
            panic!()
        };
        let names: Vec<_> = parts.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a", "f", "j"]);
        assert_eq!(parts[0].1, Part::Text("one".to_owned()));
        let Part::File(file) = &parts[1].1 else { panic!("{parts:?}") };
        assert_eq!(
            (file.name.as_str(), file.media_type.as_str(), &file.bytes[..]),
            ("b.csv", "text/csv", &b"1,2"[..])
        );
        assert!(matches!(&parts[2].1, Part::File(file) if file.media_type == "application/json"));
    }

    #[tokio::test]
    async fn what_cannot_be_taken_is_refused_with_the_reason() {
        let reserved = b"{\"a\": [{\"$file\": {\"id\": \"x\"}}]}";
        assert_eq!(read(Some("application/json"), reserved).await, Err(InvalidHookBody::Reserved));
        let form = Some("application/x-www-form-urlencoded");
        assert_eq!(read(form, b"$file=1").await, Err(InvalidHookBody::Reserved));
        assert!(matches!(
            read(Some("application/json"), b"{").await,
            Err(InvalidHookBody::Malformed("JSON", _))
        ));
        for kind in ["multipart/form-data", "multipart/form-data; boundary=X"] {
            let read = read(Some(kind), b"nonsense").await;
            assert!(
                matches!(read, Err(InvalidHookBody::Malformed("multipart/form-data", _))),
                "{kind}: {read:?}"
            );
        }
        assert!(matches!(
            read(Some("text/plain; charset=klingon"), b"x").await,
            Err(InvalidHookBody::Charset(_))
        ));
        let long = vec![b'x'; MAX_INPUT_BYTES + 1];
        let Err(InvalidHookBody::TooLarge(why)) = read(Some("text/plain"), &long).await else { panic!() };
        assert!(why.contains("MAX_INPUT_BYTES"), "{why}");
        let mut many = String::new();
        for _ in 0..=MAX_HOOK_PARTS {
            many.push_str("--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n");
        }
        many.push_str("--X--\r\n");
        let Err(InvalidHookBody::TooLarge(why)) =
            read(Some("multipart/form-data; boundary=X"), many.as_bytes()).await
        else {
            panic!()
        };
        assert!(why.contains("MAX_HOOK_PARTS"), "{why}");
    }
}
