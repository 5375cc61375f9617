//! JSON values into typed ones, by our own rules: every value that does not fit is told, with its place, what was
//! expected there and what was found.
//!
//! A type's [`Shape`] accepts what its `Deserialize` accepts; that one reads texts that were accepted before, and stops
//! at the first misfit, in words of its own.

use domain::{
    items::name_of,
    violation::{Violation, ViolationCode as Code, Violations},
};
use serde_json::{Map, Value};

/// Nobody reads on after so many.
const MOST_TOLD: usize = 100;

/// A type that is read from a JSON value.
pub(super) trait Shape: Sized {
    /// The value, if it fits at the place `at`; if not, `misfits` has been told why.
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self>;
}

/// Reads a whole document.
///
/// # Errors
/// What does not fit.
pub(super) fn read<T: Shape>(value: Value) -> Result<T, Vec<Violation>> {
    let mut misfits = Violations::new();
    match T::read(value, "", &mut misfits) {
        Some(read) => misfits.or(read),
        None => Err(misfits.into_vec()),
    }
}

/// An object that is being read, field by field. What is not taken is left over.
pub(super) struct Fields<'m> {
    left: Map<String, Value>,
    at: String,
    misfits: &'m mut Violations,
}

impl<'m> Fields<'m> {
    /// The fields of an object.
    pub(super) fn of(value: Value, at: &str, misfits: &'m mut Violations) -> Option<Self> {
        let left = Shape::read(value, at, misfits)?;
        Some(Self { left, at: at.to_owned(), misfits })
    }

    /// A field that must be there.
    pub(super) fn required<T: Shape>(&mut self, name: &str) -> Option<T> {
        let Some(value) = self.left.shift_remove(name) else {
            self.misfits.add(self.place(name), Code::Required, format!("{name} is missing"));
            return None;
        };
        T::read(value, &self.place(name), self.misfits)
    }

    /// A field that may be missing, or null.
    pub(super) fn optional<T: Shape>(&mut self, name: &str) -> Option<Option<T>> {
        match self.left.shift_remove(name) {
            None | Some(Value::Null) => Some(None),
            Some(value) => T::read(value, &self.place(name), self.misfits).map(Some),
        }
    }

    /// A field that has a default when it is missing, or null.
    pub(super) fn or_default<T: Shape + Default>(&mut self, name: &str) -> Option<T> {
        self.optional(name).map(Option::unwrap_or_default)
    }

    /// What a field says does not go together with others.
    pub(super) fn misfit(&mut self, name: &str, why: &str) {
        self.misfits.add(self.place(name), Code::InvalidValue, why);
    }

    /// What is left, in its order.
    pub(super) fn rest(self) -> Map<String, Value> {
        self.left
    }

    /// Nothing may be left; `hint` says what to do about it.
    pub(super) fn nothing_else(self, hint: &str) -> Option<()> {
        for name in self.left.keys() {
            if self.misfits.len() >= MOST_TOLD {
                break;
            }
            let message = format!("{name:?} is not known here; {hint}");
            self.misfits.add(self.place(name), Code::UnknownField, message);
        }
        self.left.is_empty().then_some(())
    }

    fn place(&self, name: &str) -> String {
        if self.at.is_empty() { name.to_owned() } else { format!("{}.{name}", self.at) }
    }
}

/// Tells that a value has another type than expected.
pub(super) fn mistyped<T>(expected: &str, found: &Value, at: &str, misfits: &mut Violations) -> Option<T> {
    misfits.add(at, Code::InvalidType, format!("expected {expected}, found {}", name_of(found)));
    None
}

/// A value that is written as a string.
pub(super) fn parsed<T, E: ToString>(
    value: Value,
    at: &str,
    misfits: &mut Violations,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Option<T> {
    let text = String::read(value, at, misfits)?;
    parse(&text).map_err(|error| misfits.add(at, Code::InvalidValue, error.to_string())).ok()
}

/// One of a few names.
pub(super) fn chosen<T: Copy>(
    value: Value,
    at: &str,
    misfits: &mut Violations,
    choices: &[(&str, T)],
) -> Option<T> {
    parsed(value, at, misfits, |text| {
        choices.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice).ok_or_else(|| {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            format!("expected one of {}, found {text:?}", names.join(", "))
        })
    })
}

impl Shape for Value {
    fn read(value: Value, _: &str, _: &mut Violations) -> Option<Self> {
        Some(value)
    }
}

impl Shape for String {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        match value {
            Value::String(text) => Some(text),
            other => mistyped("a string", &other, at, misfits),
        }
    }
}

impl Shape for bool {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        value.as_bool().or_else(|| mistyped("a boolean", &value, at, misfits))
    }
}

impl Shape for u32 {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        let Value::Number(number) = &value else { return mistyped("a whole number", &value, at, misfits) };
        if let Some(number) = number.as_u64().and_then(|number| Self::try_from(number).ok()) {
            return Some(number);
        }
        let code = if number.is_f64() { Code::InvalidType } else { Code::InvalidValue };
        misfits.add(at, code, format!("expected a whole number from 0 to {}, found {number}", Self::MAX));
        None
    }
}

impl Shape for Map<String, Value> {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        match value {
            Value::Object(fields) => Some(fields),
            other => mistyped("an object", &other, at, misfits),
        }
    }
}

impl<T: Shape> Shape for Vec<T> {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        let Value::Array(list) = value else { return mistyped("a list", &value, at, misfits) };
        let mut fitting = Some(Self::with_capacity(list.len()));
        for (i, value) in list.into_iter().enumerate() {
            match (T::read(value, &format!("{at}[{i}]"), misfits), &mut fitting) {
                (Some(read), Some(fitting)) => fitting.push(read),
                _ if misfits.len() >= MOST_TOLD => return None,
                _ => fitting = None,
            }
        }
        fitting
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told<T: Shape>(value: Value) -> Vec<(String, &'static str, String)> {
        let misfits = read::<T>(value).err().unwrap_or_default();
        misfits.into_iter().map(|misfit| (misfit.path, misfit.code.as_str(), misfit.message)).collect()
    }

    #[test]
    fn a_misfit_says_what_was_expected_and_what_was_found() {
        for (value, code, message) in [
            (json!("7"), "invalid_type", "expected a whole number, found a string"),
            (json!(null), "invalid_type", "expected a whole number, found null"),
            (json!(1.5), "invalid_type", "expected a whole number from 0 to 4294967295, found 1.5"),
            (json!(-1), "invalid_value", "expected a whole number from 0 to 4294967295, found -1"),
            (
                json!(4_294_967_296_u64),
                "invalid_value",
                "expected a whole number from 0 to 4294967295, found 4294967296",
            ),
        ] {
            assert_eq!(told::<u32>(value), [(String::new(), code, message.to_owned())]);
        }
        assert_eq!(told::<bool>(json!("yes"))[0].2, "expected a boolean, found a string");
    }

    #[test]
    fn every_element_of_a_list_is_looked_at_but_not_without_end() {
        let places: Vec<_> =
            told::<Vec<bool>>(json!([true, 1, false, 2])).into_iter().map(|(at, ..)| at).collect();
        assert_eq!(places, ["[1]", "[3]"]);
        assert_eq!(told::<Vec<bool>>(json!(vec![0; 10_000])).len(), MOST_TOLD);
    }

    struct Nothing;

    impl Shape for Nothing {
        fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
            Fields::of(value, at, misfits)?.nothing_else("leave it out").map(|()| Self)
        }
    }

    #[test]
    fn every_field_that_is_not_known_is_told_but_not_without_end() {
        let found = told::<Vec<Nothing>>(json!([{}, {"a": 1, "b\n": 2}]));
        assert_eq!(
            found[0],
            ("[1].a".into(), "unknown_field", "\"a\" is not known here; leave it out".into())
        );
        assert_eq!(found[1].0, "[1].b\n");
        let many: Map<_, _> = (0..10_000).map(|n| (n.to_string(), json!(n))).collect();
        assert_eq!(told::<Nothing>(Value::Object(many)).len(), MOST_TOLD);
    }
}
