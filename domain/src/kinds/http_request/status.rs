//! Which statuses count as an answer.

use crate::violation::ViolationCode as Code;
use serde_json::{Value, json};

use crate::{
    items::name_of,
    kinds::params::{At, Parameter, Reader, open, whole},
};

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
    /// `"200"`, `"2xx"` or `"200-299"`.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
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
    const NAME: &'static str = "list of statuses";

    fn schema() -> Value {
        let status = json!({ "anyOf": [
            { "type": "integer", "minimum": 100, "maximum": 599 },
            { "type": "string", "pattern": r"^\s*[1-5]([0-9]{2}(\s*-\s*[1-5][0-9]{2})?|xx)\s*$" },
        ] });
        json!({ "type": "array", "items": open(status), "minItems": 1 })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Value::Array(list) = value else {
            let found = name_of(value);
            let message =
                format!("`accept_status` is a list such as [200, \"3xx\", \"404-410\"], not {found}");
            reader.violation(at, Code::InvalidValue, message);
            return None;
        };
        let mut ranges = Vec::with_capacity(list.len());
        for (i, value) in list.iter().enumerate() {
            if reader.is_open(value) {
                reader.check_templates(value, &at.index(i));
                continue;
            }
            let range = match value {
                Value::Number(number) => whole(number).and_then(|status| Range::parse(&status.to_string())),
                Value::String(text) => Range::parse(text),
                _ => None,
            };
            if range.is_none() {
                let message = format!("{value} is not a status: write 200, \"2xx\" or \"200-299\"");
                reader.violation(&at.index(i), Code::InvalidValue, message);
            }
            ranges.extend(range);
        }
        if list.is_empty() {
            reader.violation(at, Code::InvalidValue, "an empty list accepts nothing; leave it out");
        }
        (!list.is_empty() && ranges.len() == list.len()).then_some(Self(ranges))
    }
}
