//! `merge`: makes one list of items out of several inputs.
//!
//! An input is named by the edge's `targetHandle` (`left`, `right`); edges without one fill the places that are
//! still free, in edge order.

use super::{KindInfo, computes, fields::Fields, path::FieldPath};

/// How inputs become one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// One after the other.
    Append,
    /// The first of each, the second of each, …; fields of later inputs win.
    ByPosition(Join),
    /// Left and right items whose keys are equal; the right one's fields win.
    ByKey {
        /// Where the left item's key stands.
        left: FieldPath,
        /// Where the right item's key stands.
        right: FieldPath,
        /// What becomes of items without a partner.
        join: Join,
    },
    /// One of them.
    Choose(Choice),
}

/// What becomes of items without a partner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// They are dropped.
    #[default]
    Inner,
    /// Left ones stay.
    Left,
    /// All stay: left ones in their place, right ones at the end.
    Outer,
    /// Only left ones without a partner stay.
    Anti,
}

/// Which input is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// The left one.
    Left,
    /// The right one.
    Right,
    /// The first that has items.
    #[default]
    FirstNonEmpty,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum ModeName {
    #[default]
    Append,
    ByPosition,
    ByKey,
    Choose,
}

/// Reads the parameters: `mode`, and `by_key: {left, right}`, `join`, `input` where the mode has a use for them.
pub fn read(fields: &mut Fields<'_>) -> Option<Mode> {
    let mode = match fields.known("mode") {
        None if fields.present(&["mode"]).is_empty() => ModeName::default(),
        None => {
            fields.violation("mode", "invalid_value", "`mode` cannot be an expression");
            ["by_key", "join", "input"].into_iter().for_each(|name| fields.skip(name));
            return None;
        }
        Some(_) => fields.optional("mode")?,
    };
    let join: Option<Join> = match mode {
        ModeName::ByKey | ModeName::ByPosition => choice(fields, "join"),
        ModeName::Append | ModeName::Choose => unused(fields, "join", "mode `by_key` or `by_position`"),
    };
    let input: Option<Choice> = match mode {
        ModeName::Choose => choice(fields, "input"),
        _ => unused(fields, "input", "mode `choose`"),
    };
    let keys = match mode {
        ModeName::ByKey => keys(fields),
        _ => unused(fields, "by_key", "mode `by_key`"),
    };
    Some(match mode {
        ModeName::Append => Mode::Append,
        ModeName::ByPosition => Mode::ByPosition(join?),
        ModeName::ByKey => {
            let (left, right) = keys?;
            Mode::ByKey { left, right, join: join? }
        }
        ModeName::Choose => Mode::Choose(input?),
    })
}

fn choice<T: serde::de::DeserializeOwned + Default>(
    fields: &mut Fields<'_>,
    name: &'static str,
) -> Option<T> {
    if fields.present(&[name]).is_empty() { Some(T::default()) } else { fields.optional(name) }
}

fn unused<T>(fields: &mut Fields<'_>, name: &'static str, only: &str) -> Option<T> {
    if fields.raw(name).is_some() {
        fields.violation(name, "invalid_value", format!("`{name}` has a meaning only with {only}"));
    }
    None
}

/// `by_key: {left, right}`; without `right`, both keys have the same name.
fn keys(fields: &mut Fields<'_>) -> Option<(FieldPath, FieldPath)> {
    if fields.present(&["by_key"]).is_empty() {
        fields.required::<serde_json::Value>("by_key");
        return None;
    }
    let mut keys = fields.nested("by_key")?;
    let mut path = |name: &'static str, required: bool| {
        let text: String = if required { keys.required(name)? } else { keys.optional(name)? };
        FieldPath::parse(&text).map_err(|error| keys.violation(name, "invalid_path", error.to_string())).ok()
    };
    let (left, right) = (path("left", true), path("right", false));
    let same = keys.present(&["right"]).is_empty();
    keys.finish();
    let left = left?;
    let right = if same { left.clone() } else { right? };
    Some((left, right))
}

/// The kind.
pub static KIND: KindInfo = KindInfo {
    inputs: &["left", "right"],
    check: |fields| {
        read(fields);
    },
    ..computes("merge")
};
