//! Tables as JSON Schema 2020-12: what an editor makes its form of.
//!
//! Beyond the standard, a property says `x-expression` (whether it may be, or hold, an expression), `x-type` (its type
//! for people) and `x-only-with` (where it has a meaning); tools that do not know them ignore them.

use serde_json::{Map, Value, json};

use super::{Param, Table, condition};

/// The schema of an object that a table describes.
#[must_use]
pub fn object_schema(table: &Table) -> Value {
    let properties: Map<_, _> =
        table.available().map(|param| (param.name.to_owned(), property(param))).collect();
    let required: Vec<_> = table
        .available()
        .filter(|param| param.required && param.only_with.is_none())
        .map(|param| param.name)
        .collect();
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    if !table.one_of.is_empty() {
        schema["oneOf"] = table.one_of.iter().map(|name| json!({ "required": [name] })).collect();
    }
    let rules: Vec<_> = table.params.iter().filter_map(|param| rule(table, param)).collect();
    if !rules.is_empty() {
        schema["allOf"] = Value::Array(rules);
    }
    schema
}

/// A schema whose values may also be expressions.
#[must_use]
pub fn open(schema: Value) -> Value {
    // Any text and any value may be an expression anyway.
    let is_text = schema == json!({ "type": "string" });
    if is_text || schema == json!({}) || schema.get("$ref").is_some() {
        return schema;
    }
    json!({ "anyOf": [schema, { "$ref": "#/$defs/expression" }] })
}

/// A schema that stands for itself: with its dialect, and with what it refers to.
#[must_use]
pub fn root(mut schema: Value) -> Value {
    let text = schema.to_string();
    let mut definitions = Map::new();
    if text.contains("#/$defs/condition") {
        definitions.insert("condition".to_owned(), condition::schema());
    }
    if text.contains("#/$defs/expression") || !definitions.is_empty() {
        let expression = json!({ "type": "string", "pattern": r"\{\{", "description": "A text with an expression: {{ … }}" });
        definitions.insert("expression".to_owned(), expression);
    }
    if !definitions.is_empty() {
        schema["$defs"] = Value::Object(definitions);
    }
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema
}

fn property(param: &Param) -> Value {
    let schema = (param.schema)();
    let mut property = if param.expression { open(schema) } else { schema };
    property["description"] = json!(param.doc.trim());
    property["x-type"] = json!(param.type_name);
    property["x-expression"] = json!(param.expression);
    if let Some(default) = (param.default)() {
        property["default"] = default;
    }
    if let Some(only) = &param.only_with {
        property["x-only-with"] = json!({ only.param: only.words });
    }
    property
}

/// Where a parameter has a meaning only with another one: it must not stand elsewhere, and where it is required it
/// must stand there.
fn rule(table: &Table, param: &Param) -> Option<Value> {
    let only = param.only_with.as_ref()?;
    let other = table.params.iter().find(|other| other.name == only.param)?;
    let is_word = json!({ "properties": { only.param: { "enum": only.words } } });
    let default = (other.default)();
    let by_default = default.as_ref().and_then(Value::as_str).is_some_and(|word| only.words.contains(&word));
    // A missing word satisfies `properties`; where the default is none of the words it must be there.
    let condition = if by_default {
        is_word
    } else {
        json!({ "properties": { only.param: { "enum": only.words } }, "required": [only.param] })
    };
    let absent = json!({ "properties": { param.name: false } });
    Some(if param.required {
        json!({ "if": condition, "then": { "required": [param.name] }, "else": absent })
    } else {
        json!({ "if": condition, "else": absent })
    })
}
