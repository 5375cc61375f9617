//! What becomes of an expression's value, and of what it throws.
//!
//! `undefined`, `NaN` and the infinities are `null`; a date is its ISO text; lists and objects are what
//! `JSON.stringify` makes of them, numbers what it writes. Half of a surrogate pair is U+FFFD. Functions, symbols,
//! promises, big integers and cycles are errors.

use domain::{json, number};
use rquickjs::{Ctx, Error, Function, Type, Value as Js};
use serde_json::Value;

use super::compile::PROGRAM;
use crate::expr::native::FUNCTION;

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
        Type::Float => {
            let number = value.as_float().and_then(number::from_f64);
            Ok(number.map_or(Value::Null, Value::Number))
        }
        Type::String => match value.get::<String>() {
            Ok(text) => bounded(text, limit).map(Value::String),
            // Only JSON has a way to write half of a surrogate pair.
            Err(Error::Utf8(_)) => data(ctx, value, to_json, limit),
            Err(error) => Err(thrown(error)),
        },
        Type::Function | Type::Constructor => Err(FUNCTION.to_owned()),
        Type::Symbol => Err("the result is a symbol, which is no data".to_owned()),
        Type::BigInt => {
            Err("the result is a BigInt, which JSON cannot hold; use Number(..) or String(..)".to_owned())
        }
        _ => data(ctx, value, to_json, limit),
    }
}

/// What goes through JSON.
fn data<'js>(ctx: &Ctx<'js>, value: Js<'js>, to_json: &Function<'js>, limit: usize) -> Result<Value, String> {
    let text: Option<String> = to_json.call((value,)).map_err(|error| describe(ctx, &error))?;
    let text = bounded(text.unwrap_or_else(|| "null".to_owned()), limit)?;
    json::parse(text.as_bytes()).map_err(|error| format!("the result cannot be kept as JSON: {error}"))
}

fn bounded(text: String, limit: usize) -> Result<String, String> {
    if text.len() > limit {
        return Err(format!("the result has {} bytes, above the limit of {limit} bytes", text.len()));
    }
    Ok(text)
}

/// What `throw null` comes to, and what the engine does when it has no memory left for an error.
pub(super) const THREW_NULL: &str = "it threw null";

/// As [`describe`], with the line of the program at which it was thrown.
pub(super) fn describe_in_program(ctx: &Ctx<'_>, error: &Error) -> String {
    if matches!(error, Error::WouldBlock) {
        return "it waits for a promise that nobody keeps".to_owned();
    }
    let thrown = matches!(error, Error::Exception).then(|| ctx.catch());
    let stack =
        thrown.as_ref().and_then(|thrown| thrown.as_object()?.get::<_, Option<String>>("stack").ok()?);
    let line = stack.as_deref().and_then(line);
    if let Some(thrown) = thrown {
        ctx.throw(thrown);
    }
    let what = describe(ctx, error);
    line.map_or_else(|| what.clone(), |line| format!("line {line}: {what}"))
}

/// The line of the first place of a stack that is in a program: `at name (program:3:10)`, or `(<input>:3:10)` in one
/// that is evaluated as a text.
fn line(stack: &str) -> Option<u32> {
    let within = |name: String| {
        let place = stack.lines().find_map(|place| Some(place.split_once(&name)?.1))?;
        place.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    within(format!("{PROGRAM}:")).or_else(|| within("(<input>:".to_owned()))
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
                _ if thrown.is_null() => THREW_NULL.to_owned(),
                _ => thrown
                    .get::<String>()
                    .unwrap_or_else(|_| "it threw something that is no error".to_owned()),
            }
        }
        other => other.to_string(),
    }
}
