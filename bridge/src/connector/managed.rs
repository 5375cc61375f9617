//! The keys of Confluent Cloud's managed connector (`HttpSinkV2`): what belongs to an API is named `apiN.…`.
//!
//! The bridge delivers one API a connector, and takes what differs from the self-managed form: other names, a base
//! address and a path, bearer tokens and API keys, other defaults.

use http::{HeaderMap, HeaderName, header::AUTHORIZATION};

use super::{
    ErrorReport, OnError, OnNull,
    body::BodyKeys,
    dialect::{Dialect, Target},
    request,
    values::Keys,
};

pub(super) const DIALECT: Dialect = Dialect {
    body: BodyKeys {
        prefix: "api1.",
        batch_max: "api1.max.batch.size",
        format: "JSON",
        as_array: Some("false"),
    },
    max_retries: 1..=5_000,
    on_null: &[("IGNORE", OnNull::Ignore), ("FAIL", OnNull::Fail)],
    on_error: &[("FAIL", OnError::Fail), ("IGNORE", OnError::Ignore)],
    tolerance: "all",
    report: [("Error string", ErrorReport::ErrorString), ("HTTP response", ErrorReport::HttpResponse)],
};

pub(super) fn target(keys: &mut Keys) -> Target {
    only_what_the_bridge_does(keys);
    let topics = topics(keys);
    let url = url(keys);
    let separator = request::separator(keys, "api1.http.request.headers.separator");
    let mut headers = HeaderMap::new();
    request::add_headers(keys, "api1.http.request.headers", &separator, &mut headers);
    request::add_headers(keys, "api1.http.request.sensitive.headers", &separator, &mut headers);
    let wants_basic = authenticate(keys, &mut headers);
    Target {
        topics,
        url,
        method: request::method(keys, "api1.http.request.method"),
        headers,
        basic: request::basic(keys, wants_basic),
    }
}

/// Keys whose default, or whose other values, ask for something that the bridge does not do.
fn only_what_the_bridge_does(keys: &mut Keys) {
    for (key, default, needed, why) in [
        ("use.open.api.spec", "true", "false", "the bridge reads no OpenAPI document"),
        ("apis.num", "1", "1", "the bridge delivers one API a connector; make one file for each"),
        ("input.data.format", "JSON", "JSON", "the bridge has no schema registry"),
        ("api1.forward.kafka.headers", "true", "false", "the bridge forwards no record headers"),
        ("api1.test.api", "false", "false", "the bridge sends no test records"),
        ("https.host.verifier.enabled", "true", "true", "the bridge always verifies a receiver's name"),
    ] {
        let value = keys.take(key).unwrap_or_else(|| default.to_owned());
        if !value.eq_ignore_ascii_case(needed) {
            keys.complain(format!("{key} has to be {needed}, and is {value:?}: {why}"));
        }
    }
}

fn topics(keys: &mut Keys) -> Vec<String> {
    let topics = keys.required_list("api1.topics");
    let mut all = keys.list("topics");
    all.sort_unstable();
    let mut own = topics.clone();
    own.sort_unstable();
    if !all.is_empty() && all != own {
        keys.complain("topics and api1.topics differ: a topic without an API is not delivered".to_owned());
    }
    topics
}

fn url(keys: &mut Keys) -> String {
    let path = keys.take("api1.http.api.path").unwrap_or_default();
    if !path.is_empty() && !path.starts_with('/') {
        keys.complain("api1.http.api.path does not begin with /".to_owned());
    }
    let Some(base) = keys.required("http.api.base.url") else { return String::new() };
    let url = format!("{}{path}", base.trim_end_matches('/'));
    request::check_url(&url, "http.api.base.url with api1.http.api.path", keys);
    url
}

/// How the connector shows who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Auth {
    None,
    Basic,
    Bearer,
    ApiKey,
}

/// Adds the header that `auth.type` asks for; the answer is whether it asks for Basic.
fn authenticate(keys: &mut Keys, headers: &mut HeaderMap) -> bool {
    let auth = keys.choice(
        "auth.type",
        "NONE",
        &[("NONE", Auth::None), ("BASIC", Auth::Basic), ("BEARER", Auth::Bearer), ("API_KEY", Auth::ApiKey)],
    );
    keys.choice("api.key.location", "HEADER", &[("HEADER", ())]);
    let key_name = keys.take("api.key.name").unwrap_or_else(|| "X-API-KEY".to_owned());
    // The name comes with the key's value: a token that is given and not used is a mistake.
    for (kind, key) in [(Auth::Bearer, "bearer.token"), (Auth::ApiKey, "api.key.value")] {
        if auth != kind {
            if keys.take(key).is_some() {
                keys.complain(format!("{key} is given, and auth.type asks for something else"));
            }
            continue;
        }
        let Some(secret) = keys.required(key) else { continue };
        let (name, text) = match kind {
            Auth::Bearer => (Some(AUTHORIZATION), format!("Bearer {secret}")),
            _ => (key_name.parse::<HeaderName>().ok(), secret),
        };
        match (name, request::secret_value(&text)) {
            (Some(name), Some(value)) => {
                headers.insert(name, value);
            }
            (None, _) => keys.complain("api.key.name is not the name of a header".to_owned()),
            (_, None) => keys.complain(format!("{key} has characters that no header can have")),
        }
    }
    auth == Auth::Basic
}

#[cfg(test)]
#[path = "managed_tests.rs"]
mod tests;
