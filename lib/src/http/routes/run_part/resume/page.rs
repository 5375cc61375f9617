//! The pages that a person sees who follows a link. They need no script and load nothing.

use std::fmt;

use axum::response::{Html, IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};

use crate::http::{layers::AsItIs, problem::ApiError};
use domain::ids::SignalName;

/// A page.
#[derive(Debug)]
pub(super) enum Page {
    /// The question, with a button.
    Ask(SignalName),
    /// The answer counts.
    Thanks,
    /// The answer is on its way.
    Sent,
    /// Somebody was first.
    Answered,
    /// Nobody waits for it.
    NotNow,
    /// The link is none of ours.
    Invalid,
    /// Something does not work here.
    Unwell(StatusCode),
}

/// What the page may do: nothing but send its form back to where it came from. Its address is a permission, so nobody
/// else hears of it.
const HEADERS: [(HeaderName, &str); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    (header::X_FRAME_OPTIONS, "DENY"),
];

const STYLE: &str = "body{margin:0;font:1rem/1.5 system-ui,sans-serif;background:#f4f4f5;color:#18181b}\
    main{max-width:32rem;margin:15vh auto 0;padding:2rem;background:#fff;border-radius:.5rem}\
    h1{margin:0 0 1rem;font-size:1.4rem;overflow-wrap:anywhere}\
    button{font:inherit;padding:.6rem 1.6rem;border:0;border-radius:.4rem;background:#18181b;color:#fff;cursor:pointer}\
    @media(prefers-color-scheme:dark){body{background:#18181b;color:#f4f4f5}main{background:#27272a}\
    button{background:#f4f4f5;color:#18181b}}";

impl Page {
    const fn status(&self) -> StatusCode {
        match self {
            Self::Ask(_) | Self::Thanks => StatusCode::OK,
            Self::Sent => StatusCode::ACCEPTED,
            Self::Answered => StatusCode::CONFLICT,
            Self::NotNow => StatusCode::GONE,
            Self::Invalid => StatusCode::FORBIDDEN,
            Self::Unwell(status) => *status,
        }
    }

    /// Its heading and its text.
    fn words(&self) -> (&str, &'static str) {
        match self {
            Self::Ask(name) => (
                name.as_str(),
                "A workflow waits for this answer. It goes on as soon as you confirm; the first answer counts.",
            ),
            Self::Thanks => ("Thank you", "Your answer has arrived, and the workflow goes on."),
            Self::Sent => (
                "Thank you",
                "Your answer is on its way. It counts unless somebody else has answered before you.",
            ),
            Self::Answered => (
                "Already answered",
                "The first answer counts, and there was one before this. Nothing has changed.",
            ),
            Self::NotNow => (
                "No answer is awaited",
                "It is too late for this answer, or a little too early: if you have just got the link, try it again in \
                 a moment.",
            ),
            Self::Invalid => (
                "This link is not valid",
                "It may have been cut off. Open it once more from where you got it, or ask for another one.",
            ),
            Self::Unwell(_) => (
                "That did not work",
                "Nothing is lost: try it again in a moment. If your answer did arrive, it counts once.",
            ),
        }
    }

    /// As an answer.
    pub(super) fn response(&self) -> Response {
        let (heading, text) = self.words();
        let heading = Escaped(heading);
        let form = match self {
            Self::Ask(_) => "<form method=\"post\"><button>Confirm</button></form>",
            _ => "",
        };
        let page = format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{heading}</title>\
             <style>{STYLE}</style></head><body><main><h1>{heading}</h1><p>{text}</p>{form}</main></body></html>"
        );
        let mut response = (self.status(), Html(page)).into_response();
        for (name, value) in HEADERS {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response.extensions_mut().insert(AsItIs);
        response
    }
}

/// A body that no page has sent.
pub(super) fn no_form() -> ApiError {
    let detail = "send the answer's fields as a form (application/x-www-form-urlencoded), or in the query";
    ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
}

/// A text within HTML.
struct Escaped<'t>(&'t str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => fmt::Write::write_char(f, c)?,
            }
        }
        Ok(())
    }
}
