//! The request of a further page.

use std::collections::BTreeMap;

use domain::kinds::http_request::{Pagination, Pairs, Params};
use minireipaz::telemetry::redact::is_secret_parameter;
use url::Url;

use super::{
    failure::CallFailure,
    redirect::{is_downgrade, stays_behind},
    used::Used,
};

/// The request of the page with that number: that of the first one with what is `different`. When it leads to another
/// origin, what is secret stays behind. `env` is what `$env` sees.
pub(super) fn further(
    params: &Params,
    different: &mut Pagination,
    number: usize,
    env: &BTreeMap<String, String>,
) -> Result<Params, CallFailure> {
    let home = params.target();
    let next = different.next_url.as_deref().map(|next| next_url(&home, next)).transpose();
    let next = next.map_err(|why| {
        CallFailure::permanent("invalid_next_url", format!("page {number}: `pagination.next_url` {why}"))
    })?;
    let is_abroad = next.as_ref().is_some_and(|next| next.origin() != home.origin());
    let used = Used::by(params, env);
    if is_abroad {
        let Pairs(query) = &mut different.query;
        query.retain(|(name, value)| !is_secret_parameter(name) && !used.is_in(value));
    }
    let mut page = params
        .page(next, different)
        .map_err(|why| CallFailure::permanent("invalid_params", format!("page {number}: {why}")))?;
    if is_abroad {
        page.headers.0.retain(|(name, value)| !stays_behind(name, value, |text| used.is_in(text)));
    }
    Ok(page)
}

/// Where the next page is, or why it is nowhere. User and password of the first address are for all of its origin.
fn next_url(home: &Url, next: &str) -> Result<Url, String> {
    let mut next =
        home.join(next.trim()).map_err(|error| format!("came to something that is not a URL ({error})"))?;
    if !matches!(next.scheme(), "http" | "https") {
        return Err(format!("leads to {}:, and only http and https are called", next.scheme()));
    }
    if is_downgrade(home, &next) {
        return Err(
            "leads from https to http, which is not followed; let the expression say https".to_owned()
        );
    }
    if next.origin() == home.origin() && next.username().is_empty() && next.password().is_none() {
        // Both fail only where there is no host.
        let _ = (next.set_username(home.username()), next.set_password(home.password()));
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_of_the_first_address_are_for_its_origin() {
        let home = "https://bob:p%40ss@a.example/1".parse().unwrap();
        for (next, found) in [
            ("/2", "https://bob:p%40ss@a.example/2"),
            ("https://a.example/2", "https://bob:p%40ss@a.example/2"),
            ("https://eve@a.example/2", "https://eve@a.example/2"),
            ("https://b.example/2", "https://b.example/2"),
            ("https://a.example:8443/2", "https://a.example:8443/2"),
        ] {
            assert_eq!(next_url(&home, next).unwrap().as_str(), found, "{next}");
        }
    }

    #[test]
    fn a_next_address_counts_from_the_first_one_and_never_leaves_https() {
        let home = "https://a.example/v1/list?page=1".parse().unwrap();
        for (next, found) in [
            ("?page=2", Ok("https://a.example/v1/list?page=2")),
            (" /v2/list ", Ok("https://a.example/v2/list")),
            ("more", Ok("https://a.example/v1/more")),
            ("//b.example/x", Ok("https://b.example/x")),
            ("https://b.example/", Ok("https://b.example/")),
            ("http://a.example/", Err("from https to http")),
            ("HTTP:/a.example:443/", Err("from https to http")),
            ("file:///etc/passwd", Err("leads to file:")),
            ("https://", Err("not a URL")),
        ] {
            match (next_url(&home, next), found) {
                (Ok(url), Ok(expected)) => assert_eq!(url.as_str(), expected),
                (Err(why), Err(expected)) => assert!(why.contains(expected), "{next}: {why}"),
                (got, _) => panic!("{next}: {got:?}"),
            }
        }
    }
}
