//! Which statuses count as an answer.

use serde_json::Value;

use crate::{items::name_of, nodes::fields::Fields};

/// Statuses from `first` to `last`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusRange {
    first: u16,
    last: u16,
}

impl StatusRange {
    /// Whether the status is one of them.
    #[must_use]
    pub const fn contains(&self, status: u16) -> bool {
        self.first <= status && status <= self.last
    }

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

/// The parameter `accept_status`; `Some(None)`: it is not there.
pub(super) fn read(fields: &mut Fields<'_>) -> Option<Option<Vec<StatusRange>>> {
    if fields.present(&["accept_status"]).is_empty() {
        fields.raw("accept_status");
        return Some(None);
    }
    let value = fields.known("accept_status")?;
    let Value::Array(list) = value else {
        let message =
            format!("`accept_status` is a list such as [200, \"3xx\", \"404-410\"], not {}", name_of(value));
        fields.violation("accept_status", "invalid_value", message);
        return None;
    };
    let mut ranges = Vec::with_capacity(list.len());
    for (i, value) in list.iter().enumerate() {
        let range = match value {
            Value::Number(number) => StatusRange::parse(&number.to_string()),
            Value::String(text) => StatusRange::parse(text),
            _ => None,
        };
        match range {
            Some(range) => ranges.push(range),
            None => {
                let message = format!("{value} is not a status: write 200, \"2xx\" or \"200-299\"");
                fields.violation(&format!("accept_status[{i}]"), "invalid_value", message);
            }
        }
    }
    if list.is_empty() {
        fields.violation("accept_status", "invalid_value", "an empty list accepts nothing; leave it out");
    }
    (!list.is_empty() && ranges.len() == list.len()).then_some(Some(ranges))
}
