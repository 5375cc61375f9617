//! Settings of the way to the workers.

use url::Url;

use super::Env;
use crate::live::LiveConfig;

impl LiveConfig {
    /// Reads `WORKER_URL` and `CONNECTOR_SECRET`; `None` without the first, or when it is wrong, which `env` has noted.
    pub fn from_env(env: &mut Env) -> Option<Self> {
        let url: Url = env.optional("WORKER_URL")?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            env.problem("WORKER_URL must start with http:// or https://");
            return None;
        }
        let secret: String = env.optional("CONNECTOR_SECRET")?;
        Some(Self::new(url, secret.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_address_nobody_is_asked_and_a_wrong_one_is_refused() {
        let secret = ("CONNECTOR_SECRET", "0123456789abcdef");
        let read = |vars: &[(&'static str, &'static str)]| {
            let mut env = Env::of(vars.iter().copied());
            let config = LiveConfig::from_env(&mut env);
            (
                config.map(|config| format!("{config:?}")),
                env.finish(Some(())).map_err(|error| error.to_string()),
            )
        };
        assert_eq!(read(&[secret]), (None, Ok(())));
        let (config, _) = read(&[secret, ("WORKER_URL", "https://workers.example/a")]);
        let config = config.unwrap();
        assert!(config.contains("workers.example") && !config.contains("0123456789"), "{config}");
        for wrong in ["workers:8081/", "mailto:x"] {
            let (config, problem) = read(&[secret, ("WORKER_URL", wrong)]);
            assert!(config.is_none() && problem.unwrap_err().contains("WORKER_URL"), "{wrong}");
        }
    }
}
