//! Objects around records: `{"value": …}` as a REST Proxy's clients write them, alone or in `{"records": […]}`, and
//! `{"schema": …, "payload": …}` as Connect's `JsonConverter` with schemas does.

use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Wrapper<'a> {
    /// What every event has, and no wrapper.
    specversion: Option<IgnoredAny>,
    #[serde(borrow)]
    records: Option<&'a RawValue>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

/// What a wrapper holds; `None` when the object is none.
pub(super) fn inside(object: &str) -> Option<&str> {
    let event = object.strip_prefix('{').is_some_and(|rest| rest.trim_start().starts_with("\"specversion\""));
    if event {
        // As we write them: nothing is read twice.
        return None;
    }
    let Wrapper { specversion: None, records, value, payload } = serde_json::from_str(object).ok()? else {
        return None;
    };
    records.or(value).or(payload).map(RawValue::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_that_has_what_every_event_has_is_no_wrapper() {
        for event in [
            r#"{"specversion":"1.0","value":{}}"#,
            r#"{ "data":{}, "payload":{}, "specversion":"1.0"}"#,
            r#"{"records":null,"key":1}"#,
            r#"{"value":1,"value":2}"#,
            "{}",
        ] {
            assert_eq!(inside(event), None, "{event}");
        }
        for (wrapper, inner) in [
            (r#"{"value":{"a":1}}"#, r#"{"a":1}"#),
            (r#"{"records":[1],"value":2}"#, "[1]"),
            (r#"{"topic":"t","key":null,"value":"{}","offset":7}"#, r#""{}""#),
            (r#"{"schema":null,"payload":{"a":1}}"#, r#"{"a":1}"#),
        ] {
            assert_eq!(inside(wrapper), Some(inner));
        }
    }
}
