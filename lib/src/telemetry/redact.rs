//! Keeps secrets out of logs, steps and replies.

/// What stands in a secret's place.
pub const REDACTED: &str = "[redacted]";

/// Parts of the names of headers that carry secrets. Rather one header too many than a password in a log.
const SECRET: &[&str] = &[
    "authorization",
    "authenticate",
    "cookie",
    "token",
    "secret",
    "password",
    "api-key",
    "apikey",
    "access-key",
    "credential",
    "signature",
    "session",
];

/// Whether a header of this name carries a secret, however it is written.
#[must_use]
pub fn is_secret(header: &str) -> bool {
    let name = header.to_ascii_lowercase().replace('_', "-");
    SECRET.iter().any(|part| name.contains(part))
}

/// The header's value, or [`REDACTED`] in its place.
#[must_use]
pub fn header_value<'a>(header: &str, value: &'a str) -> &'a str {
    if is_secret(header) { REDACTED } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_with_secrets_are_redacted_however_they_are_written() {
        for name in [
            "Authorization",
            "proxy-authorization",
            "Cookie",
            "Set-Cookie",
            "X-API-Key",
            "x_api_key",
            "ApiKey",
            "X-Auth-Token",
            "X-Amz-Security-Token",
            "X-Hub-Signature-256",
            "WWW-Authenticate",
        ] {
            assert_eq!(header_value(name, "hush"), REDACTED, "{name}");
        }
        for name in ["Content-Type", "Idempotency-Key", "ETag", "traceparent", "X-Request-Id"] {
            assert_eq!(header_value(name, "seen"), "seen", "{name}");
        }
    }
}
