//! The path that a client asked for, whatever the platform made of it.
//!
//! Vercel routes `/api/v1/runs/7` to the function file `/api/v1/runs/[id]?id=7`, and which of the two a function
//! sees is the platform's affair; API Gateway puts its stage in front (`/prod/api/v1/…`). Routes see one form.

use std::borrow::Cow;

use axum::extract::Request;
use http::{Uri, uri::PathAndQuery};

use crate::hooks::HookAddress;

/// The placeholder that stands for all that follows: `api/v1/hooks/[token].rs`.
const OF_HOOKS: &str = "token";
/// Paths to which `rewrites` of `vercel.json` lead longer ones, whose further parts are then parameters of these names.
const FOLDED: &[(&str, &[&str])] = &[("/api/v1/credentials", &["id", "part"])];

/// The request with its path in the form that routes know.
pub(super) fn restore(mut request: Request) -> Request {
    if let Some(uri) = restored(request.uri()) {
        *request.uri_mut() = uri;
    }
    request
}

/// The address in the form that routes know; none when it is in it already.
fn restored(uri: &Uri) -> Option<Uri> {
    let given = uri.path();
    let path = given.find("/api/v1/").map_or(given, |start| &given[start..]);
    // What follows a webhook's address is its sender's, whatever it is called.
    let is_hook = HookAddress::is_one(path);
    let path = path.strip_suffix("/index").filter(|_| !is_hook).unwrap_or(path);
    let path = if path.len() > 1 { path.strip_suffix('/').unwrap_or(path) } else { path };
    let mut query = uri.query().map(Cow::Borrowed);
    let mut segments = Vec::new();
    for segment in path.split('/') {
        let name = placeholder(segment);
        segments.push(match name.and_then(|name| take(&mut query, name)) {
            Some(value) => Cow::Owned(value),
            None => Cow::Borrowed(segment),
        });
    }
    let mut path = segments.join("/");
    let folded = FOLDED.iter().find(|(folded, _)| *folded == path);
    for name in folded.map(|(_, names)| *names).unwrap_or_default() {
        let Some(value) = take(&mut query, name) else { break };
        path = format!("{path}/{value}");
    }
    if path == given {
        return None;
    }
    let path_and_query = match query.as_deref() {
        Some(query) if !query.is_empty() => format!("{path}?{query}"),
        _ => path,
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query.parse::<PathAndQuery>().ok()?);
    Uri::from_parts(parts).ok()
}

/// `id` of `[id]`, as it is or percent-encoded.
fn placeholder(segment: &str) -> Option<&str> {
    [("[", "]"), ("%5B", "%5D"), ("%5b", "%5d")]
        .into_iter()
        .find_map(|(open, close)| segment.strip_prefix(open)?.strip_suffix(close))
}

/// Takes the parameter out of the query, still encoded as it may stand in a path.
fn take(query: &mut Option<Cow<'_, str>>, name: &str) -> Option<String> {
    let all = query.as_deref()?;
    let (mut taken, mut rest) = (None, Vec::new());
    for pair in all.split('&') {
        match pair.split_once('=') {
            // A slash would make two segments of one, which is right where a path goes on.
            Some((key, value))
                if key == name && taken.is_none() && (name == OF_HOOKS || !value.contains('/')) =>
            {
                taken = Some(value.to_owned());
            }
            _ => rest.push(pair),
        }
    }
    taken.as_ref()?;
    *query = Some(Cow::Owned(rest.join("&")));
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_platforms_form_becomes_the_path_that_was_asked_for() {
        for (given, expected) in [
            ("/api/v1/runs/[id]?id=7", "/api/v1/runs/7"),
            ("/api/v1/runs/%5Bid%5D?id=7&wait=25", "/api/v1/runs/7?wait=25"),
            (
                "/api/v1/workflows/[id]/[part]?limit=2&part=runs&id=a-b&cursor=x",
                "/api/v1/workflows/a-b/runs?limit=2&cursor=x",
            ),
            ("/prod/api/v1/runs/7", "/api/v1/runs/7"),
            ("/api/v1/hooks/[token]?token=test/abc/orders/7&a=1", "/api/v1/hooks/test/abc/orders/7?a=1"),
            ("/prod/api/v1/hooks/abc/index", "/api/v1/hooks/abc/index"),
            ("/api/v1/workflows/index", "/api/v1/workflows"),
            ("/api/v1/workflows/?limit=2", "/api/v1/workflows?limit=2"),
            ("/api/v1/credentials?id=7", "/api/v1/credentials/7"),
            ("/api/v1/credentials?limit=2&part=test&id=7", "/api/v1/credentials/7/test?limit=2"),
            ("https://example.com/stage/api/v1/ping?deep=1", "https://example.com/api/v1/ping?deep=1"),
        ] {
            assert_eq!(restored(&given.parse().unwrap()).unwrap().to_string(), expected, "{given}");
        }
    }

    #[test]
    fn what_is_in_form_already_stays_and_a_placeholder_without_value_too() {
        for given in [
            "/api/v1/credentials?limit=2",
            "/api/v1/credentials/7/test?id=7&part=test",
            "/api/v1/runs/7?id=7",
            "/",
            "/other",
            "/api/v1/runs/[id]",
            "/api/v1/runs/[id]?id=a/b",
        ] {
            let uri = given.replace('[', "%5B").replace(']', "%5D").parse().unwrap();
            assert_eq!(restored(&uri), None, "{given}");
        }
    }
}
