//! What may follow a hook's address.

use serde_json::{Map, Value, json};

use crate::{
    kinds::params::{At, Parameter, Reader},
    violation::ViolationCode as Code,
};

/// Longest pattern.
const MOST: usize = 200;

/// Pieces of a path: texts, `:names`, and at the end a `*name` for what is left.
const PATTERN: &str = r"^/?([A-Za-z0-9._~-]+|:[A-Za-z_][A-Za-z0-9_]*)(/([A-Za-z0-9._~-]+|:[A-Za-z_][A-Za-z0-9_]*))*(/\*[A-Za-z_][A-Za-z0-9_]*)?$|^/?\*[A-Za-z_][A-Za-z0-9_]*$";

/// What may follow a hook's address: `orders/:id/*rest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// This text.
    Text(String),
    /// Any piece, under this name.
    One(String),
    /// All that is left, under this name.
    Rest(String),
}

impl PathPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const FORM: &str =
            "a path has pieces such as `orders`, `:id` and, at its end, `*rest`, with `/` between them";
        if text.len() > MOST {
            return Err("a path has at most 200 characters");
        }
        let text = text.strip_prefix('/').unwrap_or(text);
        let (mut pieces, mut names) = (Vec::new(), Vec::new());
        for piece in text.split('/') {
            if matches!(pieces.last(), Some(Piece::Rest(_))) {
                return Err(FORM);
            }
            let read = match piece.split_at_checked(1) {
                Some((":", name)) if is_name(name) => Piece::One(name.to_owned()),
                Some(("*", name)) if is_name(name) => Piece::Rest(name.to_owned()),
                Some(_) if piece.bytes().all(is_plain) => Piece::Text(piece.to_owned()),
                _ => return Err(FORM),
            };
            if let Piece::One(name) | Piece::Rest(name) = &read {
                if names.contains(name) {
                    return Err("each parameter of a path has a name of its own");
                }
                names.push(name.clone());
            }
            pieces.push(read);
        }
        Ok(Self(pieces))
    }

    /// The parameters of a path whose pieces these are, decoded; `None`: it is another path.
    #[must_use]
    pub fn matches(&self, path: &[String]) -> Option<Map<String, Value>> {
        let mut params = Map::new();
        let mut left = path;
        for piece in &self.0 {
            if let Piece::Rest(name) = piece {
                params.insert(name.clone(), left.join("/").into());
                return Some(params);
            }
            let (first, rest) = left.split_first()?;
            match piece {
                Piece::Text(text) if text == first => {}
                Piece::One(name) if !first.is_empty() => {
                    params.insert(name.clone(), first.clone().into());
                }
                _ => return None,
            }
            left = rest;
        }
        left.is_empty().then_some(params)
    }
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'~' | b'-')
}

impl Parameter for PathPattern {
    const NAME: &'static str = "path";

    fn schema() -> Value {
        json!({ "type": "string", "pattern": PATTERN, "maxLength": MOST, "examples": ["orders/:id"] })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(text) = value.as_str() else {
            reader.wrong_type(at, "a path such as \"orders/:id\"", value);
            return None;
        };
        Self::parse(text).map_err(|why| reader.violation(at, Code::InvalidValue, why)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pattern: &str, path: &str) -> Option<Value> {
        let pieces: Vec<_> = path.split('/').filter(|_| !path.is_empty()).map(str::to_owned).collect();
        PathPattern::parse(pattern).unwrap().matches(&pieces).map(Value::Object)
    }

    #[test]
    fn a_path_is_taken_apart_as_its_pattern_says() {
        for (pattern, path, found) in [
            ("orders", "orders", Some(json!({}))),
            ("/orders/:id", "orders/7", Some(json!({"id": "7"}))),
            ("orders/:id", "orders", None),
            ("orders/:id", "orders/7/items", None),
            ("orders/:id", "users/7", None),
            ("orders/:id", "orders/", None),
            ("*all", "", Some(json!({"all": ""}))),
            ("a/:b/*c", "a/x/y/z", Some(json!({"b": "x", "c": "y/z"}))),
            ("a/:b/*c", "a/x", Some(json!({"b": "x", "c": ""}))),
        ] {
            assert_eq!(params(pattern, path), found, "{pattern} {path}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for wrong in [
            "",
            "/",
            "a//b",
            "a/",
            ":",
            ":1",
            "*",
            "*a/b",
            "a b",
            "{{ x }}",
            ":id/:id",
            "é",
            &"a".repeat(201),
        ] {
            assert!(PathPattern::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
