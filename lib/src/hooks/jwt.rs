//! JSON Web Tokens that callers of hooks show.

use domain::timestamp::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, errors::ErrorKind};
use secrecy::ExposeSecret;
use serde_json::{Map, Value};

use super::{NotAdmitted, SecretFields, auth::field};

/// Longest accepted token, in bytes: what common servers take as a header.
const MAX_TOKEN: usize = 8 * 1024;
/// How far the clock that made a token may be from ours, in seconds.
const LEEWAY: i64 = 60;

/// Why a token is not accepted. It says nothing of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// It is none, or made by another algorithm than the credential's.
    #[error("it is no token of the credential's algorithm")]
    Malformed,
    /// Another key has signed it, or nobody.
    #[error("its signature is not right")]
    Signature,
    /// Its time is up.
    #[error("its time is up")]
    Expired,
    /// Its time has not begun.
    #[error("its time has not begun")]
    NotYet,
    /// It is another issuer's.
    #[error("its issuer is another one")]
    Issuer,
    /// It is for somebody else.
    #[error("it is for another audience")]
    Audience,
}

impl From<InvalidToken> for NotAdmitted {
    fn from(error: InvalidToken) -> Self {
        Self::Token(error)
    }
}

/// The claims of a token that the credential's key has signed. The algorithm is the credential's, whatever the token says.
pub(super) fn verify(
    token: &str,
    secrets: &SecretFields,
    now: Timestamp,
) -> Result<Map<String, Value>, NotAdmitted> {
    if token.len() > MAX_TOKEN {
        return Err(InvalidToken::Malformed.into());
    }
    let unusable = |why: &str| NotAdmitted::Credential(why.to_owned());
    let key = field(secrets, "key")?.expose_secret().as_bytes();
    let shared = || Ok(DecodingKey::from_secret(key));
    let (algorithm, key) = match field(secrets, "algorithm")?.expose_secret() {
        "HS256" => (Algorithm::HS256, shared()),
        "HS384" => (Algorithm::HS384, shared()),
        "HS512" => (Algorithm::HS512, shared()),
        "RS256" => (Algorithm::RS256, DecodingKey::from_rsa_pem(key)),
        "ES256" => (Algorithm::ES256, DecodingKey::from_ec_pem(key)),
        "EdDSA" => (Algorithm::EdDSA, DecodingKey::from_ed_pem(key)),
        _ => return Err(unusable("its `algorithm` is none that is known")),
    };
    let key = key.map_err(|_| unusable("its `key` is no public key of that algorithm in PEM"))?;
    let mut validation = Validation::new(algorithm);
    // Times, issuer and audience are checked below, against our clock.
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    let decoded = jsonwebtoken::decode::<Map<String, Value>>(token, &key, &validation);
    let claims = decoded.map(|token| token.claims).map_err(|error| match error.kind() {
        ErrorKind::InvalidSignature => InvalidToken::Signature,
        _ => InvalidToken::Malformed,
    })?;
    check(&claims, secrets, now)?;
    Ok(claims)
}

fn check(claims: &Map<String, Value>, secrets: &SecretFields, now: Timestamp) -> Result<(), InvalidToken> {
    let now = now.as_millis() / 1_000;
    let time = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => seconds(value).map(Some).ok_or(InvalidToken::Malformed),
    };
    if time("exp")?.is_some_and(|expires| expires.saturating_add(LEEWAY) <= now) {
        return Err(InvalidToken::Expired);
    }
    if time("nbf")?.is_some_and(|begins| begins.saturating_sub(LEEWAY) > now) {
        return Err(InvalidToken::NotYet);
    }
    let wanted = |name| secrets.get(name).map(ExposeSecret::expose_secret).filter(|text| !text.is_empty());
    if let Some(issuer) = wanted("issuer")
        && claims.get("iss").and_then(Value::as_str) != Some(issuer)
    {
        return Err(InvalidToken::Issuer);
    }
    if let Some(audience) = wanted("audience") {
        let is_it = |value: &Value| value.as_str() == Some(audience);
        let named = match claims.get("aud") {
            Some(Value::Array(all)) => all.iter().any(is_it),
            Some(one) => is_it(one),
            None => false,
        };
        if !named {
            return Err(InvalidToken::Audience);
        }
    }
    Ok(())
}

/// A moment as tokens say it: seconds, perhaps with a fraction (RFC 7519, section 2).
fn seconds(value: &Value) -> Option<i64> {
    let number = value.as_number()?;
    let whole = number.as_f64().filter(|seconds| seconds.abs() < 1e12)?;
    #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
    let floor = whole.floor() as i64;
    Some(number.as_i64().unwrap_or(floor))
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use jsonwebtoken::{EncodingKey, Header, encode};
    use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_763_971_200_000);
    const SECONDS: i64 = 1_763_971_200;

    fn read(secrets: &[(&str, &str)], token: &str) -> Result<Map<String, Value>, NotAdmitted> {
        verify(token, &secrets.iter().copied().collect(), NOW)
    }

    fn made(claims: &Value) -> String {
        encode(&Header::default(), claims, &EncodingKey::from_secret(b"shared")).unwrap()
    }

    const SHARED: [(&str, &str); 2] = [("algorithm", "HS256"), ("key", "shared")];

    /// RFC 7515, appendix A.1: HS256.
    #[test]
    fn the_token_of_the_standards_example_is_read() {
        let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
                     eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
                     dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let key = URL_SAFE_NO_PAD.decode(key).unwrap();
        // Its key has bytes that are no text, which no credential holds; so the signature alone is looked at.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        let read =
            jsonwebtoken::decode::<Map<String, Value>>(token, &DecodingKey::from_secret(&key), &validation);
        assert_eq!(check(&read.unwrap().claims, &SecretFields::default(), NOW), Err(InvalidToken::Expired));
    }

    #[test]
    fn a_token_is_taken_in_its_time_from_its_issuer_for_its_audience() {
        let mut secrets = SHARED.to_vec();
        assert_eq!(read(&secrets, &made(&json!({"sub": "ada"}))).unwrap()["sub"], "ada");
        for (claims, why) in [
            (json!({"exp": SECONDS - 61}), Some(InvalidToken::Expired)),
            (json!({"exp": SECONDS - 30}), None),
            (json!({"nbf": SECONDS + 61}), Some(InvalidToken::NotYet)),
            (json!({"nbf": SECONDS + 30, "exp": 1_763_971_200.5}), None),
            (json!({"exp": "soon"}), Some(InvalidToken::Malformed)),
        ] {
            assert_eq!(read(&secrets, &made(&claims)).err(), why.map(NotAdmitted::Token), "{claims}");
        }
        secrets.extend([("issuer", "https://id.example"), ("audience", "us")]);
        for (claims, why) in [
            (json!({"iss": "https://id.example", "aud": ["them", "us"]}), None),
            (json!({"iss": "https://id.example", "aud": "us"}), None),
            (json!({"aud": "us"}), Some(InvalidToken::Issuer)),
            (json!({"iss": "https://id.example", "aud": "them"}), Some(InvalidToken::Audience)),
            (json!({"iss": "https://id.example"}), Some(InvalidToken::Audience)),
        ] {
            assert_eq!(read(&secrets, &made(&claims)).err(), why.map(NotAdmitted::Token), "{claims}");
        }
    }

    #[test]
    fn keys_of_all_algorithms_are_read_and_the_token_does_not_choose_the_algorithm() {
        let claims = json!({"sub": "ada"});
        for (name, algorithm, pair) in [
            ("RS256", Algorithm::RS256, KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap()),
            ("ES256", Algorithm::ES256, KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()),
        ] {
            let private = pair.serialize_pem();
            let signer = match algorithm {
                Algorithm::RS256 => EncodingKey::from_rsa_pem(private.as_bytes()),
                _ => EncodingKey::from_ec_pem(private.as_bytes()),
            };
            let token = encode(&Header::new(algorithm), &claims, &signer.unwrap()).unwrap();
            let public = pair.public_key_pem();
            let secrets = [("algorithm", name), ("key", public.as_str())];
            assert_eq!(read(&secrets, &token).unwrap()["sub"], "ada", "{name}");
            // A token that is signed with the public key as if it were a shared secret.
            let forged =
                encode(&Header::default(), &claims, &EncodingKey::from_secret(public.as_bytes())).unwrap();
            assert!(read(&secrets, &forged).is_err(), "{name}");
            assert!(read(&SHARED, &token).is_err(), "{name}");
        }
        let none =
            format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode("{}"));
        assert!(read(&SHARED, &none).is_err() && read(&SHARED, "").is_err());
        let unusable = read(&[("algorithm", "RS256"), ("key", "x")], &made(&claims));
        assert!(matches!(unusable, Err(NotAdmitted::Credential(_))), "{unusable:?}");
    }
}
