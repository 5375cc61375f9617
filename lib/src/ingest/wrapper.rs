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

/// What a wrapper holds; `None` when the object is none: it holds two things, or one that cannot be a record.
pub(super) fn inside(object: &str) -> Option<&str> {
    if is_ours(object) {
        // Nothing is read twice.
        return None;
    }
    let inside = match serde_json::from_str(object).ok()? {
        Wrapper { specversion: None, records: Some(inner), value: None, payload: None }
        | Wrapper { specversion: None, records: None, value: Some(inner), payload: None }
        | Wrapper { specversion: None, records: None, value: None, payload: Some(inner) } => inner.get(),
        _ => return None,
    };
    // Else what stands beside it would be lost.
    let may_hold_records = inside.starts_with(['{', '[']) || inside.starts_with('"') && inside.contains('{');
    may_hold_records.then_some(inside)
}

/// How long `{"records":[` is where a text begins with it, else 0.
pub(super) fn head_of_records(text: &[u8]) -> usize {
    let parts: [&[u8]; 4] = [b"{", b"\"records\"", b":", b"["];
    let rest = parts.into_iter().try_fold(text, |text, part| text.trim_ascii_start().strip_prefix(part));
    rest.map_or(0, |rest| text.len() - rest.len())
}

/// Whether the object has what every event has.
pub(super) fn is_event(object: &str) -> bool {
    is_ours(object)
        || serde_json::from_str(object).is_ok_and(|wrapper: Wrapper<'_>| wrapper.specversion.is_some())
}

/// Whether it is an event as we write it.
fn is_ours(object: &str) -> bool {
    object.strip_prefix('{').is_some_and(|rest| rest.trim_start().starts_with("\"specversion\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_no_wrapper_and_neither_is_what_holds_two_things_or_no_record() {
        for event in [
            r#"{"specversion":"1.0","value":{}}"#,
            r#"{ "data":{}, "payload":{}, "specversion":"1.0"}"#,
            r#"{"records":null,"key":1}"#,
            r#"{"records":[1],"value":2}"#,
            r#"{"value":"text","other":1}"#,
            r#"{"key":"k","value":null}"#,
            r#"{"value":1,"value":2}"#,
            "{}",
        ] {
            assert_eq!(inside(event), None, "{event}");
        }
        for (wrapper, inner) in [
            (r#"{"value":{"a":1}}"#, r#"{"a":1}"#),
            (r#"{"records":[1],"key":2}"#, "[1]"),
            (r#"{"topic":"t","key":null,"value":"{}","offset":7}"#, r#""{}""#),
            (r#"{"schema":null,"payload":{"a":1}}"#, r#"{"a":1}"#),
        ] {
            assert_eq!(inside(wrapper), Some(inner));
        }
    }
}
