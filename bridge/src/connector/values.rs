//! A connector file's keys: each is taken once and checked, what is left at the end is refused.

use std::{collections::BTreeMap, fmt::Display, str::FromStr, time::Duration};

use serde_json::Value;

use super::{keys::Form, placeholders};

/// The keys that were not asked for yet, and what is wrong so far.
pub(super) struct Keys {
    form: &'static Form,
    values: BTreeMap<String, String>,
    problems: Vec<String>,
    /// What variables were filled in with, and how the file names them.
    filled_in: Vec<(String, String)>,
}

/// A value of a variable that is shorter is no secret, and might be a part of any word.
const SHORTEST_SECRET: usize = 6;

impl Keys {
    /// All of a file's keys, `${env:NAME}` filled in.
    pub(super) fn new(
        form: &'static Form,
        config: BTreeMap<String, Value>,
        variables: &BTreeMap<String, String>,
    ) -> Self {
        let mut keys = Self { form, values: BTreeMap::new(), problems: Vec::new(), filled_in: Vec::new() };
        for (key, value) in config {
            keys.insert(key, value, variables);
        }
        keys
    }

    fn insert(&mut self, key: String, value: Value, variables: &BTreeMap<String, String>) {
        // Not even its variables have to be there.
        if self.form.is_for_connect(&key) {
            return;
        }
        let text = match value {
            Value::String(text) => text,
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            _ => return self.complain(format!("{key} has to be a string, a number or a boolean")),
        };
        for (name, value) in variables.iter().filter(|(_, value)| value.len() >= SHORTEST_SECRET) {
            let placeholder = placeholders::of(name);
            if text.contains(&placeholder) {
                self.filled_in.push((value.clone(), placeholder));
            }
        }
        match placeholders::resolve(&text, variables) {
            Ok(text) => {
                self.values.insert(key, text);
            }
            Err(problem) => self.complain(format!("{key} {problem}")),
        }
    }

    /// Notes what is wrong, never with what a variable was filled in with: it may be a secret.
    pub(super) fn complain(&mut self, problem: String) {
        let hide = |text: String, (value, placeholder): &(String, String)| text.replace(value, placeholder);
        let problem = self.filled_in.iter().fold(problem, hide);
        self.problems.push(problem);
    }

    pub(super) fn take(&mut self, key: &str) -> Option<String> {
        self.values.remove(key)
    }

    pub(super) fn required(&mut self, key: &str) -> Option<String> {
        let value = self.take(key);
        // A key whose placeholder could not be filled in has its complaint already.
        if value.is_none() && !self.problems.iter().any(|problem| problem.starts_with(&format!("{key} "))) {
            self.complain(format!("{key} is missing"));
        }
        value
    }

    /// A list of names, separated by commas; empty without the key.
    pub(super) fn list(&mut self, key: &str) -> Vec<String> {
        let text = self.take(key).unwrap_or_default();
        text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
    }

    /// The same, and at least one name.
    pub(super) fn required_list(&mut self, key: &str) -> Vec<String> {
        let Some(text) = self.required(key) else { return Vec::new() };
        self.values.insert(key.to_owned(), text);
        let names = self.list(key);
        if names.is_empty() {
            self.complain(format!("{key} is empty"));
        }
        names
    }

    /// One of `choices`, however its letters are written.
    pub(super) fn choice<T: Clone>(&mut self, key: &str, default: &str, choices: &[(&str, T)]) -> T {
        let text = self.take(key).unwrap_or_else(|| default.to_owned());
        if let Some((_, value)) = choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(&text)) {
            return value.clone();
        }
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        self.complain(format!("{key} is {text:?}, not supported; use one of {}", names.join(", ")));
        choices[0].1.clone()
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &str, default: bool) -> bool {
        self.choice(key, if default { "true" } else { "false" }, &[("true", true), ("false", false)])
    }

    pub(super) fn number<T>(&mut self, key: &str, default: T, range: std::ops::RangeInclusive<T>) -> T
    where
        T: FromStr + PartialOrd + Display + Copy,
    {
        let Some(text) = self.take(key) else { return default };
        match text.trim().parse() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                self.complain(format!(
                    "{key} is {text:?}, not a number from {} to {}",
                    range.start(),
                    range.end()
                ));
                default
            }
        }
    }

    pub(super) fn millis(
        &mut self,
        key: &str,
        default: u64,
        range: std::ops::RangeInclusive<u64>,
    ) -> Duration {
        Duration::from_millis(self.number(key, default, range))
    }

    /// What is left was not asked for.
    pub(super) fn finish<T>(mut self, value: T) -> Result<T, Vec<String>> {
        let left = std::mem::take(&mut self.values);
        self.problems.extend(left.into_keys().map(|key| self.form.complaint(&key)));
        if self.problems.is_empty() { Ok(value) } else { Err(self.problems) }
    }
}
