//! `http_request`: calls a web API, once an item.

mod address;
mod body;
mod pairs;
mod redirects;
mod status;

use std::time::Duration;

use serde_json::{Value, json};
use url::Url;

pub use address::{Address, Method};
pub use body::{Body, Part, PartContent};
pub use pairs::{Headers, Pairs};
pub use redirects::Redirects;
pub use status::Statuses;

use super::{
    declaration::{COMPUTES, Declaration, Effect, Example, Group},
    params::{NotYet, choice, params},
};
use crate::retry::RetryPolicy;

params! {
    /// Its parameters.
    pub struct Params {
        /// How it is called.
        method: Method = Method::Get;
        /// Where to: an address that starts with http:// or https://.
        url: Address;
        /// Names and values that are added to the address. A list gives its name once an element, `null` leaves it
        /// out.
        query: Pairs = Pairs::default();
        /// Header names and values. A list gives its name once an element, `null` leaves it out.
        headers: Headers = Headers::default();
        /// What is sent: exactly one of `json` (any value), `form` (names and values), `text`, `multipart` (parts by
        /// name: a text, `{text | base64, filename, content_type}`, or a list of them), `base64` (bytes).
        body: Option<Body>;
        /// What becomes of the answer.
        response: Response = Response::default();
        /// Which statuses count as an answer, such as `[200, "3xx", "404-410"]`; without it all below 400 do.
        accept_status: Option<Statuses>;
        /// `follow` (5 redirects at most), `none` (a redirect is the answer), or how many to follow: 0 to 20.
        redirects: Redirects = Redirects::default();
        /// A stored credential.
        credential: Option<NotYet>;
        /// Several answers as one.
        pagination: Option<NotYet>;
    }
}

params! {
    /// What becomes of the answer.
    #[derive(Copy, Eq)]
    pub struct Response {
        /// How its body is read: `auto` by its content type, or as `json` (blank is empty), as `text`, as bytes in
        /// `base64`.
        format: Format = Format::Auto;
        /// Whether status and headers are given as well: all of them as they came, `set-cookie` as a list.
        full: bool = false;
    }
}

choice! {
    /// How an answer's body is read.
    pub enum Format {
        /// By its content type: JSON, text, else base64.
        Auto = "auto",
        /// As JSON, whatever the content type says.
        Json = "json",
        /// As text.
        Text = "text",
        /// As bytes, in base64.
        Base64 = "base64",
    }
}

impl Default for Response {
    fn default() -> Self {
        Self { format: Format::Auto, full: false }
    }
}

impl From<Response> for Value {
    fn from(response: Response) -> Self {
        json!({ "format": response.format.as_str(), "full": response.full })
    }
}

impl Params {
    /// Where the call goes: the address with `query`, without a fragment.
    #[must_use]
    pub fn target(&self) -> Url {
        let mut url = self.url.0.clone();
        if !self.query.0.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query.0);
        }
        url.set_fragment(None);
        url
    }

    /// Whether an answer with this status is a success.
    #[must_use]
    pub fn accepts(&self, status: u16) -> bool {
        self.accept_status.as_ref().map_or(status < 400, |accepted| accepted.contain(status))
    }
}

/// The kind. A call of a web API: 4 attempts within 10 minutes, 30 s each.
pub static DECLARATION: Declaration = Declaration {
    name: "http_request",
    title: "HTTP request",
    group: Group::Calls,
    summary: "Calls a web API, once an item; its answers are the items that go on.",
    docs: "A JSON object as answer becomes one item, a JSON list one item an element, a text `{\"data\": …}`; with \
           `response.full` an item is `{status, headers, body}`. An empty or blank answer becomes one item without \
           fields. Answers that are encoded (`gzip`, `deflate`, `br`, `zstd`) are decoded; text and JSON are read by their \
           byte order mark, else in the character set that the content type names, else as UTF-8. Larger answers than \
           4 MiB, and those that bring less than 200 bytes in 20 s, are given up. User and password in the address are \
           sent as `Authorization: Basic`. Redirects are followed as browsers do: secret headers stay with their origin. \
           Every attempt of the same item carries the same header \
           `Idempotency-Key`. Calls that failed with 429, 500, 502, 503 or 504, or without an answer, are tried again; \
           items that are done are not called a second time. Addresses that are not public are refused unless the \
           operator allows them.",
    icon: "globe",
    effect: Effect::Calls,
    retry: RetryPolicy::standard(4, Duration::from_secs(600)),
    params: Params::TABLE,
    check: Params::check,
    example: Example {
        params: r#"{"url": "https://shop.example/prices/{{ $json.sku }}", "headers": {"Accept": "application/json"}}"#,
        input: r#"[{"sku": "A1"}]"#,
        output: r#"{"main": [{"sku": "A1", "price": 12.5}]}"#,
    },
    ..COMPUTES
};

#[cfg(test)]
mod tests;
