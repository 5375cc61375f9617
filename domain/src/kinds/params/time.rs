//! Durations and times as parameters.

use serde_json::{Value, json};

use super::{At, Parameter, Reader};
use crate::{duration::HumanDuration, timestamp::Timestamp, violation::ViolationCode as Code};

impl Parameter for HumanDuration {
    const NAME: &'static str = "duration";

    fn schema() -> Value {
        let pattern = r"^([0-9]+\.?[0-9]*|\.[0-9]+)\s*(ms|s|m|h|d)$";
        json!({ "type": "string", "pattern": pattern, "examples": ["250ms", "10s", "2h", "7d"] })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Value::String(text) = value else {
            reader.wrong_type(at, "a duration such as \"10s\" or \"7d\"", value);
            return None;
        };
        text.parse().map_err(|error| reader.violation(at, Code::InvalidValue, format!("{error}"))).ok()
    }
}

/// RFC 3339, as far as a pattern can say it: how many days a month has, it cannot.
const TIME: &str = concat!(
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt ]",
    r"([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?",
    r"([Zz]|[+−-]([01][0-9]|2[0-3]):[0-5][0-9])$",
);

impl Parameter for Timestamp {
    const NAME: &'static str = "time";

    fn schema() -> Value {
        // `format` is a hint for editors; most validators do not ask it.
        json!({ "type": "string", "format": "date-time", "pattern": TIME, "examples": ["2026-12-24T18:00:00Z"] })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let read = value.as_str().and_then(|text| text.parse().ok());
        if read.is_none() {
            let message = format!("`{}` is a time such as \"2026-12-24T18:00:00Z\", not {value}", at.name());
            reader.violation(at, Code::InvalidValue, message);
        }
        read
    }
}
