//! A hook's address: its token, whether it is the one for trying, and what follows.

use http::Uri;
use percent_encoding::percent_decode_str;

/// Where all hooks are.
const HOOKS: &str = "/api/v1/hooks/";
/// What stands before the token in an address for trying.
const TEST: &str = "test/";
/// What the platform calls what it has matched of the path.
const PARAMETER: &str = "token";

/// A hook's address, as a request names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookAddress {
    /// What the address stands for, sealed.
    pub token: String,
    /// Whether it is the address for trying.
    pub test: bool,
    /// What follows the token, decoded, piece by piece.
    pub tail: Vec<String>,
    /// The query without what the platform has added: it holds the token.
    pub query: String,
}

impl HookAddress {
    /// Reads an address; `None`: it is no hook's.
    #[must_use]
    pub fn of(uri: &Uri) -> Option<Self> {
        let path = uri.path().strip_prefix(HOOKS)?;
        let (test, rest) = match path.strip_prefix(TEST) {
            Some(rest) => (true, rest),
            None => (false, path),
        };
        let (token, tail) = rest.split_once('/').unwrap_or((rest, ""));
        let decoded = |piece: &str| percent_decode_str(piece).decode_utf8_lossy().into_owned();
        let tail = tail.split('/').filter(|_| !tail.is_empty()).map(decoded).collect();
        let query = uri.query().unwrap_or_default();
        let added = |pair: &&str| {
            let value = pair.strip_prefix(PARAMETER).and_then(|rest| rest.strip_prefix('='));
            !value.is_some_and(|value| !token.is_empty() && decoded(value).contains(token))
        };
        let query: Vec<_> = query.split('&').filter(|pair| !pair.is_empty()).filter(added).collect();
        Some(Self { token: token.to_owned(), test, tail, query: query.join("&") })
    }

    /// What follows the token, as a path.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/{}", self.tail.join("/"))
    }

    /// The path of an address.
    #[must_use]
    pub fn path_of(token: &str, test: bool) -> String {
        format!("{HOOKS}{}{token}", if test { TEST } else { "" })
    }

    /// Whether a path is one of hooks.
    #[must_use]
    pub fn is_one(path: &str) -> bool {
        path.starts_with(HOOKS)
    }

    /// A path as it may be logged: without the token of a hook.
    #[must_use]
    pub fn told(path: &str) -> &str {
        if Self::is_one(path) { "/api/v1/hooks/…" } else { path }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(uri: &str) -> Option<(String, bool, Vec<String>, String)> {
        let read = HookAddress::of(&uri.parse().unwrap())?;
        Some((read.token, read.test, read.tail, read.query))
    }

    fn is(
        token: &str,
        test: bool,
        tail: &[&str],
        query: &str,
    ) -> Option<(String, bool, Vec<String>, String)> {
        let tail = tail.iter().map(|piece| (*piece).to_owned()).collect();
        Some((token.to_owned(), test, tail, query.to_owned()))
    }

    #[test]
    fn an_address_is_taken_apart_and_what_the_platform_added_to_the_query_is_not_the_senders() {
        for (uri, read_as) in [
            ("/api/v1/hooks/abc", is("abc", false, &[], "")),
            ("/api/v1/hooks/abc/", is("abc", false, &[], "")),
            ("/api/v1/hooks/abc/a/b%2Fc?x=1&y", is("abc", false, &["a", "b/c"], "x=1&y")),
            ("/api/v1/hooks/test/abc/a?x=1&token=test/abc/a", is("abc", true, &["a"], "x=1")),
            ("/api/v1/hooks/abc?token=abc&token=mine", is("abc", false, &[], "token=mine")),
            ("/api/v1/hooks/abc?token=%61bc", is("abc", false, &[], "")),
            ("/api/v1/runs/abc", None),
        ] {
            assert_eq!(read(uri), read_as, "{uri}");
        }
        assert_eq!(HookAddress::path_of("abc", true), "/api/v1/hooks/test/abc");
    }

    #[test]
    fn what_is_told_of_an_address_has_no_token() {
        assert_eq!(HookAddress::told("/api/v1/hooks/test/secret/x"), "/api/v1/hooks/…");
        assert_eq!(HookAddress::told("/api/v1/runs/7"), "/api/v1/runs/7");
    }
}
