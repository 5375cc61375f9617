//! `aggregate`: makes one item of many, with lists in it.

use serde_json::{Map, Value};

use super::{
    declaration::{COMPUTES, Declaration, Example, Group},
    params::{
        At, Reader,
        fields::{Which, check_apart},
        lists::ByPath,
        params,
        path::FieldPath,
    },
};

params! {
    /// Its parameters.
    pub struct Params {
        /// The field for the list of the items. Without it and without `values` it is `data`.
        into: Option<FieldPath>;
        /// Which fields of each item are in that list: `all`, or a list of fields.
        fields: Which = Which::All;
        /// Fields that are left out of it.
        except: Vec<FieldPath> = Vec::new();
        /// Lists of the values of single fields: `{"emails": "contact.email"}` makes a list `emails`.
        values: ByPath<FieldPath> = ByPath(Vec::new());
        /// Whether lists among those values become part of the list, instead of lists in it.
        merge_lists: bool = false;
        /// Whether a value that is missing or `null` is `null` in its list, instead of left out; and an item of which
        /// `fields` and `except` leave nothing is empty, instead of left out.
        keep_missing: bool = false;
        /// One item is made for each combination of values of these fields, and has them; without fields, one of all.
        group_by: Vec<FieldPath> = Vec::new();
    }
}

impl Params {
    /// Reads them, with what the table does not say.
    pub fn read(object: &Map<String, Value>, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let mut read = Self::read_object(object, at, reader)?;
        if read.into.is_none() && read.values.0.is_empty() {
            read.into = FieldPath::parse("data").ok();
        }
        let groups = read.group_by.iter().map(|path| ("group_by", path));
        let into = read.into.iter().map(|path| ("into", path));
        let values = read.values.0.iter().map(|(path, _)| ("values", path));
        check_apart(&groups.chain(into).chain(values).collect::<Vec<_>>(), at, reader);
        Some(read)
    }

    /// Whether `fields` or `except` say that less than all of an item is taken.
    #[must_use]
    pub fn is_restricted(&self) -> bool {
        self.fields != Which::All || !self.except.is_empty()
    }
}

/// The kind.
pub static DECLARATION: Declaration = Declaration {
    name: "aggregate",
    title: "Aggregate",
    group: Group::Data,
    summary: "Makes one item of many, or one of each group, with lists of what was in them.",
    docs: "`into` gives a list of the items themselves, `values` a list of values for each field; both may be given. Groups \
           come in the order of their first items; values are compared by type and value, and what is missing is the same \
           as `null`. Parameters are evaluated once, with the first item.\n\n\
           Different from n8n: “individual fields” are `values`, “all item data” is `into`, and both may be given; \
           `group_by` is new. “Keep missing and null values” is `keep_missing`, “merge lists” `merge_lists`.",
    icon: "fold-vertical",
    params: Params::TABLE,
    check: |object, at, reader| drop(Params::read(object, at, reader)),
    example: Example {
        params: r#"{"values": {"skus": "sku"}, "into": "lines", "except": ["customer"], "group_by": ["customer"]}"#,
        input: r#"[{"customer": "Ada", "sku": "A1", "n": 2}, {"customer": "Bob", "sku": "A1", "n": 1}, {"customer": "Ada", "sku": "B2", "n": 5}]"#,
        output: r#"{"main": [{"customer": "Ada", "lines": [{"sku": "A1", "n": 2}, {"sku": "B2", "n": 5}], "skus": ["A1", "B2"]}, {"customer": "Bob", "lines": [{"sku": "A1", "n": 1}], "skus": ["A1"]}]}"#,
    },
    ..COMPUTES
};
