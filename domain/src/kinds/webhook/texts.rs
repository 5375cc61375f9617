//! Small values with a form: methods, origins, names and values of headers, ids of credentials.

use std::{fmt, sync::Arc};

use serde_json::{Value, json};

use crate::{
    kinds::params::{At, Parameter, Reader, any_case},
    limits::MAX_FIELDS,
    violation::ViolationCode as Code,
};

/// The methods that a hook may take; `OPTIONS` is answered for it.
const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];

/// The methods that a hook takes: one at least.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Methods(Vec<&'static str>);

impl Methods {
    /// Whether it takes that one.
    #[must_use]
    pub fn contains(&self, method: &str) -> bool {
        self.0.contains(&method)
    }

    /// All of them, and what is answered for it, as `Allow` has them.
    #[must_use]
    pub fn allow(&self) -> String {
        let head = (self.contains("GET") && !self.contains("HEAD")).then_some("HEAD");
        let all: Vec<_> = self.0.iter().copied().chain(head).chain(["OPTIONS"]).collect();
        all.join(", ")
    }
}

impl Default for Methods {
    fn default() -> Self {
        Self(vec!["POST"])
    }
}

impl From<Methods> for Value {
    fn from(Methods(methods): Methods) -> Self {
        methods.into_iter().collect()
    }
}

impl Parameter for Methods {
    const NAME: &'static str = "list of methods";

    fn schema() -> Value {
        json!({ "type": "array", "items": { "enum": METHODS }, "minItems": 1, "maxItems": MAX_FIELDS })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let list = list(value, "a list of methods", at, reader)?;
        let mut methods = Vec::with_capacity(list.len());
        for (i, value) in list.iter().enumerate() {
            match METHODS.into_iter().find(|method| value.as_str() == Some(method)) {
                Some(method) if methods.contains(&method) => {}
                Some(method) => methods.push(method),
                None => {
                    let message = format!("a method is one of {}, not {value}", METHODS.join(", "));
                    reader.violation(&at.index(i), Code::InvalidValue, message);
                    return None;
                }
            }
        }
        if methods.is_empty() {
            reader.violation(at, Code::InvalidValue, "a webhook takes one method at least");
            return None;
        }
        Some(Self(methods))
    }
}

/// Origins whose pages may call a hook.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(Vec<String>);

impl Origins {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is all of them.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.0.iter().any(|origin| origin == "*")
    }

    /// Whether pages of that origin may.
    #[must_use]
    pub fn allows(&self, origin: &str) -> bool {
        self.is_any() || self.0.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
    }
}

/// For the table's default: there are none.
impl From<Origins> for Value {
    fn from(Origins(origins): Origins) -> Self {
        origins.into_iter().collect()
    }
}

impl Parameter for Origins {
    const NAME: &'static str = "list of origins";

    fn schema() -> Value {
        let origin = json!({ "type": "string", "pattern": r"^(\*|https?://[^/\s{}?#@,]+)$" });
        json!({ "type": "array", "items": origin, "maxItems": MAX_FIELDS })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let list = list(value, "a list of origins", at, reader)?;
        let mut origins = Vec::with_capacity(list.len());
        for (i, value) in list.iter().enumerate() {
            match value.as_str().filter(|text| is_origin(text)) {
                Some(origin) => origins.push(origin.to_owned()),
                None => {
                    let message =
                        "an origin is a scheme and a host, such as \"https://app.example\", or \"*\"";
                    reader.violation(&at.index(i), Code::InvalidValue, message);
                    return None;
                }
            }
        }
        Some(Self(origins))
    }
}

/// Browsers send an origin without a path.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_part = |c: char| !c.is_whitespace() && !matches!(c, '/' | '{' | '}' | '?' | '#' | '@' | ',');
    text == "*" || host.is_some_and(|host| !host.is_empty() && host.chars().all(is_part))
}

fn list<'v>(value: &'v Value, expected: &str, at: &At<'_>, reader: &mut Reader<'_>) -> Option<&'v [Value]> {
    let Value::Array(list) = value else {
        reader.wrong_type(at, expected, value);
        return None;
    };
    if list.len() > MAX_FIELDS {
        let above = crate::limits::above(list.len(), "entries", MAX_FIELDS, "MAX_FIELDS");
        reader.violation(at, Code::Limit, above);
        return None;
    }
    Some(list)
}

macro_rules! text_of {
    ($(#[$doc:meta])* $name:ident, $what:literal, $pattern:expr, $is:expr, $hint:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Reads one; `None`: it is none.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let is: fn(&str) -> bool = $is;
                is(text).then(|| Self(text.into()))
            }

            /// It as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Parameter for $name {
            const NAME: &'static str = $what;

            fn schema() -> Value {
                json!({ "type": "string", "pattern": $pattern })
            }

            fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
                let Some(text) = value.as_str() else {
                    reader.wrong_type(at, concat!("a ", $what), value);
                    return None;
                };
                let read = Self::parse(text);
                if read.is_none() {
                    reader.violation(at, Code::InvalidValue, format!("`{}` is {}", at.name(), $hint));
                }
                read
            }
        }
    };
}

text_of!(
    /// A header's name; letters' case does not count.
    HeaderName,
    "name of a header",
    NAME,
    |text| http::HeaderName::from_bytes(text.as_bytes()).is_ok(),
    "the name of a header, such as \"x-signature\""
);

text_of!(
    /// What stands before a value in a header: `sha256=`.
    Marker,
    "text before a value",
    "^[!-z|~]{1,64}$",
    |text| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'{' | b'}'))
    },
    "what stands before the value, such as \"sha256=\": up to 64 visible characters, no braces"
);

/// A header's name.
const NAME: &str = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";

/// A header's value: no control characters, no braces.
const VALUE: &str = r"^[^\x00-\x1f\x7f{}]*$";

/// Headers that are not an author's to set: they belong to the connection.
const OF_THE_CONNECTION: [&str; 7] =
    ["content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer"];

/// Headers of an answer, with names in small letters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplyHeaders(pub Vec<(String, String)>);

/// For the table's default: there are none.
impl From<ReplyHeaders> for Value {
    fn from(ReplyHeaders(headers): ReplyHeaders) -> Self {
        headers.into_iter().map(|(name, value)| (name, Self::from(value))).collect()
    }
}

impl Parameter for ReplyHeaders {
    const NAME: &'static str = "object of names and values";

    fn schema() -> Value {
        json!({
            "type": "object",
            "propertyNames": { "pattern": NAME, "not": { "pattern": any_case(&OF_THE_CONNECTION) } },
            "additionalProperties": { "type": "string", "pattern": VALUE },
        })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Value::Object(map) = value else {
            reader.wrong_type(at, "an object", value);
            return None;
        };
        let mut headers = Vec::with_capacity(map.len());
        let mut right = true;
        for (name, value) in map {
            let small = name.to_ascii_lowercase();
            let wrong = if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
                Some(format!("{name:?} is not a header's name"))
            } else if OF_THE_CONNECTION.contains(&small.as_str()) {
                Some(format!("`{small}` belongs to the connection"))
            } else {
                let fits =
                    |text: &&str| !text.chars().any(|c| c.is_ascii_control() || matches!(c, '{' | '}'));
                match value.as_str().filter(fits) {
                    Some(text) => {
                        headers.push((small, text.to_owned()));
                        None
                    }
                    None => {
                        Some("a header's value is a text without control characters and braces".to_owned())
                    }
                }
            };
            if let Some(wrong) = wrong {
                reader.violation(&at.field(name), Code::InvalidHeader, wrong);
                right = false;
            }
        }
        right.then_some(Self(headers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        for (text, is) in [
            ("*", true),
            ("https://app.example", true),
            ("http://localhost:5173", true),
            ("https://app.example/", false),
            ("app.example", false),
            ("https://", false),
            ("https://a,b", false),
        ] {
            assert_eq!(is_origin(text), is, "{text}");
        }
        let origins = Origins(vec!["https://App.example".to_owned()]);
        assert!(origins.allows("https://app.example") && !origins.allows("https://other.example"));
    }

    #[test]
    fn what_is_allowed_is_told_with_what_is_answered_anyway() {
        assert_eq!(Methods::default().allow(), "POST, OPTIONS");
        assert_eq!(Methods(vec!["GET"]).allow(), "GET, HEAD, OPTIONS");
        assert_eq!(Methods(vec!["GET", "HEAD"]).allow(), "GET, HEAD, OPTIONS");
    }
}
