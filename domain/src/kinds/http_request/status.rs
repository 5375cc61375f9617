//! Which statuses count as an answer.

use crate::violation::ViolationCode as Code;
use serde_json::{Value, json};

use crate::{
    items::name_of,
    kinds::params::{At, Parameter, Reader, open},
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
        let (first, last) = match text.split_once('-') {
            Some((first, last)) => (first.trim().parse().ok()?, last.trim().parse().ok()?),
            None => match text.strip_suffix("xx") {
                Some(class) => {
                    let class: u16 = class.parse().ok().filter(|class| *class < 10)?;
                    (class * 100, class * 100 + 99)
                }
                None => {
                    let status = text.trim().parse().ok()?;
                    (status, status)
                }
            },
        };
        (first >= 100 && first <= last && last <= 599).then_some(Self { first, last })
    }
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
            { "type": "string", "pattern": r"^\s*[1-5](\d\d(\s*-\s*[1-5]\d\d)?|xx)\s*$" },
        ] });
        json!({ "type": "array", "items": open(status), "minItems": 1 })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        if reader.holds_open(value) {
            reader.check_templates(value, at);
            return None;
        }
        let Value::Array(list) = value else {
            let found = name_of(value);
            let message =
                format!("`accept_status` is a list such as [200, \"3xx\", \"404-410\"], not {found}");
            reader.violation(at, Code::InvalidValue, message);
            return None;
        };
        let mut ranges = Vec::with_capacity(list.len());
        for (i, value) in list.iter().enumerate() {
            let range = match value {
                Value::Number(number) => Range::parse(&number.to_string()),
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
