//! Which tokens are accepted.

use url::Url;

use super::Env;
use crate::{
    auth::{Algorithms, AuthConfig},
    outbound,
};

impl AuthConfig {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Algorithm, CallbackSecrets};

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
