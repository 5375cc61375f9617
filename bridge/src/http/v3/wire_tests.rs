use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

fn read(object: &Value, place: Place) -> Result<Parsed, String> {
    parse(&Bytes::from(object.to_string()), place, 7).map_err(|unreadable| match unreadable {
        Unreadable::Refused(refusal) => refusal.message,
        Unreadable::Malformed(refusal) => panic!("{object} is JSON: {refusal:?}"),
    })
}

#[test]
fn what_is_no_field_of_a_record_is_refused_by_its_name() {
    let value = json!({"type": "JSON", "data": 1});
    for (object, name) in [
        (json!({"records": [{"value": {"a": 1}}]}), "records"),
        (json!({"Value": value}), "Value"),
        (json!({"value": {"a": 1}}), "a"),
        (json!({"value": {"type": "JSON", "Data": 1}}), "Data"),
        (json!({"value": value, "partition": 1}), "partition"),
        (json!({"value": value, "headers": [{"key": "a", "value": null}]}), "key"),
        (json!({"value": value, "id": "1"}), "id"),
    ] {
        let refusal = read(&object, Place::Stream).unwrap_err();
        assert!(refusal.contains(&format!("unknown field `{name}`")), "{object}: {refusal}");
    }
    assert!(read(&json!({"value": value, "id": "1"}), Place::Entry).is_ok());
    let refusal = read(&json!({"value": {"type": "JSON", "data": 1, "schema_id": 3}}), Place::Stream);
    assert!(refusal.unwrap_err().contains("schema registry"));
    let unset = json!({"value": {"type": "JSON", "data": 1, "schema_id": null, "subject": null}});
    assert!(read(&unset, Place::Stream).is_ok());
}

fn name() -> impl Strategy<Value = String> {
    let known = vec!["value", "key", "type", "data", "headers", "timestamp", "partition_id", "id", "name"];
    prop_oneof![4 => prop::sample::select(known).prop_map(str::to_owned), 1 => "[a-z_V]{1,8}"]
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        prop::sample::select(vec!["JSON", "STRING", "BINARY", "AQ==", "x", "2026-11-24T06:00:00Z"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn an_acknowledged_record_has_the_value_that_was_sent(
        fields in prop::collection::vec((name(), anything()), 0..5),
    ) {
        let object = Value::Object(fields.into_iter().collect());
        if let Ok(Parsed { record, .. }) = read(&object, Place::Stream) {
            let sent = &object["value"]["data"];
            prop_assert_eq!(record.value.is_none(), sent.is_null(), "{}", object);
            for name in object.as_object().unwrap().keys() {
                prop_assert!(["value", "key", "headers", "timestamp", "partition_id", "id"].contains(&name.as_str()));
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&Bytes::from(bytes), Place::Entry, 0);
    }
}
