//! When an error is an alert, and who is told.

use std::time::Duration;

use domain::duration::HumanDuration;
use minireipaz::config::Env;
use url::Url;

use super::WebhookSecret;

/// The most that a threshold may be: so many moments are kept of each error.
const MOST: u32 = 1_000;

/// When an error is an alert, and who is told.
#[derive(Debug, Clone)]
pub struct AlertSettings {
    /// So many of one pattern within the window raise an alert. `ALERT_THRESHOLD`, default 10.
    pub threshold: u32,
    /// How long they are counted; an alert is over when none has come for so long. `ALERT_WINDOW`, default `5m`.
    pub window: Duration,
    /// What comes back within so long after that is the same alert still, and told no second time. `ALERT_COOL_DOWN`, default
    /// `30m`.
    pub cool_down: Duration,
    /// Who is told of every tenant's alerts. `ALERT_WEBHOOK_URL`, default nobody.
    pub webhook: Option<Url>,
    /// What that is signed with. `ALERT_WEBHOOK_SECRET`, default nothing.
    pub secret: Option<WebhookSecret>,
}

impl Default for AlertSettings {
    fn default() -> Self {
        Self {
            threshold: 10,
            window: Duration::from_secs(300),
            cool_down: Duration::from_secs(1_800),
            webhook: None,
            secret: None,
        }
    }
}

impl AlertSettings {
    /// Reads the settings; what is wrong is noted in `env`.
    pub(crate) fn from_env(env: &mut Env) -> Self {
        let defaults = Self::default();
        let window: Option<HumanDuration> = env.optional("ALERT_WINDOW");
        let cool_down: Option<HumanDuration> = env.optional("ALERT_COOL_DOWN");
        let settings = Self {
            threshold: env.or("ALERT_THRESHOLD", defaults.threshold),
            window: window.map_or(defaults.window, |window| window.0),
            cool_down: cool_down.map_or(defaults.cool_down, |cool_down| cool_down.0),
            webhook: env.optional("ALERT_WEBHOOK_URL"),
            secret: env.optional("ALERT_WEBHOOK_SECRET"),
        };
        if !(1..=MOST).contains(&settings.threshold) {
            env.problem(format!("ALERT_THRESHOLD is from 1 to {MOST}"));
        }
        if settings.window.is_zero() {
            env.problem("ALERT_WINDOW is longer than nothing");
        }
        if settings.webhook.as_ref().is_some_and(|url| !matches!(url.scheme(), "http" | "https")) {
            env.problem("ALERT_WEBHOOK_URL must start with http:// or https://");
        }
        if settings.secret.is_some() && settings.webhook.is_none() {
            env.problem("ALERT_WEBHOOK_SECRET signs what is sent to ALERT_WEBHOOK_URL, which is not set");
        }
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&'static str, &'static str)]) -> Result<AlertSettings, String> {
        let mut env = Env::of(vars.iter().copied());
        let settings = AlertSettings::from_env(&mut env);
        env.finish(Some(settings)).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_set_has_a_default_and_what_is_wrong_is_told_by_name() {
        let settings = read(&[("ALERT_WINDOW", "1m")]).unwrap();
        assert_eq!((settings.threshold, settings.window), (10, Duration::from_secs(60)));
        assert!(settings.webhook.is_none());
        for wrong in [
            ("ALERT_THRESHOLD", "0"),
            ("ALERT_THRESHOLD", "1001"),
            ("ALERT_WINDOW", "soon"),
            ("ALERT_WEBHOOK_URL", "mailto:x"),
            ("ALERT_WEBHOOK_SECRET", "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"),
        ] {
            assert!(read(&[wrong]).unwrap_err().contains(wrong.0), "{wrong:?}");
        }
    }

    #[test]
    fn a_secret_that_is_none_is_not_repeated() {
        let url = ("ALERT_WEBHOOK_URL", "https://ops.example/hook");
        let said = read(&[url, ("ALERT_WEBHOOK_SECRET", "whsec_hidden")]).unwrap_err();
        assert!(said.contains("ALERT_WEBHOOK_SECRET") && !said.contains("hidden"), "{said}");
    }
}
