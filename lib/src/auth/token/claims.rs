//! What a token whose signature fits says. Pure: time is an argument.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{AuthConfig, AuthError, Principal, Scopes};
use domain::{ids::TenantId, timestamp::Timestamp};

/// Longest accepted subject, in bytes: `OpenID` Connect Core 1.0, section 2.
const MAX_SUBJECT: usize = 255;
/// The most that clocks may differ, whatever the settings say.
const MAX_LEEWAY: Duration = Duration::from_secs(60);

/// The claims of a token.
pub(super) type Claims = Map<String, Value>;

/// Checks the claims and takes from them who is calling, and when the token ends.
pub(super) fn check(
    claims: &Claims,
    config: &AuthConfig,
    now: Timestamp,
) -> Result<(Principal, Timestamp), AuthError> {
    let leeway = config.leeway.min(MAX_LEEWAY);
    let expires = moment(claims, "exp")?.ok_or(AuthError::Malformed("it has no exp"))?;
    if expires.plus(leeway) <= now {
        return Err(AuthError::Expired);
    }
    if moment(claims, "nbf")?.is_some_and(|from| from > now.plus(leeway)) {
        return Err(AuthError::NotYetValid);
    }
    if text(claims, "iss") != Some(config.issuer.as_str()) {
        return Err(AuthError::WrongIssuer);
    }
    if !words(claims.get("aud"), one_word).any(|audience| audience == config.audience) {
        return Err(AuthError::WrongAudience);
    }
    let subject = text(claims, "sub")
        .filter(|subject| !subject.is_empty() && subject.len() <= MAX_SUBJECT)
        .ok_or(AuthError::Malformed("its sub is missing, empty or too long"))?;
    let tenant = text(claims, &config.tenant_claim)
        .and_then(|tenant| TenantId::parse(tenant).ok())
        .ok_or(AuthError::NoTenant)?;
    Ok((Principal { tenant, subject: subject.into(), scopes: scopes(claims) }, expires))
}

/// The scopes that are ours. Issuers give them as a text in `scope` (RFC 8693) or as a list in `scp` or
/// `permissions`.
fn scopes(claims: &Claims) -> Scopes {
    ["scope", "scp", "permissions"]
        .into_iter()
        .flat_map(|name| words(claims.get(name), |text| text.split(' ').collect()))
        .filter_map(|word| word.parse().ok())
        .collect()
}

fn text<'a>(claims: &'a Claims, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

fn one_word(text: &str) -> Vec<&str> {
    vec![text]
}

/// The words of a claim that is a text or a list of texts; `split` cuts a text into words.
fn words(claim: Option<&Value>, split: fn(&str) -> Vec<&str>) -> impl Iterator<Item = &str> {
    let texts = match claim {
        Some(Value::Array(texts)) => texts.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    texts.iter().filter_map(Value::as_str).flat_map(split)
}

/// A claim in seconds since 1970, perhaps with a fraction.
fn moment(claims: &Claims, name: &str) -> Result<Option<Timestamp>, AuthError> {
    let Some(claim) = claims.get(name) else { return Ok(None) };
    let millis = claim.as_f64().ok_or(AuthError::Malformed("exp or nbf is not a number"))? * 1_000.0;
    // The cast saturates, and so do later additions.
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds are precise enough")]
    Ok(Some(Timestamp::from_millis(millis as i64)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::auth::Scope;

    const NOW: i64 = 1_795_000_000;

    fn check_with(change: &Value) -> Result<Principal, AuthError> {
        let config =
            AuthConfig::new("https://id.example/", "minireipaz", "https://id.example/jwks".parse().unwrap());
        let mut claims = json!({
            "iss": "https://id.example/", "aud": "minireipaz", "sub": "ada", "tenant_id": "acme", "exp": NOW + 60,
        });
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let now = Timestamp::from_millis(NOW * 1_000);
        check(claims.as_object().unwrap(), &config, now).map(|(principal, _)| principal)
    }

    #[test]
    fn tenant_and_subject_come_from_the_claims() {
        let principal = check_with(&json!({})).unwrap();
        assert_eq!((principal.tenant.as_str(), &*principal.subject), ("acme", "ada"));
        assert_eq!(principal.scopes, Scopes::default());
    }

    #[test]
    fn scopes_come_in_three_forms_and_strange_ones_are_ignored() {
        for claims in [
            json!({"scope": "openid runs:read  runs:write"}),
            json!({"scp": ["runs:read", "runs:write", 7]}),
            json!({"permissions": ["runs:write"], "scope": "runs:read"}),
        ] {
            assert_eq!(check_with(&claims).unwrap().scopes.to_string(), "runs:read runs:write", "{claims}");
        }
        assert!(
            check_with(&json!({"scope": Scopes::all().to_string()}))
                .unwrap()
                .scopes
                .contains(&Scope::CredentialsWrite)
        );
    }

    #[test]
    fn claims_that_are_wrong_are_refused_each_with_its_reason() {
        for (change, error) in [
            (json!({"exp": NOW - 31}), AuthError::Expired),
            (json!({"exp": 0}), AuthError::Expired),
            (json!({"exp": -1e300}), AuthError::Expired),
            (json!({"nbf": NOW + 31}), AuthError::NotYetValid),
            (json!({"iss": "https://id.example"}), AuthError::WrongIssuer),
            (json!({"iss": ["https://id.example/"]}), AuthError::WrongIssuer),
            (json!({"aud": "other"}), AuthError::WrongAudience),
            (json!({"aud": ["other", "another"]}), AuthError::WrongAudience),
            (json!({"aud": null}), AuthError::WrongAudience),
            (json!({"aud": "minireipaz other"}), AuthError::WrongAudience),
            (json!({"tenant_id": null}), AuthError::NoTenant),
            (json!({"tenant_id": ""}), AuthError::NoTenant),
            (json!({"tenant_id": "a b"}), AuthError::NoTenant),
            (json!({"tenant_id": 7}), AuthError::NoTenant),
        ] {
            assert_eq!(check_with(&change), Err(error), "{change}");
        }
        for change in [json!({"exp": null}), json!({"exp": "soon"}), json!({"nbf": true}), json!({"sub": ""})]
        {
            assert!(matches!(check_with(&change), Err(AuthError::Malformed(_))), "{change}");
        }
    }

    #[test]
    fn clocks_may_differ_by_the_leeway_and_audiences_may_be_a_list() {
        for change in [
            json!({"exp": NOW - 29}),
            json!({"exp": f64::from(1_795_000_000) + 0.5, "nbf": NOW + 30}),
            json!({"exp": 1e300}),
            json!({"aud": ["other", "minireipaz"]}),
        ] {
            assert!(check_with(&change).is_ok(), "{change}");
        }
    }
}
