//! The keys of a request's body.

use super::{BodyFormat, values::Keys};

/// What the two forms call differently, and their different defaults.
pub(super) struct BodyKeys {
    /// Before each key: the managed form has them per API.
    pub(super) prefix: &'static str,
    /// The key of the most records in one request.
    pub(super) batch_max: &'static str,
    /// `request.body.format` where it is not given.
    pub(super) format: &'static str,
    /// `batch.json.as.array` where it is not given, when that is not simply `true` for JSON.
    pub(super) as_array: Option<&'static str>,
}

/// How records become a body, and how many of them at most.
pub(super) fn read(keys: &mut Keys, names: &BodyKeys) -> (BodyFormat, usize) {
    let batch_max = keys.number(names.batch_max, 1, 1..=100_000_usize);
    (format(keys, names, batch_max), batch_max)
}

fn format(keys: &mut Keys, names: &BodyKeys, batch_max: usize) -> BodyFormat {
    let name = |key: &str| format!("{}{key}", names.prefix);
    let json = keys.choice(&name("request.body.format"), names.format, &[("string", false), ("json", true)]);
    let as_array = keys.take(&name("batch.json.as.array"));
    let (prefix, separator, suffix) = (
        keys.take(&name("batch.prefix")),
        keys.take(&name("batch.separator")),
        keys.take(&name("batch.suffix")),
    );
    if !json {
        if as_array.is_some_and(|value| value == "true") {
            keys.complain(format!(
                "{} needs {} json",
                name("batch.json.as.array"),
                name("request.body.format")
            ));
        }
        return BodyFormat::Text {
            prefix: prefix.unwrap_or_default(),
            separator: separator.unwrap_or_else(|| ",".to_owned()),
            suffix: suffix.unwrap_or_default(),
        };
    }
    if prefix.or(separator).or(suffix).is_some() {
        keys.complain(format!(
            "{}, {} and {} need {} string",
            name("batch.prefix"),
            name("batch.separator"),
            name("batch.suffix"),
            name("request.body.format")
        ));
    }
    match as_array.as_deref().or(names.as_array).unwrap_or("true") {
        "true" => BodyFormat::JsonArray,
        "false" => {
            if batch_max != 1 {
                keys.complain(format!("{} false needs {} 1", name("batch.json.as.array"), names.batch_max));
            }
            BodyFormat::JsonSingle
        }
        other => {
            keys.complain(format!("{} is {other:?}, neither true nor false", name("batch.json.as.array")));
            BodyFormat::JsonArray
        }
    }
}
