//! `if`: sends every item to the port `true` or `false`.

use super::{
    KindInfo, computes,
    condition::{self, Condition},
    fields::Fields,
};
use serde_json::Value;

/// The port of items for which the condition holds.
pub const TRUE: &str = "true";

/// The port of the others.
pub const FALSE: &str = "false";

/// Reads the parameters: `where`.
pub fn read<'a>(fields: &mut Fields<'a>) -> Option<Condition<&'a Value>> {
    let Some(value) = fields.raw("where") else {
        fields.required::<Value>("where");
        return None;
    };
    condition::read(value, "where", fields)
}

/// The kind.
pub static KIND: KindInfo = KindInfo {
    ports: |_| vec![TRUE.to_owned(), FALSE.to_owned()],
    check: |fields| {
        read(fields);
    },
    ..computes("if")
};
