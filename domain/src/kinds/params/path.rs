//! Dotted paths into an item: `customer.address.city`, `lines.0.price`.
//!
//! A number indexes a list (and names a field of an object); a dot that belongs to a name is written `\.`.

use std::fmt;

use serde_json::{Map, Value};

use crate::items::{Item, name_of};

/// Deepest path.
const MAX_DEPTH: usize = 32;

/// Where a value stands in an item. At least one segment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldPath(Vec<String>);

/// A text that is not a path, or a path that does not fit the item.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Nothing between two dots.
    #[error("{0:?} is not a path: write names separated by dots, such as \"customer.city\"")]
    Empty(String),
    /// Too many dots.
    #[error("{0:?} is deeper than {MAX_DEPTH} levels")]
    TooDeep(String),
    /// Something on the way can hold no fields.
    #[error("cannot set {path:?}: {at:?} is {found}, not an object or a list")]
    NotAContainer {
        /// The whole path.
        path: String,
        /// How far it goes.
        at: String,
        /// What stands there.
        found: &'static str,
    },
    /// A list has no such place.
    #[error("cannot set {path:?}: the list {at:?} has {length} elements; use an index from 0 to {length}")]
    BeyondList {
        /// The whole path.
        path: String,
        /// The list.
        at: String,
        /// How long it is.
        length: usize,
    },
}

impl FieldPath {
    /// What [`Self::parse`] reads, as a regular expression: at most [`MAX_DEPTH`] names, none of them empty.
    pub(crate) const PATTERN: &str = r"^(\\\.|[^.])+(\.(\\\.|[^.])+){0,31}$";

    /// Reads a path.
    ///
    /// # Errors
    /// When a segment is empty, or there are too many.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let mut segments = vec![String::new()];
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\\' if chars.peek() == Some(&'.') => {
                    chars.next();
                    segments.last_mut().into_iter().for_each(|segment| segment.push('.'));
                }
                '.' if segments.len() == MAX_DEPTH => return Err(PathError::TooDeep(text.to_owned())),
                '.' => segments.push(String::new()),
                c => segments.last_mut().into_iter().for_each(|segment| segment.push(c)),
            }
        }
        if segments.iter().any(String::is_empty) {
            return Err(PathError::Empty(text.to_owned()));
        }
        Ok(Self(segments))
    }

    /// The field of that name in the item itself, whatever the name is.
    #[must_use]
    pub fn name(name: &str) -> Self {
        Self(vec![name.to_owned()])
    }

    /// The value there, if there is one.
    #[must_use]
    pub fn get<'v>(&self, item: &'v Item) -> Option<&'v Value> {
        let (first, rest) = self.0.split_first()?;
        rest.iter().try_fold(item.get(first)?, |value, segment| match value {
            Value::Object(map) => map.get(segment),
            Value::Array(list) => list.get(segment.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// Puts a value there; objects on the way are made (`null` counts as missing), lists grow by one at most.
    ///
    /// # Errors
    /// When something on the way is neither object nor list, or a list is too short.
    pub fn set(&self, item: &mut Item, value: Value) -> Result<(), PathError> {
        let Some((last, way)) = self.0.split_last() else { return Ok(()) };
        let Some((first, way)) = way.split_first() else {
            item.insert(last.clone(), value);
            return Ok(());
        };
        let mut here = item.entry(first.as_str()).or_insert(Value::Null);
        for (depth, segment) in way.iter().enumerate() {
            here = self.step(here, segment, depth + 1)?;
        }
        *self.step(here, last, self.0.len() - 1)? = value;
        Ok(())
    }

    /// The place of `segment` in `here`, made if it is missing; `depth` segments lead to `here`.
    fn step<'v>(&self, here: &'v mut Value, segment: &str, depth: usize) -> Result<&'v mut Value, PathError> {
        if here.is_null() {
            *here = Value::Object(Map::new());
        }
        match here {
            Value::Object(map) => Ok(map.entry(segment).or_insert(Value::Null)),
            Value::Array(list) => {
                let length = list.len();
                match segment.parse::<usize>() {
                    Ok(index) if index <= length => {
                        if index == length {
                            list.push(Value::Null);
                        }
                        Ok(&mut list[index])
                    }
                    _ => Err(PathError::BeyondList {
                        path: self.0.join("."),
                        at: self.0[..depth].join("."),
                        length,
                    }),
                }
            }
            other => Err(PathError::NotAContainer {
                path: self.0.join("."),
                at: self.0[..depth].join("."),
                found: name_of(other),
            }),
        }
    }

    /// Takes the value there out; nothing happens when there is none. Later elements of a list move up.
    pub fn remove(&self, item: &mut Item) -> Option<Value> {
        let last = self.0.last()?;
        match self.parent(item)? {
            Parent::Object(map) => map.shift_remove(last),
            Parent::List(list) => {
                let index = last.parse::<usize>().ok().filter(|index| *index < list.len())?;
                Some(list.remove(index))
            }
        }
    }

    /// As [`Self::remove`], for a field of an object: elements of lists, which have places and no names, stay.
    pub fn take(&self, item: &mut Item) -> Option<Value> {
        match self.parent(item)? {
            Parent::Object(map) => map.shift_remove(self.0.last()?),
            Parent::List(_) => None,
        }
    }

    /// What the value stands in.
    fn parent<'i>(&self, item: &'i mut Item) -> Option<Parent<'i>> {
        let (_, way) = self.0.split_last()?;
        let Some((first, way)) = way.split_first() else { return Some(Parent::Object(item)) };
        let parent = way.iter().try_fold(item.get_mut(first)?, |value, segment| match value {
            Value::Object(map) => map.get_mut(segment),
            Value::Array(list) => list.get_mut(segment.parse::<usize>().ok()?),
            _ => None,
        })?;
        match parent {
            Value::Object(map) => Some(Parent::Object(map)),
            Value::Array(list) => Some(Parent::List(list)),
            _ => None,
        }
    }

    /// Whether it is the other path, or leads to a place within what stands there.
    #[must_use]
    pub fn starts_with(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }
}

/// What a value stands in.
enum Parent<'i> {
    Object(&'i mut Item),
    List(&'i mut Vec<Value>),
}

/// As [`FieldPath::parse`] reads it.
impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, segment) in self.0.iter().enumerate() {
            let dot = if depth == 0 { "" } else { "." };
            write!(f, "{dot}{}", segment.replace('.', r"\."))?;
        }
        Ok(())
    }
}

impl From<FieldPath> for Value {
    fn from(path: FieldPath) -> Self {
        path.to_string().into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn item(value: &Value) -> Item {
        value.as_object().cloned().unwrap()
    }

    fn path(text: &str) -> FieldPath {
        FieldPath::parse(text).unwrap()
    }

    #[test]
    fn setting_makes_objects_on_the_way_and_indexes_lists() {
        let check = |before: Value, at: &str, after: Value| {
            let mut found = item(&before);
            path(at).set(&mut found, json!("x")).unwrap();
            assert_eq!(Value::Object(found), after, "{at}");
        };
        check(json!({}), "a", json!({"a": "x"}));
        check(json!({"a": null}), "a.b.0", json!({"a": {"b": {"0": "x"}}}));
        check(json!({"a": [1, 2]}), "a.1", json!({"a": [1, "x"]}));
        check(json!({"a": [1]}), "a.1", json!({"a": [1, "x"]}));
        check(json!({"a": [{"b": 1}]}), "a.0.c", json!({"a": [{"b": 1, "c": "x"}]}));
        check(json!({}), r"a\.b.c", json!({"a.b": {"c": "x"}}));
    }

    #[test]
    fn what_would_destroy_data_is_refused() {
        let mut scalar = item(&json!({"a": 5, "l": [1]}));
        let error = path("a.b").set(&mut scalar, json!(1)).unwrap_err();
        assert_eq!(error.to_string(), r#"cannot set "a.b": "a" is a number, not an object or a list"#);
        assert!(matches!(
            path("l.7").set(&mut scalar, json!(1)),
            Err(PathError::BeyondList { length: 1, .. })
        ));
        assert!(matches!(path("l.x").set(&mut scalar, json!(1)), Err(PathError::BeyondList { .. })));
        assert_eq!(scalar, item(&json!({"a": 5, "l": [1]})));
    }

    #[test]
    fn removing_takes_fields_and_elements_and_minds_nothing_that_is_missing() {
        let mut found = item(&json!({"a": {"b": 1, "c": 2}, "l": [1, 2, 3], "z": 0}));
        for (at, removed) in [
            ("a.b", Some(json!(1))),
            ("l.1", Some(json!(2))),
            ("z", Some(json!(0))),
            ("q.r", None),
            ("l.9", None),
        ] {
            assert_eq!(path(at).remove(&mut found), removed, "{at}");
        }
        assert_eq!(Value::Object(found), json!({"a": {"c": 2}, "l": [1, 3]}));
    }

    #[test]
    fn texts_that_are_no_paths_are_refused() {
        for text in ["", ".", "a..b", "a.", ".a"] {
            assert_eq!(FieldPath::parse(text), Err(PathError::Empty(text.into())));
        }
        assert!(matches!(FieldPath::parse(&["a"; 33].join(".")), Err(PathError::TooDeep(_))));
    }

    proptest! {
        #[test]
        fn what_was_set_is_there(segments in prop::collection::vec("[a-z]{1,3}", 1..5), value in any::<i64>()) {
            let at = path(&segments.join("."));
            let mut found = Item::new();
            at.set(&mut found, json!(value)).unwrap();
            prop_assert_eq!(at.get(&found), Some(&json!(value)));
            prop_assert_eq!(&FieldPath::parse(&at.to_string()).unwrap(), &at);
            prop_assert_eq!(at.remove(&mut found), Some(json!(value)));
            prop_assert_eq!(at.get(&found), None);
        }
    }
}
