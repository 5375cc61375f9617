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
        table.params.iter().map(|param| (param.name.to_owned(), property(param))).collect();
    let required: Vec<_> =
        table.params.iter().filter(|param| param.is_always_required()).map(|param| param.name).collect();
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    if !table.one_of.is_empty() {
        schema["oneOf"] = table.one_of.iter().map(|name| given(name)).collect();
    }
    let rules: Vec<_> = table.params.iter().flat_map(|param| rules(table, param)).collect();
    if !rules.is_empty() {
        schema["allOf"] = Value::Array(rules);
    }
    schema
}

/// A schema whose values may also be expressions.
#[must_use]
pub fn open(schema: Value) -> Value {
    or(schema, json!({ "$ref": "#/$defs/expression" }))
}

/// A schema whose values may also be `null`, which is to leave them out.
#[must_use]
pub fn nullable(mut schema: Value) -> Value {
    let null = json!({ "type": "null" });
    match &mut schema {
        Value::Bool(_) => null,
        Value::Object(any) if any.is_empty() => schema,
        // Every other keyword minds values of its own type only.
        Value::Object(typed)
            if !["enum", "oneOf", "anyOf", "allOf"].iter().any(|word| typed.contains_key(*word)) =>
        {
            match typed.get_mut("type") {
                Some(Value::Array(types)) => types.push("null".into()),
                Some(one) => *one = json!([one, "null"]),
                None => return or(schema, null),
            }
            schema
        }
        _ => or(schema, null),
    }
}

/// A pattern of these words, in capitals or small letters.
#[must_use]
pub fn any_case(words: &[&str]) -> String {
    let letter = |c: char| match (c.to_ascii_lowercase(), c.to_ascii_uppercase()) {
        (small, large) if small == large => c.to_string(),
        (small, large) => format!("[{small}{large}]"),
    };
    let words: Vec<String> = words.iter().map(|word| word.chars().map(letter).collect()).collect();
    format!("^({})$", words.join("|"))
}

/// One or the other; alternatives stand in one list.
fn or(mut schema: Value, other: Value) -> Value {
    if let Some(alternatives) = schema.as_object_mut().filter(|only| only.len() == 1)
        && let Some(Value::Array(alternatives)) = alternatives.get_mut("anyOf")
    {
        alternatives.push(other);
        return schema;
    }
    json!({ "anyOf": [schema, other] })
}

/// Whether a condition may stand somewhere in what a table describes.
#[must_use]
pub fn asks_condition(table: &Table) -> bool {
    let asks = |param: &Param| {
        param.type_name == <condition::Condition<Value> as super::Parameter>::NAME
            || param.fields.is_some_and(asks_condition)
    };
    table.params.iter().any(asks)
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
    let mut property = if param.is_always_required() { schema } else { nullable(schema) };
    property["description"] = json!(param.description());
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
/// must stand there. Where the other one is none of its words, there is nothing to say.
fn rules(table: &Table, param: &Param) -> Vec<Value> {
    let Some(only) = &param.only_with else { return Vec::new() };
    let Some(other) = table.params.iter().find(|other| other.name == only.param) else { return Vec::new() };
    let default = (other.default)();
    let default = default.as_ref().and_then(Value::as_str);
    let is_one = |words: Vec<&str>| {
        // What is left out, or `null`, is the default.
        if default.is_some_and(|default| words.contains(&default)) {
            let words: Vec<_> = words.into_iter().map(Value::from).chain([Value::Null]).collect();
            return json!({ "properties": { only.param: { "enum": words } } });
        }
        json!({ "properties": { only.param: { "enum": words } }, "required": [only.param] })
    };
    let (with, without) =
        other.words.iter().copied().partition::<Vec<_>, _>(|word| only.words.contains(word));
    let absent = json!({ "properties": { param.name: { "type": "null" } } });
    let mut rules = vec![json!({ "if": is_one(without), "then": absent })];
    if param.required {
        rules.push(json!({ "if": is_one(with), "then": given(param.name) }));
    }
    rules
}

/// An object in which a parameter is there, and not `null`.
pub(crate) fn given(name: &str) -> Value {
    json!({ "required": [name], "properties": { name: { "not": { "type": "null" } } } })
}
