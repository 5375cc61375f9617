//! `http_request`: calls a web API, once an item.

mod address;
mod body;
mod count;
mod page;
mod pagination;
mod pairs;
mod redirects;
mod status;

use std::time::Duration;

use serde_json::{Value, json};
use url::Url;

pub use address::{Address, Method};
pub use body::{Body, Part, PartContent};
pub use count::{BatchSize, MaxPages};
pub use page::InvalidPage;
pub use pagination::{Batch, Paged, Pagination, Until};
pub use pairs::{Headers, Pairs, is_own_header};
pub use redirects::Redirects;
pub use status::Statuses;

use super::{
    declaration::{COMPUTES, Declaration, Effect, Example, Group},
    params::{choice, params},
};
use crate::{ids::CredentialId, retry::RetryPolicy};

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
        /// name: a text, a file, `{text | base64 | file, filename, content_type}`, or a list of them), `base64` (bytes),
        /// `file` (a file that a node has stored, such as `{{ $json.data }}`).
        body: Option<Body>;
        /// What becomes of the answer.
        response: Response = Response::default();
        /// Which statuses count as an answer: `any`, one such as `200`, `"3xx"` or `"404-410"`, or a list of them; without
        /// it all below 400 do.
        accept_status: Option<Statuses>;
        /// `follow` (5 redirects at most), `none` (a redirect is the answer), or how many to follow: 0 to 20.
        redirects: Redirects = Redirects::default();
        /// A stored credential: its id. The worker adds what it says to the request.
        credential: Option<CredentialId>, [fixed];
        /// How an answer that comes in pages goes on; the items of all pages leave in the item's place.
        pagination: Option<Paged>, [fixed];
        /// How the calls for many items are parted. Without it they follow each other; up to 8 are under way at a time.
        batch: Option<Batch>, [fixed];
    }
}

params! {
    /// What becomes of the answer.
    #[derive(Copy, Eq)]
    pub struct Response {
        /// How its body is read: `auto` by its content type, or as `json` (blank is empty), as `text`, as bytes in
        /// `base64`, or not at all: it is stored as a `file`.
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
        /// Not at all: it is stored, and the item names the file.
        File = "file",
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
        let accepted = self.accept_status.as_ref().map_or(status < 400, |accepted| accepted.contain(status));
        accepted || self.ends_pages(status)
    }

    /// Whether an answer with this status says that there is no such page.
    #[must_use]
    pub fn ends_pages(&self, status: u16) -> bool {
        let last = self.pagination.as_ref().and_then(|Paged(pagination)| pagination.last_status.as_ref());
        last.is_some_and(|last| last.contain(status))
    }
}

/// What its page says.
const DOCS: &str = include_str!("docs.md").trim_ascii_end();

/// The kind. A call of a web API: 4 attempts within 10 minutes, 30 s each.
pub static DECLARATION: Declaration = Declaration {
    name: "http_request",
    title: "HTTP request",
    group: Group::Calls,
    summary: "Calls a web API, once an item; its answers are the items that go on.",
    docs: DOCS,
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
