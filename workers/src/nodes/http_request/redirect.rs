//! Redirects: what is sent on, and where to.

use std::borrow::Cow;

use domain::trace::TRACEPARENT;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use minireipaz::telemetry::redact::is_secret;
use percent_encoding::{AsciiSet, percent_encode};
use reqwest::Method;
use url::Url;

use super::{
    answer::value_text,
    request::{IDEMPOTENCY_KEY, Request, take_credentials},
};

/// Headers that tell of a body.
const OF_A_BODY: [header::HeaderName; 4] =
    [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::CONTENT_LANGUAGE, header::CONTENT_LOCATION];

/// Nothing that is ASCII.
const NOT_ASCII: &AsciiSet = &AsciiSet::EMPTY;

impl Request {
    /// As browsers do (WHATWG Fetch, "HTTP-redirect fetch"): 303, and 301 and 302 after a POST, become a GET without a
    /// body. Secrets stay with the origin that they were meant for; those of the new address are for it. A header is one
    /// if its name says so, or if `holds_secret` does of its value.
    pub(super) fn redirect(
        &mut self,
        status: StatusCode,
        mut next: Url,
        holds_secret: impl Fn(&str) -> bool,
    ) {
        let to_get = status == StatusCode::SEE_OTHER && self.method != Method::HEAD
            || matches!(status, StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND)
                && self.method == Method::POST;
        if to_get {
            self.method = Method::GET;
            self.body = None;
            for name in OF_A_BODY {
                self.headers.remove(name);
            }
        }
        if next.origin() != self.url.origin() {
            let is_secret = |(name, value): &(&HeaderName, &HeaderValue)| {
                // What a credential says is marked, whatever its name is.
                value.is_sensitive()
                    || stays_behind(name.as_str(), &value_text(value.as_bytes()), &holds_secret)
            };
            let secrets: Vec<_> =
                self.headers.iter().filter(is_secret).map(|(name, _)| name.clone()).collect();
            for name in secrets {
                self.headers.remove(name);
            }
        }
        if let Some(credentials) = take_credentials(&mut next) {
            self.headers.insert(header::AUTHORIZATION, credentials);
        }
        self.url = next;
    }
}

/// Whether a header stays with the origin that it was meant for: its name says that it is a secret, or `holds_secret`
/// does of its value. What a request needs is sent whatever it looks like: a boundary, a span and an order's number look
/// like tokens.
pub(super) fn stays_behind(name: &str, value: &str, holds_secret: impl Fn(&str) -> bool) -> bool {
    let is_needed = OF_A_BODY.iter().any(|needed| needed.as_str() == name)
        || [IDEMPOTENCY_KEY.as_str(), TRACEPARENT].contains(&name);
    is_secret(name) || (!is_needed && holds_secret(value))
}

/// Where the answer sends us; `None`: it does not.
pub(super) fn redirection(
    status: StatusCode,
    headers: &HeaderMap,
    from: &Url,
) -> Option<Result<Url, &'static str>> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    headers.get(header::LOCATION).map(|location| target(from, location))
}

/// Whether going on there would put on the open wire what was sent in confidence.
pub(super) fn is_downgrade(from: &Url, next: &Url) -> bool {
    from.scheme() == "https" && next.scheme() == "http"
}

/// The URL that a `Location` stands for.
fn target(from: &Url, location: &HeaderValue) -> Result<Url, &'static str> {
    let mut next =
        from.join(&text(location.as_bytes())).map_err(|_| "redirects to something that is not a URL")?;
    next.set_fragment(None);
    if is_downgrade(from, &next) {
        return Err(
            "redirects from https to http, which is not followed; call the address it should lead to, \
            or set `redirects` to \"none\" to take the redirect as the answer",
        );
    }
    Ok(next)
}

/// Not all servers escape: most write UTF-8, and what is none is escaped byte for byte, as browsers do.
fn text(location: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(location) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(percent_encode(location, NOT_ASCII).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        Request {
            method: Method::POST,
            url: "https://a.example/1".parse().unwrap(),
            headers: [
                ("authorization", "x"),
                ("cookie", "c"),
                ("x-api-key", "y"),
                ("accept", "z"),
                ("content-type", "t"),
                ("content-language", "de"),
            ]
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .into_iter()
            .collect(),
            body: Some(bytes::Bytes::from("x").into()),
        }
    }

    fn names(request: &Request) -> String {
        let mut names: Vec<_> = request.headers.keys().map(|name| name.as_str().to_owned()).collect();
        names.sort();
        names.join(" ")
    }

    #[test]
    fn secrets_stay_with_their_origin_and_a_post_becomes_a_get() {
        let mut same = request();
        same.redirect(StatusCode::TEMPORARY_REDIRECT, "https://a.example/2".parse().unwrap(), |_| false);
        assert_eq!((same.method.as_str(), same.body.is_some()), ("POST", true));
        assert_eq!(names(&same), names(&request()));

        for elsewhere in ["https://b.example/", "http://a.example/", "https://a.example:8443/"] {
            let mut other = request();
            other.redirect(StatusCode::FOUND, elsewhere.parse().unwrap(), |_| false);
            assert_eq!((other.method.as_str(), other.body.is_some()), ("GET", false));
            assert_eq!(names(&other), "accept", "{elsewhere}");
        }
    }

    #[test]
    fn what_holds_a_secret_stays_too_unless_the_request_needs_it() {
        let sent = |to: &str| {
            let mut sent = request();
            for name in ["idempotency-key", "traceparent", "x-any"] {
                sent.headers.insert(name, HeaderValue::from_static("hush"));
            }
            sent.headers.insert("content-type", HeaderValue::from_static("multipart/x; boundary=hush"));
            sent.redirect(StatusCode::TEMPORARY_REDIRECT, to.parse().unwrap(), |text| text.contains("hush"));
            names(&sent)
        };
        let kept = "accept content-language content-type idempotency-key traceparent";
        assert_eq!(sent("https://b.example/"), kept);
        assert!(sent("https://a.example/2").contains("x-any"));
    }

    #[test]
    fn methods_change_as_in_browsers() {
        for (method, status, after) in [
            ("POST", 301, "GET"),
            ("POST", 302, "GET"),
            ("POST", 303, "GET"),
            ("POST", 307, "POST"),
            ("POST", 308, "POST"),
            ("PUT", 301, "PUT"),
            ("PATCH", 302, "PATCH"),
            ("DELETE", 302, "DELETE"),
            ("PUT", 303, "GET"),
            ("DELETE", 303, "GET"),
            ("GET", 303, "GET"),
            ("HEAD", 303, "HEAD"),
            ("HEAD", 302, "HEAD"),
            ("OPTIONS", 308, "OPTIONS"),
        ] {
            let mut sent = Request { method: method.parse().unwrap(), ..request() };
            sent.redirect(
                StatusCode::from_u16(status).unwrap(),
                "https://a.example/2".parse().unwrap(),
                |_| false,
            );
            assert_eq!(sent.method.as_str(), after, "{method} {status}");
            let kept = method == after && !(method == "GET" && status == 303);
            assert_eq!(sent.body.is_some(), kept, "{method} {status}");
        }
    }

    #[test]
    fn credentials_of_the_new_address_are_for_it_and_leave_the_address() {
        let mut sent = request();
        sent.redirect(StatusCode::FOUND, "https://me:p%40ss@b.example/2".parse().unwrap(), |_| false);
        assert_eq!(sent.headers[header::AUTHORIZATION], "Basic bWU6cEBzcw==");
        assert!(sent.headers[header::AUTHORIZATION].is_sensitive());
        assert_eq!(
            (sent.url.as_str(), names(&sent).as_str()),
            ("https://b.example/2", "accept authorization")
        );
    }

    #[test]
    fn a_redirect_never_leads_from_https_to_http() {
        let led = |from: &str, location: &'static str| {
            let next = target(&from.parse().unwrap(), &HeaderValue::from_static(location));
            next.map(String::from)
        };
        for location in ["http://a.example/", "HTTP://a.example/2", "http:/2", "http://b.example:443/"] {
            assert!(led("https://a.example/1", location).is_err_and(|why| why.contains("https to http")));
        }
        for (from, location, next) in [
            ("https://a.example/1", "/2", "https://a.example/2"),
            ("https://a.example/1", "//b.example/", "https://b.example/"),
            ("https://a.example/1", "?q#part", "https://a.example/1?q"),
            ("http://a.example/1", "https://a.example/", "https://a.example/"),
            ("http://a.example/1", "http://b.example/", "http://b.example/"),
        ] {
            assert_eq!(led(from, location).as_deref(), Ok(next));
        }
        assert!(led("https://a.example/1", "https://").is_err_and(|why| why.contains("not a URL")));
    }

    #[test]
    fn a_location_that_is_not_escaped_is_followed() {
        let from = "http://a.example/".parse().unwrap();
        for (location, next) in [
            ("/café".as_bytes(), "http://a.example/caf%C3%A9"),
            ("http://bücher.example/ü b".as_bytes(), "http://xn--bcher-kva.example/%C3%BC%20b"),
            (b"/caf\xe9", "http://a.example/caf%E9"),
            (b" /50%25\t ", "http://a.example/50%25"),
        ] {
            let location = HeaderValue::from_bytes(location).unwrap();
            assert_eq!(target(&from, &location).map(String::from).as_deref(), Ok(next));
        }
    }
}
