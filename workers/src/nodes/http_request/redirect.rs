//! A request and its redirects: what is sent on, and where to.

use domain::kinds::http_request::Body;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use minireipaz::telemetry::redact::is_secret;
use reqwest::{Method, Response};
use url::Url;

/// A request as it goes over the wire; redirects change it.
pub(super) struct Request<'p> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<&'p Body>,
}

impl Request<'_> {
    /// As browsers do: 303, and 301 and 302 after a POST, become a GET without a body. Secrets stay with the origin
    /// that they were meant for.
    pub(super) fn redirect(&mut self, status: StatusCode, next: Url) {
        let to_get = status == StatusCode::SEE_OTHER && self.method != Method::HEAD
            || matches!(status, StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND)
                && self.method == Method::POST;
        if to_get {
            self.method = Method::GET;
            self.body = None;
            self.headers.remove(header::CONTENT_TYPE);
        }
        if next.origin() != self.url.origin() {
            let secrets: Vec<_> =
                self.headers.keys().filter(|name| is_secret(name.as_str())).cloned().collect();
            for name in secrets {
                self.headers.remove(name);
            }
        }
        self.url = next;
    }
}

/// Where the answer sends us; `None`: it does not.
pub(super) fn redirection(response: &Response, from: &Url) -> Option<Result<Url, &'static str>> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    response.headers().get(header::LOCATION).map(|location| target(from, location))
}

/// The URL that a `Location` stands for, unless following it would put on the open wire what was sent in confidence.
fn target(from: &Url, location: &HeaderValue) -> Result<Url, &'static str> {
    let next = location.to_str().ok().and_then(|location| from.join(location).ok());
    let next = next.ok_or("redirects to something that is not a URL")?;
    if from.scheme() == "https" && next.scheme() == "http" {
        return Err(
            "redirects from https to http, which is not followed; call the address it should lead to, \
            or set `redirects` to \"none\" to take the redirect as the answer",
        );
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    #[test]
    fn secrets_stay_with_their_origin_and_a_post_becomes_a_get() {
        let body = Body::Text("x".into());
        let request = || Request {
            method: Method::POST,
            url: "https://a.example/1".parse().unwrap(),
            headers: [("authorization", "x"), ("x-api-key", "y"), ("accept", "z"), ("content-type", "t")]
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                .into_iter()
                .collect(),
            body: Some(&body),
        };
        let names = |request: &Request<'_>| {
            let mut names: Vec<_> = request.headers.keys().map(|name| name.as_str().to_owned()).collect();
            names.sort();
            names.join(" ")
        };
        let mut same = request();
        same.redirect(StatusCode::TEMPORARY_REDIRECT, "https://a.example/2".parse().unwrap());
        assert_eq!((same.method.as_str(), same.body.is_some()), ("POST", true));
        assert_eq!(names(&same), "accept authorization content-type x-api-key");

        for elsewhere in ["https://b.example/", "http://a.example/", "https://a.example:8443/"] {
            let mut other = request();
            other.redirect(StatusCode::FOUND, elsewhere.parse().unwrap());
            assert_eq!((other.method.as_str(), other.body.is_some()), ("GET", false));
            assert_eq!(names(&other), "accept", "{elsewhere}");
        }
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
            ("http://a.example/1", "https://a.example/", "https://a.example/"),
            ("http://a.example/1", "http://b.example/", "http://b.example/"),
        ] {
            assert_eq!(led(from, location).as_deref(), Ok(next));
        }
        assert!(led("https://a.example/1", "https://").is_err_and(|why| why.contains("not a URL")));
    }
}
