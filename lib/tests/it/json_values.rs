//! JSON of any form, for tests of laws.

use proptest::{collection, prelude::*};
use serde_json::{Map, Value, json};

/// A value with numbers and texts of every kind, those that converters change among them.
pub fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(json!(-0.0)),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            fields(".{0,6}", inner, 0).prop_map(Value::from),
        ]
    })
}

/// An object with at least so many such values under such names.
pub fn any_object(names: &'static str, least: usize) -> impl Strategy<Value = Map<String, Value>> {
    fields(names, any_value(), least)
}

fn fields(
    names: &'static str,
    values: impl Strategy<Value = Value>,
    least: usize,
) -> impl Strategy<Value = Map<String, Value>> {
    collection::hash_map(names, values, least..4).prop_map(|map| map.into_iter().collect())
}
