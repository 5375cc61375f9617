//! `http_request`: calls a web API, once an item.
//!
//! `redirects` is `"follow"` (at most [`DEFAULT_REDIRECTS`], the default), `"none"` (a redirect is the answer), or the
//! largest number to follow. `accept_status` lists what counts as an answer: `200`, `"2xx"`, `"200-299"`; without it
//! every status below 400 does.

mod body;
mod pairs;
mod status;

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use url::Url;

pub use body::{Body, Part, PartContent};
pub use status::StatusRange;

use super::{KindInfo, computes, fields::Fields};
use crate::{items::name_of, retry::RetryPolicy};

/// How many redirects are followed when the node does not say.
pub const DEFAULT_REDIRECTS: u32 = 5;

/// The most redirects that a node may follow.
const MAX_REDIRECTS: u64 = 20;

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Params {
    /// The method, in capitals.
    pub method: &'static str,
    /// Where to; the parameter `query` is in it already.
    pub url: Url,
    /// Header names, in small letters, and values; a name may come again.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Option<Body>,
    /// What becomes of the answer.
    pub response: Response,
    /// What counts as an answer; `None`: every status below 400.
    pub accept: Option<Vec<StatusRange>>,
    /// How many redirects to follow; `None`: a redirect is the answer.
    pub redirects: Option<u32>,
}

impl Params {
    /// Whether an answer with this status is a success.
    #[must_use]
    pub fn accepts(&self, status: u16) -> bool {
        self.accept.as_ref().map_or(status < 400, |list| list.iter().any(|range| range.contains(status)))
    }
}

/// What becomes of the answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Response {
    /// How its body is read.
    pub format: Format,
    /// Whether status and headers are given as well.
    pub full: bool,
}

/// How an answer's body is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// By its content type: JSON, text, else base64.
    #[default]
    Auto,
    /// As JSON, whatever the content type says.
    Json,
    /// As text.
    Text,
    /// As bytes, in base64.
    Base64,
}

/// Reads the parameters. `None` too when a part is not known yet.
pub fn read(fields: &mut Fields<'_>) -> Option<Params> {
    not_available(fields);
    let method = read_method(fields);
    let query = pairs::query(fields);
    let url = read_url(fields, query.unwrap_or_default());
    let headers = pairs::headers(fields);
    let body = body::read(fields);
    let response = read_response(fields);
    let accept = status::read(fields);
    let redirects = read_redirects(fields);
    Some(Params {
        method: method?,
        url: url?,
        headers: headers?,
        body: body?,
        response: response?,
        accept: accept?,
        redirects: redirects?,
    })
}

fn not_available(fields: &mut Fields<'_>) {
    for name in ["credential", "pagination"] {
        if fields.raw(name).is_some() {
            let message = format!("`{name}` is not available yet; leave it out");
            fields.violation(name, "not_available", message);
        }
    }
}

fn read_method(fields: &mut Fields<'_>) -> Option<&'static str> {
    if fields.present(&["method"]).is_empty() {
        fields.raw("method");
        return Some("GET");
    }
    let name: String = fields.optional("method")?;
    let found = METHODS.into_iter().find(|method| method.eq_ignore_ascii_case(&name));
    if found.is_none() {
        let message = format!("{name:?} is not a method; known are: {}", METHODS.join(", "));
        fields.violation("method", "invalid_value", message);
    }
    found
}

fn read_url(fields: &mut Fields<'_>, query: Vec<(String, String)>) -> Option<Url> {
    let Some(Value::String(text)) = fields.raw("url") else {
        if fields.required::<String>("url").is_some() {
            fields.violation("url", "invalid_value", "`url` must be a text");
        }
        return None;
    };
    if fields.holds_templates() && text.contains("{{") {
        fields.check_templates(&Value::String(text.clone()), "url");
        let start = text.trim_start().to_ascii_lowercase();
        if !["{{", "http://", "https://"].iter().any(|known| start.starts_with(known)) {
            fields.violation("url", "invalid_url", "a URL starts with http:// or https://");
        }
        return None;
    }
    let wrong = match Url::parse(text.trim()) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            format!("only http:// and https:// can be called, not {}:", url.scheme())
        }
        Ok(mut url) => {
            if !query.is_empty() {
                url.query_pairs_mut().extend_pairs(query);
            }
            url.set_fragment(None);
            return Some(url);
        }
        // The text itself may hold a secret; the editor shows it anyway.
        Err(error) => format!("this is not a URL ({error}); it starts with http:// or https://"),
    };
    fields.violation("url", "invalid_url", wrong);
    None
}

fn read_response(fields: &mut Fields<'_>) -> Option<Response> {
    if fields.present(&["response"]).is_empty() {
        fields.raw("response");
        return Some(Response::default());
    }
    let mut response = fields.nested("response")?;
    let mut read = Some(Response::default());
    if !response.present(&["format"]).is_empty() {
        read = response.optional("format").and_then(|format| Some(Response { format, ..read? }));
    }
    if !response.present(&["full"]).is_empty() {
        read = response.optional("full").and_then(|full| Some(Response { full, ..read? }));
    }
    for name in ["format", "full"] {
        response.raw(name);
    }
    response.finish();
    read
}

fn read_redirects(fields: &mut Fields<'_>) -> Option<Option<u32>> {
    if fields.present(&["redirects"]).is_empty() {
        fields.raw("redirects");
        return Some(Some(DEFAULT_REDIRECTS));
    }
    match fields.known("redirects")? {
        Value::String(word) if word == "follow" => return Some(Some(DEFAULT_REDIRECTS)),
        Value::String(word) if word == "none" => return Some(None),
        Value::Number(number) => {
            if let Some(most) = number.as_u64().filter(|most| *most <= MAX_REDIRECTS) {
                return Some(u32::try_from(most).ok());
            }
            let message = format!("the number of redirects to follow is 0 to {MAX_REDIRECTS}");
            fields.violation("redirects", "invalid_value", message);
        }
        other => {
            let message = format!(
                "`redirects` is \"follow\", \"none\" or the largest number to follow, not {}",
                if let Value::String(word) = other { word } else { name_of(other) }
            );
            fields.violation("redirects", "invalid_value", message);
        }
    }
    None
}

/// The kind. A call of a web API: 4 attempts within 10 minutes, 30 s each.
pub static KIND: KindInfo = KindInfo {
    pure: false,
    retry: RetryPolicy::standard(4, Duration::from_secs(600)),
    check: |fields| {
        read(fields);
    },
    ..computes("http_request")
};

#[cfg(test)]
mod tests;
