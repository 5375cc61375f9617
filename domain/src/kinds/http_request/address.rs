//! How and where a call goes.

use crate::violation::ViolationCode as Code;
use serde_json::{Value, json};
use url::Url;

use crate::kinds::params::{At, Parameter, Reader, any_case};

const BEGIN: &str = "a URL starts with http:// or https://";

/// Where to: `http` or `https`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(pub(super) Url);

const EXAMPLE: &str = "https://shop.example/prices";

/// Whether a text begins as an address does.
fn begins(text: &str) -> bool {
    let start = text.trim_start().to_ascii_lowercase();
    ["http://", "https://"].iter().any(|known| start.starts_with(known))
}

impl Parameter for Address {
    const NAME: &'static str = "address";

    fn schema() -> Value {
        json!({ "type": "string", "pattern": r"^\s*[hH][tT][tT][pP][sS]?://", "examples": [EXAMPLE] })
    }

    /// What the address begins with is known before it is evaluated.
    fn open_schema() -> Value {
        json!({ "type": "string", "pattern": r"^\s*([hH][tT][tT][pP][sS]?://|\{\{)", "examples": [EXAMPLE] })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Value::String(text) = value else {
            reader.wrong_type(at, "a text", value);
            return None;
        };
        let wrong = match Url::parse(text.trim()) {
            Ok(url) if begins(text) => return Some(Self(url)),
            // `https:a.example` would be completed by a browser.
            Ok(url) if matches!(url.scheme(), "http" | "https") => BEGIN.to_owned(),
            Ok(url) => format!("only http:// and https:// can be called, not {}:", url.scheme()),
            // The text itself may hold a secret; the editor shows it anyway.
            Err(error) => format!("this is not a URL ({error}); it starts with http:// or https://"),
        };
        reader.violation(at, Code::InvalidUrl, wrong);
        None
    }

    fn read_open(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Value::String(text) = value else { return Self::read(value, at, reader) };
        if !reader.is_open(value) {
            return Self::read(value, at, reader);
        }
        reader.check_templates(value, at);
        if !begins(text) && !text.trim_start().starts_with("{{") {
            reader.violation(at, Code::InvalidUrl, BEGIN);
        }
        None
    }
}

/// How an address is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
    /// `OPTIONS`
    Options,
}

const METHODS: [(Method, &str); 7] = [
    (Method::Get, "GET"),
    (Method::Head, "HEAD"),
    (Method::Post, "POST"),
    (Method::Put, "PUT"),
    (Method::Patch, "PATCH"),
    (Method::Delete, "DELETE"),
    (Method::Options, "OPTIONS"),
];

impl Method {
    /// Its name, in capitals.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        METHODS.iter().find(|(method, _)| *method == self).map_or("GET", |(_, name)| name)
    }
}

impl From<Method> for Value {
    fn from(method: Method) -> Self {
        method.as_str().into()
    }
}

/// Small letters are fine.
impl Parameter for Method {
    const NAME: &'static str = "one of `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE`, `OPTIONS`";

    fn schema() -> Value {
        let names = METHODS.map(|(_, name)| name);
        // The words to choose from, and every other way to write them.
        json!({ "anyOf": [{ "enum": names }, { "type": "string", "pattern": any_case(&names) }] })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let name = value.as_str().unwrap_or_default();
        let found = METHODS.iter().find(|(_, known)| known.eq_ignore_ascii_case(name));
        if found.is_none() {
            let names = METHODS.map(|(_, name)| name).join(", ");
            reader.violation(at, Code::InvalidValue, format!("{value} is not a method; known are: {names}"));
        }
        found.map(|(method, _)| *method)
    }
}
