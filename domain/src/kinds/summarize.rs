//! `summarize`: counts, adds up and compares fields over many items.

use serde_json::{Map, Value};

use super::{
    declaration::{COMPUTES, Declaration, Example, Group},
    params::{At, Reader, choice, fields::check_apart, lists::ByPath, params, path::FieldPath},
};

params! {
    /// Its parameters.
    pub struct Params {
        /// What is computed, by the field that it goes to: `{"total": {"op": "sum", "field": "price"}}`.
        values: ByPath<Summary>;
        /// One item is made for each combination of values of these fields, and has them; without fields, one of all.
        group_by: Vec<FieldPath> = Vec::new();
        /// Whether items without a value in one of those fields are left out; else they are a group of their own.
        skip_missing: bool = false;
        /// An item for each group (`items`), or one item with the groups in it (`one_item`): an object by the first
        /// field's values, in it objects by the second's, …
        output: Form = Form::Items;
    }
}

params! {
    /// Something that is computed.
    pub struct Summary {
        /// `sum` and `avg` of numbers; `min` and `max`; `count` of the items, `count_values` of those with a value,
        /// `count_unique` of different values; `append` makes a list of the values, `concatenate` a text.
        op: Op, [fixed];
        /// Where the values stand.
        field: Option<FieldPath>, with op ["sum", "avg", "min", "max", "count_values", "count_unique", "append", "concatenate"] required;
        /// What stands between values.
        separator: String = ",".to_owned(), with op ["concatenate"];
        /// Whether what is missing, `null` or an empty text is in the list or text too: as `null`, or as nothing between
        /// separators.
        include_empty: bool = false, with op ["append", "concatenate"];
    }
}

choice! {
    /// What is computed of values.
    pub enum Op {
        /// Their sum; `0` of none.
        Sum = "sum",
        /// Their mean; `null` of none.
        Avg = "avg",
        /// The smallest; `null` of none.
        Min = "min",
        /// The largest; `null` of none.
        Max = "max",
        /// How many items there are.
        Count = "count",
        /// How many items have a value.
        CountValues = "count_values",
        /// How many different values there are.
        CountUnique = "count_unique",
        /// The list of them.
        Append = "append",
        /// A text of them.
        Concatenate = "concatenate",
    }
}

choice! {
    /// How groups leave.
    pub enum Form {
        /// An item each.
        Items = "items",
        /// All in one item, by their values.
        OneItem = "one_item",
    }
}

impl Params {
    /// Reads them, with what the table does not say.
    pub fn read(object: &Map<String, Value>, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let read = Self::read_object(object, at, reader)?;
        let groups = read.group_by.iter().map(|path| ("group_by", path));
        let values = read.values.0.iter().map(|(path, _)| ("values", path));
        check_apart(&groups.chain(values).collect::<Vec<_>>(), at, reader);
        Some(read)
    }
}

/// The kind.
pub static DECLARATION: Declaration = Declaration {
    name: "summarize",
    title: "Summarize",
    group: Group::Data,
    summary: "Counts, adds up and compares fields over all items, or over groups of them.",
    docs: "Missing values, `null` and empty texts do not count. Whole numbers are added exactly, however large; with a \
           fraction among them it is as in JavaScript (`0.1 + 0.2` is `0.30000000000000004`). In `sum` and `avg` a value \
           that is no number is an error that names its item. `min` and `max` go by the order of `sort`, capital letters \
           before small ones; `count_unique` compares as `dedupe`. Groups come in the order of their first items and are \
           compared by type and value, in `one_item` as texts. Parameters are evaluated once, with the first item.\n\n\
           Different from n8n: there a value that is no number is passed over in sums, and a missing field of all items is \
           an error. What is counted there is `count_values`; names are given (`sum_price` is made there). “Fields to split \
           by” is `group_by`, “all splits in a single item” `output: \"one_item\"`, “ignore items without valid fields to \
           group by” `skip_missing`.",
    icon: "sigma",
    params: Params::TABLE,
    check: |object, at, reader| drop(Params::read(object, at, reader)),
    example: Example {
        params: r#"{"values": {"total": {"op": "sum", "field": "price"}, "orders": {"op": "count"}}, "group_by": ["country"]}"#,
        input: r#"[{"country": "IT", "price": 9}, {"country": "DE", "price": 10}, {"country": "IT", "price": 12.5}]"#,
        output: r#"{"main": [{"country": "IT", "total": 21.5, "orders": 2}, {"country": "DE", "total": 10, "orders": 1}]}"#,
    },
    ..COMPUTES
};
