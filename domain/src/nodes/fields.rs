//! Reads a node's parameters field by field, and collects every mistake with its path.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    items::name_of,
    template::{Template, has_expression},
    violation::Violations,
};

/// A JSON object that is being read.
#[derive(Debug)]
pub struct Fields<'a> {
    object: &'a Map<String, Value>,
    path: String,
    violations: &'a mut Violations,
    known: Vec<&'static str>,
    /// In a saved document a value may hold expressions; its type shows only at run time.
    templates: bool,
}

impl<'a> Fields<'a> {
    /// The parameters of a saved document, expressions and all.
    pub fn of_document(object: &'a Map<String, Value>, path: &str, violations: &'a mut Violations) -> Self {
        Self { object, path: path.to_owned(), violations, known: Vec::new(), templates: true }
    }

    /// Parameters whose expressions have been evaluated.
    pub fn evaluated(object: &'a Map<String, Value>, violations: &'a mut Violations) -> Self {
        Self { object, path: "params".to_owned(), violations, known: Vec::new(), templates: false }
    }

    /// A field that must be there.
    pub fn required<T: DeserializeOwned>(&mut self, name: &'static str) -> Option<T> {
        if self.object.get(name).is_none_or(Value::is_null) {
            self.know(name);
            let message = format!("`{name}` is required");
            self.violation(name, "required", message);
            return None;
        }
        self.optional(name)
    }

    /// A field that may be missing. `None` too when it is wrong, or when it holds an expression that is not
    /// evaluated yet.
    pub fn optional<T: DeserializeOwned>(&mut self, name: &'static str) -> Option<T> {
        self.know(name);
        let value = self.object.get(name).filter(|value| !value.is_null())?;
        if self.templates && has_expression(value) {
            self.check_templates(value, name);
            return None;
        }
        match T::deserialize(value) {
            Ok(read) => Some(read),
            Err(error) => {
                self.violation(name, "invalid_value", format!("`{name}`: {error}"));
                None
            }
        }
    }

    /// The value of a field when it is known already: an expression in a saved document is checked only for its
    /// braces, and is `None`.
    pub fn known(&mut self, name: &'static str) -> Option<&'a Value> {
        let value = self.raw(name)?;
        if self.templates && has_expression(value) {
            self.check_templates(value, name);
            return None;
        }
        Some(value)
    }

    /// The object in a field, to be read field by field; the caller must [`Self::finish`] it.
    ///
    /// `None` when it is missing, is no object (a violation), or is one expression in a saved document.
    pub fn nested(&mut self, name: &'static str) -> Option<Fields<'_>> {
        match self.raw(name)? {
            Value::Object(object) => Some(Fields {
                object,
                path: format!("{}.{name}", self.path),
                violations: &mut *self.violations,
                known: Vec::new(),
                templates: self.templates,
            }),
            text @ Value::String(_) if self.templates && has_expression(text) => {
                self.check_templates(text, name);
                None
            }
            other => {
                self.violation(
                    name,
                    "invalid_value",
                    format!("`{name}` must be an object, not {}", name_of(other)),
                );
                None
            }
        }
    }

    /// The name and value of every entry of the object in a field, for names that the author chooses.
    ///
    /// In a saved document entries may still hold expressions. Empty when it is missing or is no object (a violation).
    pub fn entries(&mut self, name: &'static str) -> Vec<(&'a str, &'a Value)> {
        match self.raw(name) {
            None => Vec::new(),
            Some(Value::Object(map)) => map.iter().map(|(key, value)| (key.as_str(), value)).collect(),
            Some(text @ Value::String(_)) if self.templates && has_expression(text) => {
                self.check_templates(text, name);
                Vec::new()
            }
            Some(other) => {
                let message = format!("`{name}` must be an object, not {}", name_of(other));
                self.violation(name, "invalid_value", message);
                Vec::new()
            }
        }
    }

    /// Which of these names stand in the object.
    #[must_use]
    pub fn present(&self, names: &[&'static str]) -> Vec<&'static str> {
        names
            .iter()
            .copied()
            .filter(|name| self.object.get(*name).is_some_and(|value| !value.is_null()))
            .collect()
    }

    /// Counts a field as known without looking at it.
    pub fn skip(&mut self, name: &'static str) {
        self.know(name);
    }

    /// Whether the field is there, even as `null`.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.object.contains_key(name)
    }

    /// As [`Self::known`], for fields where `null` is a value.
    pub fn known_or_null(&mut self, name: &'static str) -> Option<&'a Value> {
        match self.object.get(name) {
            Some(null @ Value::Null) => {
                self.know(name);
                Some(null)
            }
            _ => self.known(name),
        }
    }

    /// Adds a violation about this object as a whole.
    pub fn violation_here(&mut self, code: &str, message: impl Into<String>) {
        self.violations.add(self.path.clone(), code, message);
    }

    /// Whether a value holds expressions that are not evaluated yet.
    #[must_use]
    pub fn is_open(&self, value: &Value) -> bool {
        self.templates && has_expression(value)
    }

    /// The raw value of a field, for checks of its own; it counts as known.
    pub fn raw(&mut self, name: &'static str) -> Option<&'a Value> {
        self.know(name);
        self.object.get(name).filter(|value| !value.is_null())
    }

    fn know(&mut self, name: &'static str) {
        if !self.known.contains(&name) {
            self.known.push(name);
        }
    }

    /// Whether values may still hold expressions.
    #[must_use]
    pub const fn holds_templates(&self) -> bool {
        self.templates
    }

    /// Adds a violation at a field; `at` is relative to these parameters: `body.json`, `fields`.
    pub fn violation(&mut self, at: &str, code: &str, message: impl Into<String>) {
        self.violations.add(format!("{}.{at}", self.path), code, message);
    }

    /// Checks that every expression in a value ends.
    pub fn check_templates(&mut self, value: &Value, at: &str) {
        match value {
            Value::String(text) => {
                if let Err(error) = Template::parse(text) {
                    self.violation(at, "invalid_expression", error.to_string());
                }
            }
            Value::Array(list) => {
                list.iter()
                    .enumerate()
                    .for_each(|(i, inner)| self.check_templates(inner, &format!("{at}[{i}]")));
            }
            Value::Object(map) => {
                map.iter().for_each(|(key, inner)| self.check_templates(inner, &format!("{at}.{key}")));
            }
            _ => {}
        }
    }

    /// Every field that nobody asked for is a mistake, most likely a misspelt one.
    pub fn finish(mut self) {
        for name in self.object.keys() {
            if !self.known.contains(&name.as_str()) {
                let known = match self.known.as_slice() {
                    [] => "this kind takes no parameters".to_owned(),
                    known => format!("known are: {}", known.join(", ")),
                };
                self.violation(name, "unknown_parameter", format!("`{name}` is not a parameter; {known}"));
            }
        }
    }
}
