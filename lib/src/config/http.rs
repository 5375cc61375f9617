//! Settings of the HTTP edge.

use std::{sync::Arc, time::Duration};

use files::FileStore;
use secrecy::SecretString;

use super::Env;
use crate::{
    auth::{CallbackSecrets, HookKeys, LinkSecrets},
    credentials::CredentialKeys,
    http::HttpConfig,
};

/// Set by Lambda: where its runtime API is.
const LAMBDA: &str = "AWS_LAMBDA_RUNTIME_API";
/// How long a request may wait on Lambda: API Gateway gives up after 29 s, and passes on only whole answers.
const BEHIND_A_GATEWAY: Duration = Duration::from_secs(25);

impl HttpConfig {
    /// Reads the settings.
    pub fn from_env(env: &mut Env) -> Self {
        let origins: String = env.or("CORS_ORIGINS", String::new());
        let mut config = Self {
            links: LinkSecrets::from_env(env),
            hooks: HookKeys::from_env(env),
            credential_keys: CredentialKeys::from_env(env),
            public_url: super::credentials::public_url(env),
            ..Self::default()
        };
        if let Some(secret) = env.optional::<String>("CRON_SECRET") {
            let secrets = CallbackSecrets::new(&SecretString::from(secret), None);
            config.cron = secrets.map_err(|error| env.problem(format!("CRON_SECRET: {error}"))).ok();
        }
        if let Some(settings) = super::files(env) {
            match FileStore::open(&settings) {
                Ok(store) => config.files = Some(Arc::new(store)),
                Err(error) => env.problem(error.to_string()),
            }
        }
        if env.optional::<String>(LAMBDA).is_some() {
            config.stream_limit = BEHIND_A_GATEWAY;
            config.longest_wait = BEHIND_A_GATEWAY;
        }
        for origin in origins.split(',').map(str::trim).filter(|origin| !origin.is_empty()) {
            if origin == "*" || is_origin(origin) {
                config.cors_origins.push(origin.to_owned());
            } else {
                env.problem(format!(
                    "CORS_ORIGINS: {origin:?} is not an origin; write a scheme and a host, such as https://app.example"
                ));
            }
        }
        config
    }
}

/// Browsers send an origin without a path, so one with a path would never match.
fn is_origin(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| url.origin().ascii_serialization() == text)
}

/// Whether this process is a Lambda function.
#[cfg(feature = "functions")]
#[must_use]
pub(crate) fn on_lambda() -> bool {
    Env::process().optional::<String>(LAMBDA).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_lambda_nobody_waits_longer_than_the_gateway_does() {
        let elsewhere = HttpConfig::from_env(&mut Env::of::<&str, &str>([]));
        assert!(elsewhere.longest_wait >= Duration::from_secs(60));
        let config = HttpConfig::from_env(&mut Env::of([(LAMBDA, "127.0.0.1:9001")]));
        assert!(config.longest_wait < Duration::from_secs(29));
        assert!(config.stream_limit < Duration::from_secs(29));
    }

    #[test]
    fn origins_are_read_and_what_cannot_match_is_refused() {
        let mut env = Env::of([("CORS_ORIGINS", "https://app.example, http://localhost:5173")]);
        assert_eq!(
            HttpConfig::from_env(&mut env).cors_origins,
            ["https://app.example", "http://localhost:5173"]
        );
        for wrong in ["app.example", "https://app.example/", "https://app.example/x"] {
            let mut env = Env::of([("CORS_ORIGINS", wrong)]);
            let config = HttpConfig::from_env(&mut env);
            let error = env.finish(Some(config)).unwrap_err();
            assert!(error.to_string().contains("CORS_ORIGINS"), "{error}");
        }
    }
}
