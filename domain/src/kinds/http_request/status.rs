//! Which statuses count as an answer.

use crate::violation::ViolationCode as Code;
use serde_json::{Value, json};

use crate::kinds::params::{At, Parameter, Reader, open, whole};

/// Statuses that count as an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statuses(Vec<Range>);

/// Statuses from `first` to `last`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    first: u16,
    last: u16,
}

impl Range {
    /// `"200"`, `"2xx"`, `"200-299"` or `"any"`.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text == "any" {
            return Some(Self { first: 0, last: u16::MAX });
        }
        let (first, last) = match text.split_once('-') {
            Some((first, last)) => (status(first)?, status(last)?),
            None => match text.strip_suffix("xx") {
                Some(class) => (status(&format!("{class}00"))?, status(&format!("{class}99"))?),
                None => (status(text)?, status(text)?),
            },
        };
        (first <= last).then_some(Self { first, last })
    }
}

/// Three digits.
fn status(text: &str) -> Option<u16> {
    let text = text.trim();
    let status = text.parse().ok().filter(|_| text.len() == 3)?;
    (100..=599).contains(&status).then_some(status)
}

impl Statuses {
    /// Whether the status is one of them.
    #[must_use]
    pub fn contain(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.first <= status && status <= range.last)
    }
}

impl Parameter for Statuses {
    const NAME: &'static str = "`any`, a status or a list of statuses";

    fn schema() -> Value {
        let number = json!({ "type": "integer", "minimum": 100, "maximum": 599 });
        let pattern = r"^\s*([1-5]([0-9]{2}(\s*-\s*[1-5][0-9]{2})?|xx)|any)\s*$";
        let text = json!({ "type": "string", "pattern": pattern });
        let one = open(json!({ "anyOf": [number, text] }));
        json!({ "anyOf": [number, text, { "type": "array", "items": one, "minItems": 1 }] })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Value::Array(list) = value else {
            return range(value, at, reader).map(|range| Self(vec![range]));
        };
        let mut ranges = Vec::with_capacity(list.len());
        for (i, value) in list.iter().enumerate() {
            if reader.is_open(value) {
                reader.check_templates(value, &at.index(i));
                continue;
            }
            ranges.extend(range(value, &at.index(i), reader));
        }
        if list.is_empty() {
            reader.violation(at, Code::InvalidValue, "an empty list has no status; leave it out");
        }
        (!list.is_empty() && ranges.len() == list.len()).then_some(Self(ranges))
    }
}

fn range(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Range> {
    let range = match value {
        Value::Number(number) => whole(number).and_then(|status| Range::parse(&status.to_string())),
        Value::String(text) => Range::parse(text),
        _ => None,
    };
    if range.is_none() {
        let message = format!("{value} is not a status: write 200, \"2xx\", \"200-299\" or \"any\"");
        reader.violation(at, Code::InvalidValue, message);
    }
    range
}
