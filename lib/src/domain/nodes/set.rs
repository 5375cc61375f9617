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
use crate::domain::items::{Item, name_of};

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

/// Its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Params<'a> {
    /// Values by the path where they go.
    pub fields: Vec<(FieldPath, &'a Value)>,
    /// What stays of the item.
    pub keep: Keep,
    /// What goes.
    pub remove: Vec<FieldPath>,
}

impl Params<'_> {
    /// The item that this makes of another.
    ///
    /// # Errors
    /// When a path does not fit the item.
    pub fn apply(self, item: &Item) -> Result<Item, PathError> {
        let mut made = match self.keep {
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
        for path in self.remove {
            path.remove(&mut made);
        }
        for (path, value) in self.fields {
            path.set(&mut made, value.clone())?;
        }
        Ok(made)
    }
}

/// Reads the parameters.
pub fn read<'a>(fields: &mut Fields<'a>) -> Option<Params<'a>> {
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
    let keep = match fields.known("keep") {
        None => Some(Keep::All),
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
        None => Some(Vec::new()),
        Some(Value::Array(list)) => paths(fields, "remove", list),
        Some(other) => {
            let message = format!("`remove` is a list of fields, not {}", name_of(other));
            fields.violation("remove", "invalid_value", message);
            None
        }
    };
    Some(Params { fields: read, keep: keep?, remove: remove? })
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
        read(fields);
    },
    ..computes("set")
};
