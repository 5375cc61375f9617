//! `set`: makes, changes and removes fields of every item.
//!
//! First `keep` chooses what stays of the item, then `remove` takes away, then `fields` are set in their order. All
//! expressions see the item as it came in.

use serde_json::Value;

use super::{
    KindInfo, computes,
    fields::Fields,
    path::{FieldPath, PathError},
};
use crate::items::{Item, name_of};

/// What stays of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keep {
    /// All of it.
    All,
    /// Nothing.
    None,
    /// These fields.
    Fields(Vec<FieldPath>),
}

/// What stays of an item before fields are set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// What stays.
    pub keep: Keep,
    /// What of it goes.
    pub remove: Vec<FieldPath>,
}

impl Shape {
    /// What stays of an item.
    ///
    /// # Errors
    /// When the paths of `keep` contradict each other.
    pub fn apply(&self, item: &Item) -> Result<Item, PathError> {
        let mut made = match &self.keep {
            Keep::All => item.clone(),
            Keep::None => Item::new(),
            Keep::Fields(paths) => {
                let mut kept = Item::new();
                for path in paths {
                    if let Some(value) = path.get(item) {
                        path.set(&mut kept, value.clone())?;
                    }
                }
                kept
            }
        };
        self.remove.iter().for_each(|path| drop(path.remove(&mut made)));
        Ok(made)
    }
}

/// Reads `keep` and `remove`. `None` too when one of them is not known yet.
pub fn read_shape(fields: &mut Fields<'_>) -> Option<Shape> {
    let keep = match fields.known("keep") {
        None if fields.present(&["keep"]).is_empty() => Some(Keep::All),
        None => None,
        Some(Value::String(word)) if word == "all" => Some(Keep::All),
        Some(Value::String(word)) if word == "none" => Some(Keep::None),
        Some(Value::Array(list)) => paths(fields, "keep", list).map(Keep::Fields),
        Some(other) => {
            let message = format!("`keep` is \"all\", \"none\" or a list of fields, not {other}");
            fields.violation("keep", "invalid_value", message);
            None
        }
    };
    let remove = match fields.known("remove") {
        None if fields.present(&["remove"]).is_empty() => Some(Vec::new()),
        None => None,
        Some(Value::Array(list)) => paths(fields, "remove", list),
        Some(other) => {
            let message = format!("`remove` is a list of fields, not {}", name_of(other));
            fields.violation("remove", "invalid_value", message);
            None
        }
    };
    Some(Shape { keep: keep?, remove: remove? })
}

/// Reads `fields`: where each value goes, in order. In a saved document values may hold expressions.
pub fn read_fields<'a>(fields: &mut Fields<'a>) -> Vec<(FieldPath, &'a Value)> {
    let mut read = Vec::new();
    for (key, value) in fields.entries("fields") {
        match FieldPath::parse(key) {
            Ok(path) => read.push((path, value)),
            Err(error) => fields.violation(&format!("fields.{key}"), "invalid_path", error.to_string()),
        }
        if fields.holds_templates() {
            fields.check_templates(value, &format!("fields.{key}"));
        }
    }
    read
}

fn paths(fields: &mut Fields<'_>, name: &str, list: &[Value]) -> Option<Vec<FieldPath>> {
    let mut read = Vec::with_capacity(list.len());
    for (i, value) in list.iter().enumerate() {
        let path = match value {
            Value::String(text) => FieldPath::parse(text).map_err(|error| error.to_string()),
            other => Err(format!("a field's path is a string, not {}", name_of(other))),
        };
        match path {
            Ok(path) => read.push(path),
            Err(message) => fields.violation(&format!("{name}[{i}]"), "invalid_path", message),
        }
    }
    (read.len() == list.len()).then_some(read)
}

/// The kind.
pub static KIND: KindInfo = KindInfo {
    check: |fields| {
        read_fields(fields);
        read_shape(fields);
    },
    ..computes("set")
};
