//! Parameters with many parts: lists of objects, and objects whose names are paths.

use serde_json::{Map, Value, json};

use super::{At, Parameter, Reader, Table, open, path::FieldPath};
use crate::{
    limits::{MAX_FIELDS, above},
    violation::ViolationCode as Code,
};

/// A list of objects that a table describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T>(pub Vec<T>);

/// A value for each of some fields: an object whose names are paths, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByPath<T>(pub Vec<(FieldPath, T)>);

/// Whether a parameter lists more than it may, which is noted.
pub(super) fn too_many(count: usize, at: &At<'_>, reader: &mut Reader<'_>) -> bool {
    let too_many = count > MAX_FIELDS;
    if too_many {
        let above = above(count, "entries", MAX_FIELDS, "MAX_FIELDS");
        reader.violation(at, Code::Limit, format!("`{}`: {above}", at.name()));
    }
    too_many
}

impl<T: Parameter> Parameter for List<T> {
    const NAME: &'static str = "list of objects";
    const FIELDS: Option<&'static Table> = T::FIELDS;

    fn schema() -> Value {
        json!({ "type": "array", "items": T::open_schema(), "maxItems": MAX_FIELDS })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Value::Array(list) = value else {
            reader.wrong_type(at, "a list of objects", value);
            return None;
        };
        if too_many(list.len(), at, reader) {
            return None;
        }
        let read = list.iter().enumerate().filter_map(|(i, value)| T::read_open(value, &at.index(i), reader));
        let read: Vec<_> = read.collect();
        (read.len() == list.len()).then_some(Self(read))
    }
}

impl<T: Parameter> Parameter for ByPath<T> {
    const NAME: &'static str = "object of fields";
    const FIELDS: Option<&'static Table> = T::FIELDS;

    fn schema() -> Value {
        json!({
            "type": "object",
            "propertyNames": open(json!({ "pattern": FieldPath::PATTERN })),
            "additionalProperties": T::open_schema(),
            "maxProperties": MAX_FIELDS,
        })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Value::Object(map) = value else {
            reader.wrong_type(at, "an object of fields", value);
            return None;
        };
        if too_many(map.len(), at, reader) {
            return None;
        }
        let mut read = Vec::with_capacity(map.len());
        for (name, value) in map {
            let here = at.field(name);
            // What the name comes to is a path too.
            let path = if reader.is_open_name(name, &here) {
                None
            } else {
                let path = FieldPath::parse(name);
                path.map_err(|error| reader.violation(&here, Code::InvalidPath, error.to_string())).ok()
            };
            read.extend(path.zip(T::read_open(value, &here, reader)));
        }
        (read.len() == map.len()).then_some(Self(read))
    }
}

/// For a table's default: there are none.
impl<T> From<List<T>> for Value {
    fn from(List(list): List<T>) -> Self {
        debug_assert!(list.is_empty(), "only the default is written");
        Self::Array(Vec::new())
    }
}

/// For a table's default: there are none.
impl<T> From<ByPath<T>> for Value {
    fn from(ByPath(fields): ByPath<T>) -> Self {
        debug_assert!(fields.is_empty(), "only the default is written");
        Self::Object(Map::new())
    }
}
