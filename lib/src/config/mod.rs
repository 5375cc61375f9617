//! Reads the settings from the environment: once, at the start, into the structs that live beside what they configure.
//! All problems are reported at once.

#[cfg(feature = "api")]
mod api;
#[cfg(feature = "api")]
mod auth;
mod bus;
mod callbacks;
mod credentials;
mod files;
#[cfg(feature = "api")]
mod hooks;
#[cfg(feature = "api")]
mod http;
mod links;
#[cfg(feature = "api")]
mod live;
mod log;
mod store;

pub use files::files;
#[cfg(feature = "functions")]
pub(crate) use http::on_lambda;

use std::{collections::BTreeMap, str::FromStr};

/// The environment, or a stand-in for it, and what was wrong with it so far.
#[derive(Debug, Default)]
pub struct Env {
    vars: BTreeMap<String, String>,
    problems: Vec<String>,
}

impl Env {
    /// The process's environment.
    #[must_use]
    pub fn process() -> Self {
        Self { vars: std::env::vars().collect(), problems: Vec::new() }
    }

    /// Given variables, for tests and for `minireipaz dev`.
    #[must_use]
    pub fn of<K: Into<String>, V: Into<String>>(vars: impl IntoIterator<Item = (K, V)>) -> Self {
        Self { vars: vars.into_iter().map(|(k, v)| (k.into(), v.into())).collect(), problems: Vec::new() }
    }

    /// All variables.
    #[must_use]
    pub const fn variables(&self) -> &BTreeMap<String, String> {
        &self.vars
    }

    /// The same variables, with this one set.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.vars.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The variable, if it is set and not empty.
    pub fn optional<T: FromStr<Err: std::fmt::Display>>(&mut self, name: &str) -> Option<T> {
        let text = self.vars.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                // The value may be a secret, so only the parser's message is repeated.
                self.problems.push(format!("{name}: {error}"));
                None
            }
        }
    }

    /// The variable, or `default` when it is not set.
    pub fn or<T: FromStr<Err: std::fmt::Display>>(&mut self, name: &str, default: T) -> T {
        self.optional(name).unwrap_or(default)
    }

    /// The variable, which must be set.
    pub fn required<T: FromStr<Err: std::fmt::Display>>(&mut self, name: &str) -> Option<T> {
        let set = self.vars.get(name).is_some_and(|text| !text.trim().is_empty());
        if !set {
            self.problems.push(format!("{name} is not set"));
        }
        self.optional(name)
    }

    /// Notes that something is wrong, such as two settings that contradict each other.
    pub fn problem(&mut self, text: impl Into<String>) {
        self.problems.push(text.into());
    }

    /// `config` when all was right; `None` in it stands for a required variable that is missing.
    ///
    /// # Errors
    /// All that was wrong.
    pub fn finish<T>(self, config: Option<T>) -> Result<T, ConfigError> {
        match config {
            Some(config) if self.problems.is_empty() => Ok(config),
            _ => Err(ConfigError(self.problems)),
        }
    }
}

/// What is wrong with the settings.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("settings are not right:\n  - {}", .0.join("\n  - "))]
pub struct ConfigError(pub Vec<String>);
