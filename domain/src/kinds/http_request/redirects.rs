//! How many redirects are followed.

use crate::violation::ViolationCode as Code;
use serde_json::{Value, json};

use crate::{
    items::name_of,
    kinds::params::{At, Parameter, Reader, whole},
};

/// How many redirects are followed when the node does not say.
const DEFAULT: u32 = 5;

/// The most redirects that a node may follow.
const MOST: u32 = 20;

/// How many redirects to follow; `None`: a redirect is the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redirects(pub Option<u32>);

impl Default for Redirects {
    fn default() -> Self {
        Self(Some(DEFAULT))
    }
}

impl From<Redirects> for Value {
    fn from(redirects: Redirects) -> Self {
        match redirects.0 {
            Some(DEFAULT) => "follow".into(),
            Some(most) => most.into(),
            None => "none".into(),
        }
    }
}

impl Parameter for Redirects {
    const NAME: &'static str = "`follow`, `none` or a number";

    fn schema() -> Value {
        json!({ "anyOf": [
            { "enum": ["follow", "none"] },
            { "type": "integer", "minimum": 0, "maximum": MOST },
        ] })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        match value {
            Value::String(word) if word == "follow" => return Some(Self::default()),
            Value::String(word) if word == "none" => return Some(Self(None)),
            Value::Number(number) => {
                let most = whole(number).and_then(|most| u32::try_from(most).ok());
                if let Some(most) = most.filter(|most| *most <= MOST) {
                    return Some(Self(Some(most)));
                }
                let message = format!("the number of redirects to follow is 0 to {MOST}");
                reader.violation(at, Code::InvalidValue, message);
            }
            other => {
                let message = format!(
                    "`redirects` is \"follow\", \"none\" or the largest number to follow, not {}",
                    if let Value::String(word) = other { word } else { name_of(other) }
                );
                reader.violation(at, Code::InvalidValue, message);
            }
        }
        None
    }
}
