//! What is computed of a field over some items.

use std::collections::HashSet;

use domain::{
    items::name_of,
    kinds::{
        params::path::FieldPath,
        summarize::{Op, Summary},
    },
    number,
    order::{Case, Rank},
    run::NodeError,
    sum::{Sum, TooLarge},
};
use serde_json::Value;

use super::{
    same::Same,
    whole::{Batch, Stopped},
};
use crate::expr::append_text;

/// Whether it is nothing: missing, `null`, an empty text.
pub(super) fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(_) => false,
    }
}

/// A value as text.
pub(super) fn text_of(value: &Value) -> String {
    let mut text = String::new();
    append_text(&mut text, &number::canonical(value));
    text
}

/// What is wanted of the items at these places.
pub(super) fn summary(wanted: &Summary, members: &[usize], batch: &mut Batch<'_>) -> Result<Value, Stopped> {
    batch.in_time()?;
    let Some(field) = &wanted.field else { return Ok(members.len().into()) };
    let items = batch.items;
    let all = members.iter().map(|&index| (index, field.get(&items[index])));
    let values = all.clone().filter_map(|(index, value)| Some((index, value.filter(|_| !is_empty(value))?)));
    Ok(match wanted.op {
        Op::Count => members.len().into(),
        Op::CountValues => values.count().into(),
        Op::CountUnique => {
            let mut different = HashSet::new();
            for (_, value) in values {
                batch.in_time()?;
                different.insert(Same::of([Some(value)]));
            }
            different.len().into()
        }
        Op::Sum => {
            let total = sum(field, values)?.total();
            Value::Number(total.map_err(|error| too_large(field, error))?)
        }
        Op::Avg => {
            let mean = sum(field, values)?.mean().map_err(|error| too_large(field, error))?;
            mean.map_or(Value::Null, Value::Number)
        }
        Op::Min => extreme(values.map(|(_, value)| value), |rank, best| rank < best, batch)?,
        Op::Max => extreme(values.map(|(_, value)| value), |rank, best| rank > best, batch)?,
        Op::Append => {
            let mut list = Vec::new();
            for (_, value) in all.filter(|(_, value)| wanted.include_empty || !is_empty(*value)) {
                list.push(batch.copy(value.unwrap_or(&Value::Null))?);
            }
            Value::Array(list)
        }
        Op::Concatenate if wanted.include_empty => {
            text(all.map(|(_, value)| value.unwrap_or(&Value::Null)), &wanted.separator, batch)?
        }
        Op::Concatenate => text(values.map(|(_, value)| value), &wanted.separator, batch)?,
    })
}

fn sum<'v>(
    field: &FieldPath,
    values: impl Iterator<Item = (usize, &'v Value)>,
) -> Result<Sum, Box<NodeError>> {
    let mut sum = Sum::default();
    for (index, value) in values {
        let Value::Number(number) = value else {
            let found = name_of(value);
            let message = format!(
                "item {index}: `{field}` is {found}, not a number; convert it before, for instance with Number(..) in `set`"
            );
            return Err(NodeError::new("invalid_value", message).into());
        };
        sum.add(number);
    }
    Ok(sum)
}

fn too_large(field: &FieldPath, error: TooLarge) -> NodeError {
    NodeError::new("invalid_value", format!("`{field}`: {error}"))
}

/// The first value that none is better than.
fn extreme<'v>(
    values: impl Iterator<Item = &'v Value>,
    better: impl Fn(&Rank<'v>, &Rank<'v>) -> bool,
    batch: &mut Batch<'_>,
) -> Result<Value, Stopped> {
    let mut best: Option<(Rank<'v>, &Value)> = None;
    for value in values {
        let rank = Rank::of(Some(value), Case::Differs);
        if best.as_ref().is_none_or(|(best, _)| better(&rank, best)) {
            best = Some((rank, value));
        }
    }
    best.map_or(Ok(Value::Null), |(_, value)| batch.copy(value))
}

fn text<'v>(
    values: impl Iterator<Item = &'v Value>,
    separator: &str,
    batch: &mut Batch<'_>,
) -> Result<Value, Stopped> {
    let mut text = String::new();
    for (count, value) in values.enumerate() {
        batch.in_time()?;
        let before = text.len();
        if count > 0 {
            text.push_str(separator);
        }
        append_text(&mut text, &number::canonical(value));
        batch.account(text.len() - before)?;
    }
    Ok(text.into())
}
