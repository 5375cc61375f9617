//! `split`: makes an item of each element of a list.

use serde_json::{Map, Value};

use super::{
    declaration::{COMPUTES, Declaration, Example, Group},
    params::{
        At, Reader,
        fields::{Keep, OneOrMore},
        params,
    },
};
use crate::violation::ViolationCode as Code;

params! {
    /// Its parameters.
    pub struct Params {
        /// The list whose elements become items. With several fields their first elements make the first item, their
        /// second ones the second, …
        field: OneOrMore;
        /// Where an element goes in its item, if not where its list was; as many as `field` has.
        target as "as": Option<OneOrMore>;
        /// Which other fields of the item stay beside each element: `all`, `none`, or a list of fields.
        keep: Keep = Keep::None;
    }
}

impl Params {
    /// Reads them, with what the table does not say.
    pub fn read(object: &Map<String, Value>, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let read = Self::read_object(object, at, reader)?;
        if let Some(target) = &read.target
            && target.0.len() != read.field.0.len()
        {
            let (targets, fields) = (target.0.len(), read.field.0.len());
            let message = format!("`as` has {targets} entries for {fields} fields; give as many");
            reader.violation(&at.field("as"), Code::InvalidValue, message);
            return None;
        }
        Some(read)
    }

    /// Whether an element that is an object is an item as it is.
    #[must_use]
    pub fn makes_items_of_objects(&self) -> bool {
        self.field.0.len() == 1 && self.target.is_none() && self.keep == Keep::None
    }
}

/// The kind.
pub static DECLARATION: Declaration = Declaration {
    name: "split",
    title: "Split",
    group: Group::Data,
    summary: "Makes an item of each element of a list in an item.",
    docs: "An element that is an object becomes the item itself, unless `as` or `keep` is given or `field` lists several; \
           else it stands where its list was, or at `as`. Of an object the values are taken, any other value counts as a \
           list of one. What is missing, `null` or an empty list gives no item.\n\n\
           Different from n8n: it makes an item of `null`, where here is none. It names what is taken from `order.lines` \
           with a dot in the name; here it is `lines` in `order`, as everywhere. “Destination field name” is `as`, \
           “include” is `keep`.",
    icon: "unfold-vertical",
    params: Params::TABLE,
    check: |object, at, reader| drop(Params::read(object, at, reader)),
    example: Example {
        params: r#"{"field": "lines", "keep": ["order"], "as": "line"}"#,
        input: r#"[{"order": 7, "lines": [{"sku": "A1"}, {"sku": "B2"}]}, {"order": 8, "lines": []}]"#,
        output: r#"{"main": [{"order": 7, "line": {"sku": "A1"}}, {"order": 7, "line": {"sku": "B2"}}]}"#,
    },
    ..COMPUTES
};
