//! What errors must not tell of `$env`.

use std::collections::BTreeMap;

use domain::run::NodeError;
use minireipaz::telemetry::redact::{Redactor, Secrets, is_secret};
use url::Url;

use super::Scope;

/// Variables whose names do not say that they are secret are taken for secrets from this length on: shorter ones are
/// `true`, `8080` and `eu`.
const LONG_VARIABLE: usize = 8;

/// Adds what `$env` sees. Whom a call goes to (`origin`, or empty) is no secret: the operator allows a base address so
/// that workflows may use it.
pub(crate) fn secrets_of_environment(env: &BTreeMap<String, String>, origin: &str, secrets: &mut Secrets) {
    for (name, value) in env {
        match Url::parse(value) {
            _ if is_secret(name) => secrets.named(name, value),
            Ok(url) if url.has_host() => secrets.url(&url),
            _ if value.len() >= LONG_VARIABLE && !origin.contains(value.as_str()) => secrets.add(value),
            _ => {}
        }
    }
}

/// Takes the secrets out of an error.
pub(crate) fn keep_out(redactor: &Redactor, error: &mut NodeError) {
    error.message = redactor.text(&error.message).into_owned();
    if let Some(details) = &mut error.details {
        redactor.json(details);
    }
}

impl Scope {
    /// What was written to the console, without what came from `$env`.
    pub(crate) fn console(&self, mut lines: Vec<String>) -> Vec<String> {
        if !self.env.is_empty() && !lines.is_empty() {
            let redactor = self.redactor();
            lines.iter_mut().for_each(|line| *line = redactor.text(line).into_owned());
        }
        lines
    }

    /// The error of an expression, or of what it gave, without what came from `$env`: such errors may quote it.
    pub(crate) fn without_env(&self, mut error: Box<NodeError>) -> Box<NodeError> {
        if !self.env.is_empty() {
            keep_out(self.redactor(), &mut error);
        }
        error
    }

    fn redactor(&self) -> &Redactor {
        self.objects.redactor.get_or_init(|| {
            let mut secrets = Secrets::default();
            secrets_of_environment(&self.env, "", &mut secrets);
            secrets.redactor()
        })
    }
}
