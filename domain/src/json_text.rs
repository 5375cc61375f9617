//! JSON that arrives as it was written, whoever passes it on.

use std::sync::Arc;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, Error, Visitor},
};
use serde_json::value::RawValue;

use crate::json;

/// A JSON text. Inside an event it is a JSON **string** that holds the text, and only that form is read.
///
/// Connectors' converters read the values of an event and write them anew: integers wrap at 64 bits, `-0.0` becomes
/// `0.0`, keys change their order. A string is the one value that they leave alone. The text is checked to be JSON
/// when it is made; what it means is read by who needs it ([`Self::read`]), and copies share it.
#[derive(Debug, Clone)]
pub struct JsonText(Arc<RawValue>);

impl JsonText {
    /// The text of a value.
    ///
    /// # Errors
    /// When the value cannot be written as JSON. A [`serde_json::Value`] always can.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Self> {
        serde_json::value::to_raw_value(value).map(|raw| Self(raw.into()))
    }

    /// A text that is JSON.
    ///
    /// # Errors
    /// When it is not.
    pub fn parse(text: String) -> serde_json::Result<Self> {
        RawValue::from_string(text).map(|raw| Self(raw.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// What it says; halves of surrogate pairs become U+FFFD.
    ///
    /// # Errors
    /// When it is no `T`, or nested deeper than a reader follows.
    pub fn read<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        json::parse(self.as_str().as_bytes())
    }
}

impl PartialEq for JsonText {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Serialize for JsonText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_string(TextVisitor)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = JsonText;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a string that holds JSON")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<JsonText, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<JsonText, E> {
        JsonText::parse(text).map_err(|error| E::custom(format_args!("the string holds no JSON: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn it_travels_as_a_string_and_keeps_every_character() {
        let text =
            "{ \"b\":1.50, \"a\":12345678901234567890123, \"a\": -0.0,\n\"t\":\"\\ud83d\\u0000\\\"\" }";
        let kept = JsonText::parse(text.to_owned()).unwrap();
        let written = serde_json::to_string(&kept).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), json!(text));
        let read: JsonText = serde_json::from_str(&written).unwrap();
        assert_eq!((read.as_str(), &read), (text, &kept));
    }

    #[test]
    fn only_a_string_that_holds_json_is_read() {
        for (wire, said) in [
            ("{}", "a string that holds JSON"),
            ("null", "a string that holds JSON"),
            ("[1]", "a string that holds JSON"),
            (r#""{""#, "holds no JSON"),
            (r#""""#, "holds no JSON"),
            (r#""{} {}""#, "holds no JSON"),
        ] {
            let error = serde_json::from_str::<JsonText>(wire).unwrap_err().to_string();
            assert!(error.contains(said), "{wire}: {error}");
        }
    }

    #[test]
    fn what_it_says_is_read_when_it_is_asked_for() {
        assert_eq!(JsonText::of(&json!({"a": [1]})).unwrap().read::<Value>().unwrap(), json!({"a": [1]}));
        assert!(JsonText::parse("7".into()).unwrap().read::<String>().is_err());
        let deep = JsonText::parse(format!("{}{}", "[".repeat(500), "]".repeat(500))).unwrap();
        assert!(deep.read::<Value>().is_err(), "a deep text is kept, and refused by who reads it");
    }
}
