use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

#[test]
fn a_client_is_told_to_come_again_when_the_same_record_may_be_taken_later() {
    let code = |error: LogError| PartitionOffset::from(Err(error)).error_code;
    for passes in [
        LogError::Busy { queued: 1, limit: 1 },
        LogError::Full { stored: 1, limit: 1 },
        LogError::Storage("full disk".into()),
        LogError::Unreachable("no broker answers".into()),
        LogError::Closed,
    ] {
        assert_eq!(code(passes.clone()), Some(50003), "{passes}");
    }
    for stays in [LogError::TooLarge { size: 2, limit: 1 }, LogError::Denied("topic".into())] {
        assert_eq!(code(stays.clone()), Some(50002), "{stays}");
    }
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec!["value", "key", "partition"]).prop_map(str::to_owned),
        1 => "[a-z_V]{1,8}",
    ]
}

fn anything() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<i16>().prop_map(Value::from),
        "[a-zA-Z=]{0,6}".prop_map(Value::from),
        name().prop_map(|name| json!({ name: 1 })),
    ]
}

proptest! {
    #[test]
    fn records_that_are_taken_have_the_values_that_were_sent(
        sent in prop::collection::vec(prop::collection::vec((name(), anything()), 0..4), 0..4),
        beside in prop::option::of((name(), anything())),
        binary in any::<bool>(),
    ) {
        let sent: Vec<Value> = sent.into_iter().map(|fields| Value::Object(fields.into_iter().collect())).collect();
        let mut body = json!({ "records": sent });
        if let Some((name, value)) = beside.clone() {
            body[name] = value;
        }
        if let Ok(taken) = records(&Bytes::from(body.to_string()), binary, None, 0) {
            prop_assert!(beside.is_none(), "{}", body);
            prop_assert_eq!(taken.len(), sent.len());
            for (taken, sent) in taken.iter().zip(&sent) {
                prop_assert_eq!(taken.value.is_none(), sent["value"].is_null(), "{}", sent);
                let known = ["value", "key", "partition"];
                prop_assert!(sent.as_object().unwrap().keys().all(|name| known.contains(&name.as_str())));
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), binary in any::<bool>()) {
        let _ = records(&Bytes::from(bytes), binary, Some(1), 0);
    }
}
