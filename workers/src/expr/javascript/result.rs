//! What becomes of an expression's value, and of what it throws.
//!
//! `undefined`, `NaN` and the infinities are `null`; a date is its ISO text; lists and objects are what
//! `JSON.stringify` makes of them. Functions, symbols, promises, big integers and cycles are errors.

use rquickjs::{Ctx, Error, Function, Type, Value as Js};
use serde_json::{Number, Value};

/// Largest whole number that JavaScript counts exactly: 2^53 - 1.
const MAX_SAFE: f64 = 9_007_199_254_740_991.0;

/// The value as JSON, at most `limit` bytes of it.
pub(super) fn read<'js>(
    ctx: &Ctx<'js>,
    value: Js<'js>,
    to_json: &Function<'js>,
    limit: usize,
) -> Result<Value, String> {
    let thrown = |error| describe(ctx, &error);
    match value.type_of() {
        Type::Uninitialized | Type::Undefined | Type::Null => Ok(Value::Null),
        Type::Bool => Ok(Value::Bool(value.as_bool().unwrap_or_default())),
        Type::Int => Ok(Value::from(value.as_int().unwrap_or_default())),
        Type::Float => Ok(number(value.as_float().unwrap_or_default())),
        Type::String => {
            let text: String = value.get().map_err(thrown)?;
            bounded(text, limit).map(Value::String)
        }
        Type::Function | Type::Constructor => Err("the result is a function; call it with ()".to_owned()),
        Type::Symbol => Err("the result is a symbol, which is no data".to_owned()),
        Type::BigInt => {
            Err("the result is a BigInt, which JSON cannot hold; use Number(..) or String(..)".to_owned())
        }
        _ => {
            let text: Option<String> = to_json.call((value,)).map_err(thrown)?;
            let text = bounded(text.unwrap_or_else(|| "null".to_owned()), limit)?;
            serde_json::from_str(&text).map_err(|error| format!("the result cannot be kept as JSON: {error}"))
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "whole and within the safe range")]
fn number(float: f64) -> Value {
    if float.fract() == 0.0 && float.abs() <= MAX_SAFE {
        return Value::from(float as i64);
    }
    Number::from_f64(float).map_or(Value::Null, Value::Number)
}

fn bounded(text: String, limit: usize) -> Result<String, String> {
    if text.len() > limit {
        return Err(format!("the result has {} bytes, above the limit of {limit} bytes", text.len()));
    }
    Ok(text)
}

/// What was thrown, in words.
pub(super) fn describe(ctx: &Ctx<'_>, error: &Error) -> String {
    match error {
        Error::Exception => {
            let thrown = ctx.catch();
            let part = |name: &str| {
                thrown.as_object().and_then(|object| object.get::<_, Option<String>>(name).ok().flatten())
            };
            match (part("name"), part("message")) {
                (Some(name), Some(message)) if name != "Error" => format!("{name}: {message}"),
                (_, Some(message)) => message,
                _ if thrown.is_null() => "out of memory".to_owned(),
                _ => thrown
                    .get::<String>()
                    .unwrap_or_else(|_| "it threw something that is no error".to_owned()),
            }
        }
        Error::Utf8(_) => "the result holds half of a surrogate pair".to_owned(),
        other => other.to_string(),
    }
}
