//! The self-managed connector's own keys (`io.confluent.connect.http.HttpSinkConnector`).

use http::HeaderMap;

use super::{
    ErrorReport, OnError, OnNull,
    body::BodyKeys,
    dialect::{Dialect, Target},
    request,
    values::Keys,
};

pub(super) const DIALECT: Dialect = Dialect {
    body: BodyKeys { prefix: "", batch_max: "batch.max.size", format: "string", as_array: None },
    max_retries: 0..=2_147_483_647,
    on_null: &[("ignore", OnNull::Ignore), ("log", OnNull::Log), ("fail", OnNull::Fail)],
    on_error: &[("fail", OnError::Fail), ("ignore", OnError::Ignore), ("log", OnError::Log)],
    tolerance: "none",
    report: [("error_string", ErrorReport::ErrorString), ("http_response", ErrorReport::HttpResponse)],
};

pub(super) fn target(keys: &mut Keys) -> Target {
    let topics = keys.required_list("topics");
    let url = keys.required("http.api.url");
    if let Some(url) = &url {
        request::check_url(url, "http.api.url", keys);
    }
    let separator = request::separator(keys, "header.separator");
    let mut headers = HeaderMap::new();
    request::add_headers(keys, "headers", &separator, &mut headers);
    let wants_basic = keys.choice("auth.type", "NONE", &[("NONE", false), ("BASIC", true)]);
    Target {
        topics,
        url: url.unwrap_or_default(),
        method: request::method(keys, "request.method"),
        headers,
        basic: request::basic(keys, wants_basic),
    }
}
