//! Tables of parameters, and the macro that declares them.

use crate::violation::ViolationCode as Code;
use serde_json::{Map, Value};

use super::{At, Parameter, Reader};

/// A row of a table.
#[derive(Debug)]
pub struct Param {
    /// Its name in documents.
    pub name: &'static str,
    /// What it means.
    pub doc: &'static str,
    /// What kind of value it is, for people.
    pub type_name: &'static str,
    /// Whether it must be there (with [`Self::only_with`]: whenever it has a meaning).
    pub required: bool,
    /// What holds when it is missing.
    pub default: fn() -> Option<Value>,
    /// Whether it may be, or hold, expressions.
    pub expression: bool,
    /// Where it has a meaning; everywhere when missing.
    pub only_with: Option<OnlyWith>,
    /// Its schema, without what the table says; an expression is among its values if it may be one.
    pub schema: fn() -> Value,
    /// The words that it may be, when it is a word.
    pub words: &'static [&'static str],
    /// The parameters inside it, when it is an object with a table of its own.
    pub fields: Option<&'static Table>,
}

impl Param {
    /// What it means, on one line.
    #[must_use]
    pub fn description(&self) -> String {
        self.doc.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Whether it must be there, whatever the others are.
    #[must_use]
    pub const fn is_always_required(&self) -> bool {
        self.required && self.only_with.is_none()
    }
}

/// A parameter has a meaning only when another one is one of these words.
#[derive(Debug, Clone, Copy)]
pub struct OnlyWith {
    /// The other one.
    pub param: &'static str,
    /// The words.
    pub words: &'static [&'static str],
}

/// The parameters of a kind, or of an object inside them.
#[derive(Debug)]
pub struct Table {
    /// One a row, in the order in which people read them.
    pub params: &'static [Param],
    /// Exactly one of these must be there; no such rule when empty.
    pub one_of: &'static [&'static str],
}

impl Table {
    /// The table of a kind that takes no parameters.
    pub const EMPTY: Self = Self { params: &[], one_of: &[] };

    /// Notes what [`Table::one_of`] asks for, and every field that is not in the table: most likely a misspelt one.
    pub fn check_names(&self, object: &Map<String, Value>, at: &At<'_>, reader: &mut Reader<'_>) {
        let given: Vec<_> = self.one_of.iter().copied().filter(|name| present(object, name)).collect();
        if !self.one_of.is_empty() && given.len() != 1 {
            let all: Vec<_> = self.one_of.iter().map(|name| format!("`{name}`")).collect();
            let found = if given.is_empty() { "none".to_owned() } else { given.join(" and ") };
            let message = format!("exactly one of {} must be there; here is {found}", all.join(", "));
            reader.violation(at, if given.is_empty() { Code::Required } else { Code::InvalidValue }, message);
        }
        for name in object.keys().filter(|name| !self.params.iter().any(|param| param.name == **name)) {
            let known: Vec<_> = self.params.iter().map(|param| param.name).collect();
            let known = if known.is_empty() {
                "this kind takes no parameters".to_owned()
            } else {
                format!("known are: {}", known.join(", "))
            };
            let message = format!("`{name}` is not a parameter; {known}");
            reader.violation(&at.field(name), Code::UnknownParameter, message);
        }
    }

    /// Reads one parameter. `None` when it is wrong, or not known yet.
    pub fn read<T: Parameter>(
        &self,
        name: &str,
        default: Option<T>,
        object: &Map<String, Value>,
        at: &At<'_>,
        reader: &mut Reader<'_>,
    ) -> Option<T> {
        let param = self.params.iter().find(|param| param.name == name)?;
        let here = at.field(param.name);
        let value = object.get(param.name).filter(|value| !value.is_null());
        let has_meaning = match &param.only_with {
            None => Some(true),
            Some(only) => self.holds(only, object),
        };
        match (value, default) {
            (Some(_), _) if has_meaning == Some(false) => {
                let only = param.only_with.as_ref()?;
                let words: Vec<_> = only.words.iter().map(|word| format!("`{word}`")).collect();
                let message =
                    format!("`{name}` has a meaning only with `{}` {}", only.param, words.join(" or "));
                reader.violation(&here, Code::InvalidValue, message);
                None
            }
            (Some(value), _) if !param.expression && !T::VERBATIM && reader.is_open(value) => {
                reader.violation(&here, Code::InvalidValue, format!("`{name}` cannot be an expression"));
                None
            }
            (Some(value), _) => T::read_open(value, &here, reader),
            (None, Some(default)) => Some(default),
            (None, None) if has_meaning == Some(true) && param.required && !T::REQUIRED => {
                reader.violation(&here, Code::Required, format!("`{name}` is required"));
                None
            }
            (None, None) => T::missing(&here, reader),
        }
    }

    /// Whether the other parameter is one of the words. `None`: it is no word of its own, which is not known yet (an
    /// expression) or a mistake of its own.
    fn holds(&self, only: &OnlyWith, object: &Map<String, Value>) -> Option<bool> {
        let other = self.params.iter().find(|other| other.name == only.param)?;
        let given = object.get(only.param).filter(|value| !value.is_null()).cloned();
        let value = given.or_else(other.default)?;
        let word = value.as_str().filter(|word| other.words.contains(word))?;
        Some(only.words.contains(&word))
    }
}

fn present(object: &Map<String, Value>, name: &str) -> bool {
    object.get(name).is_some_and(|value| !value.is_null())
}

/// Declares a struct of evaluated parameters together with its [`Table`], and how it is read.
///
/// A field is `name: Type`, or `name as "key": Type` where the key is a word of the language, then
/// - ` = value`: what holds when it is missing;
/// - `, [fixed]`: it cannot be an expression;
/// - `, with other ["word", …]`: it has a meaning only when the other parameter is one of these words, and must then
///   be there if the line ends with `required`.
///
/// A field of type `Option` may be missing, any other without a default must be there.
macro_rules! params {
    (
        $(#[$attribute:meta])*
        pub struct $name:ident $(one_of [$($one:literal),+ $(,)?])? {
            $(
                $(#[doc = $doc:literal])+
                $field:ident $(as $key:literal)? : $type:ty
                $(= $default:expr)?
                $(, [$fixed:ident])?
                $(, with $other:ident [$($word:literal),+] $($required:ident)?)?
                ;
            )*
        }
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $(
                $(#[doc = $doc])+
                pub $field: $type,
            )*
        }

        impl $name {
            /// Its table.
            pub const TABLE: $crate::kinds::params::Table = $crate::kinds::params::Table {
                params: &[$(
                    $crate::kinds::params::Param {
                        name: $crate::kinds::params::params!(@key $field $($key)?),
                        doc: concat!($($doc, "\n"),+),
                        type_name: <$type as $crate::kinds::params::Parameter>::NAME,
                        required: $crate::kinds::params::params!(@required $type $(, $default)? $(; $($required)?)?),
                        default: || $crate::kinds::params::params!(@default $type $(, $default)?),
                        expression: $crate::kinds::params::params!(@expression $($fixed)?),
                        only_with: $crate::kinds::params::params!(@with $($other [$($word),+])?),
                        schema: $crate::kinds::params::params!(@schema $type $(, $fixed)?),
                        words: <$type as $crate::kinds::params::Parameter>::WORDS,
                        fields: <$type as $crate::kinds::params::Parameter>::FIELDS,
                    },
                )*],
                one_of: &[$($($one),+)?],
            };

            /// Reads them from an object. `None` when something is wrong, which the reader notes, or when a part is
            /// not known yet.
            pub fn read_object(
                object: &serde_json::Map<String, serde_json::Value>,
                at: &$crate::kinds::params::At<'_>,
                reader: &mut $crate::kinds::params::Reader<'_>,
            ) -> Option<Self> {
                let table = Self::TABLE;
                $(
                    let $field: Option<$type> = table.read(
                        $crate::kinds::params::params!(@key $field $($key)?),
                        $crate::kinds::params::params!(@value $($default)?),
                        object, at, reader,
                    );
                )*
                table.check_names(object, at, reader);
                Some(Self { $($field: $field?),* })
            }

            /// Reads them for the sake of what is wrong with them.
            pub fn check(
                object: &serde_json::Map<String, serde_json::Value>,
                at: &$crate::kinds::params::At<'_>,
                reader: &mut $crate::kinds::params::Reader<'_>,
            ) {
                let _ = Self::read_object(object, at, reader);
            }
        }

        impl $crate::kinds::params::Parameter for $name {
            const NAME: &'static str = "object";
            const FIELDS: Option<&'static $crate::kinds::params::Table> = Some(&Self::TABLE);

            fn schema() -> serde_json::Value {
                $crate::kinds::params::object_schema(&Self::TABLE)
            }

            fn read(
                value: &serde_json::Value,
                at: &$crate::kinds::params::At<'_>,
                reader: &mut $crate::kinds::params::Reader<'_>,
            ) -> Option<Self> {
                let Some(object) = value.as_object() else {
                    reader.wrong_type(at, "an object", value);
                    return None;
                };
                Self::read_object(object, at, reader)
            }
        }
    };
    (@key $field:ident) => { stringify!($field) };
    (@key $field:ident $key:literal) => { $key };
    (@required $type:ty) => { <$type as $crate::kinds::params::Parameter>::REQUIRED };
    (@required $type:ty, $default:expr $(; $($required:ident)?)?) => { false };
    (@required $type:ty ;) => { <$type as $crate::kinds::params::Parameter>::REQUIRED };
    (@required $type:ty ; required) => { true };
    (@default $type:ty) => { None };
    (@default $type:ty, $default:expr) => {{
        let default: $type = $default;
        Some(serde_json::Value::from(default))
    }};
    (@value) => { None };
    (@value $default:expr) => { Some($default) };
    (@schema $type:ty) => { <$type as $crate::kinds::params::Parameter>::open_schema };
    (@schema $type:ty, fixed) => { <$type as $crate::kinds::params::Parameter>::schema };
    (@expression) => { true };
    (@expression fixed) => { false };
    (@with) => { None };
    (@with $other:ident [$($word:literal),+]) => {
        Some($crate::kinds::params::OnlyWith { param: stringify!($other), words: &[$($word),+] })
    };
}
pub(crate) use params;
