//! The types that parameters of several kinds have.

use crate::violation::ViolationCode as Code;
use serde_json::{Number, Value, json};

use super::{At, Parameter, Reader, Table, lists::too_many, path::FieldPath};
use crate::{items::name_of, limits::MAX_FIELDS};

/// May be missing.
impl<T: Parameter> Parameter for Option<T> {
    const NAME: &'static str = T::NAME;
    const REQUIRED: bool = false;
    const FIELDS: Option<&'static Table> = T::FIELDS;
    const VERBATIM: bool = T::VERBATIM;
    const WORDS: &'static [&'static str] = T::WORDS;

    fn schema() -> Value {
        T::schema()
    }

    fn open_schema() -> Value {
        T::open_schema()
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        T::read(value, at, reader).map(Some)
    }

    fn read_open(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        T::read_open(value, at, reader).map(Some)
    }

    fn missing(_: &At<'_>, _: &mut Reader<'_>) -> Option<Self> {
        Some(None)
    }
}

impl Parameter for String {
    const NAME: &'static str = "text";

    fn schema() -> Value {
        json!({ "type": "string" })
    }

    fn open_schema() -> Value {
        Self::schema()
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        if !value.is_string() {
            reader.wrong_type(at, "a text", value);
        }
        value.as_str().map(str::to_owned)
    }
}

impl Parameter for bool {
    const NAME: &'static str = "boolean";

    fn schema() -> Value {
        json!({ "type": "boolean" })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        if !value.is_boolean() {
            reader.wrong_type(at, "`true` or `false`", value);
        }
        value.as_bool()
    }
}

/// Any JSON; expressions may stand anywhere in it.
impl Parameter for Value {
    const NAME: &'static str = "any value";

    fn schema() -> Value {
        json!({})
    }

    fn open_schema() -> Value {
        Self::schema()
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.check_templates(value, at);
        (!reader.holds_open(value)).then(|| value.clone())
    }
}

impl Parameter for FieldPath {
    const NAME: &'static str = "path of a field";

    fn schema() -> Value {
        json!({ "type": "string", "pattern": Self::PATTERN, "examples": ["customer.city", "lines.0.price"] })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let path = match value {
            Value::String(text) => Self::parse(text).map_err(|error| error.to_string()),
            other => Err(format!("a field's path is a text, not {}", name_of(other))),
        };
        path.map_err(|message| reader.violation(at, Code::InvalidPath, message)).ok()
    }
}

impl Parameter for Vec<FieldPath> {
    const NAME: &'static str = "list of fields";

    fn schema() -> Value {
        json!({ "type": "array", "items": FieldPath::open_schema(), "maxItems": MAX_FIELDS })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Value::Array(list) = value else {
            reader.wrong_type(at, "a list of fields", value);
            return None;
        };
        if too_many(list.len(), at, reader) {
            return None;
        }
        let read: Vec<_> = list
            .iter()
            .enumerate()
            .filter_map(|(i, value)| FieldPath::read_open(value, &at.index(i), reader))
            .collect();
        (read.len() == list.len()).then_some(read)
    }
}

/// A whole number that is not negative; `5.0` is one too, as it is to JSON Schema.
#[must_use]
pub fn whole(number: &Number) -> Option<u64> {
    number.as_u64().or_else(|| number.as_f64()?.to_string().parse().ok())
}

/// Declares an enum whose variants are words in documents.
macro_rules! choice {
    (
        $(#[$attribute:meta])*
        pub enum $name:ident { $($(#[$doc:meta])+ $variant:ident = $word:literal,)+ }
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$doc])+ $variant,)+
        }

        impl $name {
            /// Its word in documents.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl From<$name> for serde_json::Value {
            fn from(choice: $name) -> Self {
                choice.as_str().into()
            }
        }

        impl $crate::kinds::params::Parameter for $name {
            const NAME: &'static str = concat!("one of ", $crate::kinds::params::choice!(@words $($word)+));
            const WORDS: &'static [&'static str] = &[$($word),+];

            fn schema() -> serde_json::Value {
                serde_json::json!({ "enum": Self::WORDS })
            }

            fn read(
                value: &serde_json::Value,
                at: &$crate::kinds::params::At<'_>,
                reader: &mut $crate::kinds::params::Reader<'_>,
            ) -> Option<Self> {
                match value.as_str() {
                    $(Some($word) => return Some(Self::$variant),)+
                    _ => {}
                }
                let words = $crate::kinds::params::choice!(@words $($word)+);
                reader.violation(at, $crate::violation::ViolationCode::InvalidValue, format!("`{}` is one of {words}, not {value}", at.name()));
                None
            }
        }
    };
    (@words $first:literal $($word:literal)*) => { concat!("`", $first, "`" $(, ", `", $word, "`")*) };
}
pub(crate) use choice;
