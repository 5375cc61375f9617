//! `set`: makes, changes and removes fields of every item.
//!
//! First `keep` chooses what stays of the item, then `remove` takes away, then `fields` are set in their order. All
//! expressions see the item as it came in.

use crate::violation::ViolationCode as Code;
use serde_json::{Map, Value, json};

use super::{
    declaration::{COMPUTES, Declaration, Example, Group},
    params::{
        At, Parameter, Reader,
        fields::Keep,
        open, params,
        path::{FieldPath, PathError},
    },
};
use crate::items::Item;

params! {
    /// Its parameters.
    pub struct Params {
        /// Where each value goes: a path such as `customer.city`, or a name; it may hold expressions. What the path
        /// goes through is made.
        fields: Fields = Fields::default();
        /// What stays of the item: `all`, `none`, or a list of fields.
        keep: Keep = Keep::All;
        /// Fields that go.
        remove: Vec<FieldPath> = Vec::new();
    }
}

/// Where each value goes, in order. In a saved document names and values may hold expressions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fields(pub Vec<(FieldPath, Value)>);

impl Params {
    /// What stays of an item before fields are set.
    ///
    /// # Errors
    /// When the paths of `keep` contradict each other.
    pub fn kept(&self, item: &Item) -> Result<Item, PathError> {
        let mut made = self.keep.of(item)?;
        self.remove.iter().for_each(|path| drop(path.remove(&mut made)));
        Ok(made)
    }
}

impl Parameter for Fields {
    const NAME: &'static str = "object of fields";

    fn schema() -> Value {
        json!({ "type": "object", "propertyNames": open(json!({ "pattern": FieldPath::PATTERN })) })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Value::Object(map) = value else {
            reader.wrong_type(at, "an object of fields", value);
            return None;
        };
        let mut read = Vec::with_capacity(map.len());
        for (key, value) in map {
            let here = at.field(key);
            // What the name comes to is a path too.
            if !reader.is_open_name(key, &here) {
                match FieldPath::parse(key) {
                    Ok(path) => read.push((path, value.clone())),
                    Err(error) => reader.violation(&here, Code::InvalidPath, error.to_string()),
                }
            }
            reader.check_templates(value, &here);
        }
        (read.len() == map.len()).then_some(Self(read))
    }
}

/// For the table's default: there are no fields.
impl From<Fields> for Value {
    fn from(Fields(fields): Fields) -> Self {
        debug_assert!(fields.is_empty(), "only the default is written");
        Self::Object(Map::new())
    }
}

/// The kind.
pub static DECLARATION: Declaration = Declaration {
    name: "set",
    title: "Set fields",
    group: Group::Data,
    summary: "Makes, changes and removes fields of every item.",
    docs: "First `keep` chooses what stays of the item, then `remove` takes away, then `fields` are set in their order. All \
           expressions see the item as it came in. In a path a number indexes a list (`lines.0.price`); a dot that belongs \
           to a name is written `\\.`. A name with expressions (`{{ $json.key }}`) is evaluated first, then read as a path. \
           A value has the type that it comes with: convert it in an expression, such as `{{ Number($json.price) }}`.\n\n\
           Different from n8n: other fields stay unless `keep` says otherwise (there they go unless “include other input \
           fields” says otherwise); “all except” is `remove`. A value is never converted to a type that is chosen beside \
           it. “JSON output” is `fields` as one expression (`{{ $json.order }}`) with `keep: \"none\"`, and without “dot \
           notation” is `\\.`.",
    icon: "pencil",
    params: Params::TABLE,
    check: Params::check,
    example: Example {
        params: r#"{"fields": {"total": "{{ $json.price * $json.amount }}", "customer.vip": true}, "remove": ["note"]}"#,
        input: r#"[{"price": 3, "amount": 2, "note": "call back", "customer": {"name": "Ada"}}]"#,
        output: r#"{"main": [{"price": 3, "amount": 2, "customer": {"name": "Ada", "vip": true}, "total": 6}]}"#,
    },
    ..COMPUTES
};
