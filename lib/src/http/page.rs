//! Pages for people. They need no script and load nothing.

use std::fmt;

use axum::response::{Html, IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};

use super::layers::AsItIs;

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

/// A page with a heading and a text, which are escaped, and a form, which is HTML.
pub(super) fn page(status: StatusCode, heading: &str, text: &str, form: &'static str) -> Response {
    let (heading, text) = (Escaped(heading), Escaped(text));
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{heading}</title>\
         <style>{STYLE}</style></head><body><main><h1>{heading}</h1><p>{text}</p>{form}</main></body></html>"
    );
    let mut response = (status, Html(page)).into_response();
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response.extensions_mut().insert(AsItIs);
    response
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
