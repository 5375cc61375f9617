//! Which fields of an item a parameter means.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::{
    At, Parameter, Reader,
    path::{FieldPath, PathError},
};
use crate::{items::Item, violation::ViolationCode as Code};

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

/// Which fields are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    All,
    /// These, one at least.
    These(Vec<FieldPath>),
}

/// A field, or several: one at least.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneOrMore(pub Vec<FieldPath>);

/// The item with these fields alone.
///
/// # Errors
/// When the paths contradict each other.
fn only(paths: &[FieldPath], item: &Item) -> Result<Item, PathError> {
    let mut kept = Item::new();
    for path in paths {
        if let Some(value) = path.get(item) {
            path.set(&mut kept, value.clone())?;
        }
    }
    Ok(kept)
}

impl Keep {
    /// What stays of an item.
    ///
    /// # Errors
    /// When the paths contradict each other.
    pub fn of(&self, item: &Item) -> Result<Item, PathError> {
        match self {
            Self::All => Ok(item.clone()),
            Self::None => Ok(Item::new()),
            Self::Fields(paths) => only(paths, item),
        }
    }
}

/// The item without these fields.
#[must_use]
pub fn without<'i>(paths: &[FieldPath], item: Cow<'i, Item>) -> Cow<'i, Item> {
    if paths.is_empty() {
        return item;
    }
    let mut left = item.into_owned();
    paths.iter().for_each(|path| drop(path.remove(&mut left)));
    Cow::Owned(left)
}

/// Notes fields that are set twice, or within another one: one would overwrite the other. `targets` are the fields, each
/// with the parameter that names it.
pub fn check_apart(targets: &[(&str, &FieldPath)], at: &At<'_>, reader: &mut Reader<'_>) {
    let mut sorted: Vec<_> = targets.to_vec();
    sorted.sort_by_key(|(_, path)| *path);
    // What stands within a field follows it, and nothing else comes between them.
    for pair in sorted.windows(2) {
        if let [(_, outer), (param, inner)] = pair
            && inner.starts_with(outer)
        {
            let message =
                format!("{inner} and {outer} would overwrite each other; choose another name for one");
            reader.violation(&at.field(param), Code::InvalidValue, message);
        }
    }
}

impl Which {
    /// The item with the fields that are looked at.
    ///
    /// # Errors
    /// When the paths contradict each other.
    pub fn of<'i>(&self, item: &'i Item) -> Result<Cow<'i, Item>, PathError> {
        match self {
            Self::All => Ok(Cow::Borrowed(item)),
            Self::These(paths) => only(paths, item).map(Cow::Owned),
        }
    }
}

/// A list of fields that has one at least.
fn read_some(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Vec<FieldPath>> {
    let read = <Vec<FieldPath>>::read(value, at, reader)?;
    if read.is_empty() {
        reader.violation(
            at,
            Code::InvalidValue,
            format!("`{}` lists no field; name one at least", at.name()),
        );
        return None;
    }
    Some(read)
}

fn some_schema() -> Value {
    let mut list = <Vec<FieldPath>>::schema();
    list["minItems"] = json!(1);
    list
}

impl Parameter for Keep {
    const NAME: &'static str = "`all`, `none` or a list of fields";

    fn schema() -> Value {
        json!({ "anyOf": [{ "enum": ["all", "none"] }, <Vec<FieldPath>>::schema()] })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        match value {
            Value::String(word) if word == "all" => Some(Self::All),
            Value::String(word) if word == "none" => Some(Self::None),
            Value::Array(_) => <Vec<FieldPath>>::read(value, at, reader).map(Self::Fields),
            other => {
                let message =
                    format!("`{}` is \"all\", \"none\" or a list of fields, not {other}", at.name());
                reader.violation(at, Code::InvalidValue, message);
                None
            }
        }
    }
}

impl Parameter for Which {
    const NAME: &'static str = "`all` or a list of fields";

    fn schema() -> Value {
        json!({ "anyOf": [{ "enum": ["all"] }, some_schema()] })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        match value {
            Value::String(word) if word == "all" => Some(Self::All),
            Value::Array(_) => read_some(value, at, reader).map(Self::These),
            other => {
                let message = format!("`{}` is \"all\" or a list of fields, not {other}", at.name());
                reader.violation(at, Code::InvalidValue, message);
                None
            }
        }
    }
}

impl Parameter for OneOrMore {
    const NAME: &'static str = "path of a field, or a list of them";

    fn schema() -> Value {
        json!({ "anyOf": [FieldPath::schema(), some_schema()] })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        match value {
            Value::Array(_) => read_some(value, at, reader).map(Self),
            one => FieldPath::read(one, at, reader).map(|path| Self(vec![path])),
        }
    }
}

impl From<Keep> for Value {
    fn from(keep: Keep) -> Self {
        match keep {
            Keep::All => "all".into(),
            Keep::None => "none".into(),
            Keep::Fields(paths) => paths.into(),
        }
    }
}

impl From<Which> for Value {
    fn from(which: Which) -> Self {
        match which {
            Which::All => "all".into(),
            Which::These(paths) => paths.into(),
        }
    }
}
