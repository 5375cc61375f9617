//! Headers between client, platform and function.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Headers of one connection, not of the message (RFC 9110, 7.6.1), and `expect`: the body is here already.
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// A client may send this one; it is how protected deployments are called.
const BYPASS: &str = "x-vercel-protection-bypass";

/// What a request is called: the platform's name for it, and the runtime's.
#[derive(Debug, Clone)]
pub(crate) struct RequestId {
    /// `x-vercel-id`.
    pub(crate) public: String,
    /// `x-vercel-internal-invocation-id`.
    pub(crate) invocation: String,
    /// `x-vercel-internal-request-id`.
    pub(crate) number: u64,
}

/// Removes what belongs to one connection only, also what `Connection` names.
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
    headers.remove("keep-alive");
}

/// Makes a client's headers those that a function gets: what clients could forge is replaced.
pub(crate) fn for_function(headers: &mut HeaderMap, client: IpAddr, id: &RequestId) {
    remove_hop_by_hop(headers);
    headers.remove(header::EXPECT);
    let forged: Vec<HeaderName> = headers
        .keys()
        .filter(|name| {
            let name = name.as_str();
            name == "forwarded"
                || name == "x-real-ip"
                || name.starts_with("x-forwarded-")
                || name.starts_with("x-vercel-") && name != BYPASS
        })
        .cloned()
        .collect();
    for name in forged {
        headers.remove(name);
    }
    let client = client.to_string();
    let host = headers.get(header::HOST).cloned();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    };
    set("x-forwarded-for", &client);
    set("x-vercel-forwarded-for", &client);
    set("x-real-ip", &client);
    set("x-forwarded-proto", "http");
    set("x-vercel-id", &id.public);
    set("x-vercel-internal-invocation-id", &id.invocation);
    set("x-vercel-internal-request-id", &id.number.to_string());
    if let Some(host) = host {
        headers.insert("x-forwarded-host", host.clone());
        headers.insert("x-vercel-deployment-url", host);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        pairs.collect()
    }

    #[test]
    fn what_belongs_to_one_connection_stays_there() {
        let mut headers = map(&[
            ("connection", "close, X-Mine"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("x-mine", "1"),
            ("content-type", "text/plain"),
        ]);
        remove_hop_by_hop(&mut headers);
        assert_eq!(headers, map(&[("content-type", "text/plain")]));
    }

    #[test]
    fn a_client_cannot_say_who_it_is() {
        let mut headers = map(&[
            ("host", "api.example"),
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-prefix", "/admin"),
            ("x-real-ip", "1.1.1.1"),
            ("forwarded", "for=1.1.1.1"),
            ("x-vercel-internal-request-id", "9"),
            ("x-vercel-oidc-token", "forged"),
            (BYPASS, "secret"),
            ("authorization", "Bearer t"),
        ]);
        let id = RequestId { public: "dev1::x".into(), invocation: "i".into(), number: 3 };
        for_function(&mut headers, "10.0.0.7".parse().unwrap(), &id);
        assert_eq!(headers["x-forwarded-for"], "10.0.0.7");
        assert_eq!(headers["x-real-ip"], "10.0.0.7");
        assert_eq!(headers["x-forwarded-host"], "api.example");
        assert_eq!(headers["x-vercel-internal-request-id"], "3");
        assert_eq!(headers[BYPASS], "secret");
        assert_eq!(headers["authorization"], "Bearer t");
        for gone in ["x-forwarded-prefix", "forwarded", "x-vercel-oidc-token"] {
            assert!(!headers.contains_key(gone), "{gone}");
        }
    }
}
