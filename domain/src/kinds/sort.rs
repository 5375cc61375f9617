//! `sort`: puts the items in another order.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{
    declaration::{COMPUTES, Declaration, Example, Group},
    params::{At, Parameter, Reader, Table, choice, lists::List, params, path::FieldPath},
};
use crate::violation::ViolationCode as Code;

params! {
    /// Its parameters.
    pub struct Params {
        /// What decides: a list of fields, of which a later one counts where all before it are equal; or `random`.
        by: By;
    }
}

params! {
    /// A field to sort by.
    pub struct Key {
        /// Where the value stands.
        field: FieldPath;
        /// The smallest first, or the largest.
        order: Order = Order::Ascending;
        /// Whether capital letters differ from small ones, and come before all of them.
        case_sensitive: bool = false;
    }
}

choice! {
    /// What comes first.
    pub enum Order {
        /// The smallest.
        Ascending = "ascending",
        /// The largest.
        Descending = "descending",
    }
}

/// What decides about the order.
#[derive(Debug, Clone, PartialEq)]
pub enum By {
    /// These fields, one at least.
    Keys(Vec<Key>),
    /// Chance.
    Random,
}

impl Parameter for By {
    const NAME: &'static str = "list of objects, or `random`";
    const FIELDS: Option<&'static Table> = Key::FIELDS;

    fn schema() -> Value {
        let mut list = <List<Key>>::schema();
        list["minItems"] = json!(1);
        json!({ "anyOf": [{ "enum": ["random"] }, list] })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        match value {
            Value::String(word) if word == "random" => return Some(Self::Random),
            Value::Array(list) if !list.is_empty() => {
                return <List<Key>>::read(value, at, reader).map(|List(keys)| Self::Keys(keys));
            }
            _ => {}
        }
        let message = format!(
            "`{}` is a list of fields such as [{{\"field\": \"price\"}}], or \"random\", not {value}",
            at.name()
        );
        reader.violation(at, Code::InvalidValue, message);
        None
    }
}

impl Params {
    /// Reads them, with what the table does not say.
    pub fn read(object: &Map<String, Value>, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let read = Self::read_object(object, at, reader)?;
        if let By::Keys(keys) = &read.by {
            let mut known = BTreeSet::new();
            for (i, key) in keys.iter().enumerate().filter(|(_, key)| !known.insert(&key.field)) {
                let message = format!("{} decides already, further up; leave it out here", key.field);
                reader.violation(&at.field("by").index(i).field("field"), Code::InvalidValue, message);
            }
        }
        Some(read)
    }
}

/// The kind.
pub static DECLARATION: Declaration = Declaration {
    name: "sort",
    title: "Sort",
    group: Group::Data,
    summary: "Puts the items in the order of some of their fields, or in any order.",
    docs: "Items that are equal keep their order. Numbers are compared by value and exactly, texts by the Unicode numbers \
           of their characters and no language's rules, `false` before `true`. Types are never converted: booleans come \
           first, then numbers, texts, lists, objects. What is missing or `null` comes last in both orders. A field that no \
           item has is an error. `random` shuffles, and gives the same order when the step is made again after a crash. \
           Parameters are evaluated once, with the first item.\n\n\
           Different from n8n: there texts that hold numbers are compared as numbers and what is missing comes anywhere. A \
           random order is another one whenever it is made; here it stays. Order by code is the kind `code`.",
    icon: "arrow-down-narrow-wide",
    params: Params::TABLE,
    check: |object, at, reader| drop(Params::read(object, at, reader)),
    example: Example {
        params: r#"{"by": [{"field": "city"}, {"field": "price", "order": "descending"}]}"#,
        input: r#"[{"city": "Rome", "price": 9}, {"city": "berlin", "price": 10}, {"city": "Rome", "price": 12.5}]"#,
        output: r#"{"main": [{"city": "berlin", "price": 10}, {"city": "Rome", "price": 12.5}, {"city": "Rome", "price": 9}]}"#,
    },
    ..COMPUTES
};
