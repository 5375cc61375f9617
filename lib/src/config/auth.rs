//! Settings of who may call.

use std::{str::FromStr, time::Duration};

use secrecy::SecretString;
use url::Url;

use super::Env;
use crate::{auth::CallbackSecrets, outbound};

/// Which tokens are accepted.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// Who issues the tokens, exactly as their claim `iss` says it. `AUTH_ISSUER`, required.
    pub issuer: String,
    /// For whom they must be issued: one of the claim `aud`. `AUTH_AUDIENCE`, required.
    pub audience: String,
    /// Where the issuer publishes its keys; `https`, except on this machine. `AUTH_JWKS_URL`, required.
    pub jwks_url: Url,
    /// How they may be signed. `AUTH_ALGORITHMS`; default `RS256,ES256,EdDSA`.
    pub algorithms: Algorithms,
    /// The claim that names the tenant. `AUTH_TENANT_CLAIM`; default `tenant_id`.
    pub tenant_claim: String,
    /// By how much the issuer's clock may differ from ours: 30 s.
    pub leeway: Duration,
}

/// How a token may be signed: only with the private half of a key pair, never with a shared secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

/// Algorithms that are allowed; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Algorithms(Vec<Algorithm>);

impl Algorithms {
    /// Whether `algorithm` is among them.
    #[must_use]
    pub fn allow(&self, algorithm: Algorithm) -> bool {
        self.0.contains(&algorithm)
    }
}

impl Default for Algorithms {
    fn default() -> Self {
        Self(vec![Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa])
    }
}

impl FromStr for Algorithms {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = |name: &str| match name {
            "RS256" => Ok(Algorithm::Rs256),
            "ES256" => Ok(Algorithm::Es256),
            "EdDSA" => Ok(Algorithm::EdDsa),
            _ => Err(format!("{name:?} is not one of RS256, ES256, EdDSA")),
        };
        text.split(',').map(|name| parse(name.trim())).collect::<Result<_, _>>().map(Self)
    }
}

impl AuthConfig {
    /// Tokens of one issuer for one audience, all else by default.
    #[must_use]
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>, jwks_url: Url) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            jwks_url,
            algorithms: Algorithms::default(),
            tenant_claim: "tenant_id".into(),
            leeway: Duration::from_secs(30),
        }
    }

    /// Reads the settings; `None` when a required one is missing or wrong, which `env` has noted.
    pub fn from_env(env: &mut Env) -> Option<Self> {
        let issuer: Option<String> = env.required("AUTH_ISSUER");
        let audience: Option<String> = env.required("AUTH_AUDIENCE");
        let jwks_url: Option<Url> = env.required("AUTH_JWKS_URL");
        let algorithms = env.or("AUTH_ALGORITHMS", Algorithms::default());
        let tenant_claim = env.or("AUTH_TENANT_CLAIM", "tenant_id".to_owned());
        if jwks_url.as_ref().is_some_and(|url| !is_trustworthy(url)) {
            // Who can change the keys on their way can issue any token.
            env.problem("AUTH_JWKS_URL must start with https:// (http:// only on this machine)");
            return None;
        }
        Some(Self { algorithms, tenant_claim, ..Self::new(issuer?, audience?, jwks_url?) })
    }
}

fn is_trustworthy(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && outbound::is_loopback(url))
}

impl CallbackSecrets {
    /// Reads `CONNECTOR_SECRET` (required) and `CONNECTOR_SECRET_NEXT`, which is valid too while connectors change
    /// over. `None` when one is missing or too short, which `env` has noted.
    pub fn from_env(env: &mut Env) -> Option<Self> {
        let current: Option<String> = env.required("CONNECTOR_SECRET");
        let next: Option<String> = env.optional("CONNECTOR_SECRET_NEXT");
        let secrets = Self::new(&SecretString::from(current?), next.map(SecretString::from).as_ref());
        secrets
            .map_err(|error| env.problem(format!("CONNECTOR_SECRET or CONNECTOR_SECRET_NEXT: {error}")))
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(vars: &[(&'static str, &'static str)]) -> Env {
        Env::of(vars.iter().copied())
    }

    #[test]
    fn issuer_audience_and_keys_are_enough() {
        let mut env = env(&[
            ("AUTH_ISSUER", "https://id.example/"),
            ("AUTH_AUDIENCE", "minireipaz"),
            ("AUTH_JWKS_URL", "https://id.example/jwks.json"),
            ("AUTH_ALGORITHMS", "ES256, EdDSA"),
        ]);
        let config = AuthConfig::from_env(&mut env);
        let config = env.finish(config).unwrap();
        assert_eq!(config.tenant_claim, "tenant_id");
        assert!(!config.algorithms.allow(Algorithm::Rs256) && config.algorithms.allow(Algorithm::EdDsa));
    }

    #[test]
    fn shared_secrets_and_plain_http_are_refused_by_name() {
        let mut env = env(&[
            ("AUTH_ISSUER", "x"),
            ("AUTH_AUDIENCE", "x"),
            ("AUTH_JWKS_URL", "http://id.example/jwks.json"),
            ("AUTH_ALGORITHMS", "HS256"),
            ("CONNECTOR_SECRET", "short"),
        ]);
        let config = AuthConfig::from_env(&mut env);
        assert!(CallbackSecrets::from_env(&mut env).is_none());
        let error = env.finish(config).unwrap_err().to_string();
        for part in
            ["AUTH_ALGORITHMS: \"HS256\" is not", "must start with https://", "at least 16 characters"]
        {
            assert!(error.contains(part), "{error}");
        }
        assert!(!error.contains("short"), "{error}");
    }
}
