//! `aggregate`: makes one item of many, with lists in it.

use domain::{
    items::Item,
    kinds::{
        aggregate::Params,
        params::{fields::without, path::FieldPath},
    },
};
use serde_json::Value;

use super::{
    groups::groups,
    same::Same,
    whole::{Batch, Stopped},
};

pub(super) fn work(params: &Params, batch: &mut Batch<'_>) -> Result<(), Stopped> {
    let groups = if params.group_by.is_empty() {
        vec![(0..batch.items.len()).collect()]
    } else {
        groups(batch, |item| Some(Same::of(params.group_by.iter().map(|field| field.get(item)))))?
    };
    for members in groups {
        let mut made = Item::new();
        head(&mut made, &params.group_by, &members, batch)?;
        if let Some(into) = &params.into {
            into.set(&mut made, whole_items(params, &members, batch)?)?;
        }
        for (target, field) in &params.values.0 {
            target.set(&mut made, values(params, field, &members, batch)?)?;
        }
        batch.emit(made, &members)?;
    }
    Ok(())
}

/// A group's item has the values that made it one, as its first member has them.
pub(super) fn head(
    made: &mut Item,
    group_by: &[FieldPath],
    members: &[usize],
    batch: &mut Batch<'_>,
) -> Result<(), Stopped> {
    let (items, null) = (batch.items, Value::Null);
    let first = members.first().and_then(|&first| items.get(first));
    for field in group_by {
        let value = first.and_then(|item| field.get(item)).unwrap_or(&null);
        field.set(made, batch.copy(value)?)?;
    }
    Ok(())
}

fn whole_items(params: &Params, members: &[usize], batch: &mut Batch<'_>) -> Result<Value, Stopped> {
    let items = batch.items;
    let mut list = Vec::with_capacity(members.len());
    for &index in members {
        let item = without(&params.except, params.fields.of(&items[index])?);
        if item.is_empty() && params.is_restricted() && !params.keep_missing {
            continue;
        }
        list.push(Value::Object(batch.copy_item(&item)?));
    }
    Ok(Value::Array(list))
}

fn values(
    params: &Params,
    field: &FieldPath,
    members: &[usize],
    batch: &mut Batch<'_>,
) -> Result<Value, Stopped> {
    batch.in_time()?;
    let (items, null) = (batch.items, Value::Null);
    let mut list = Vec::new();
    for value in members.iter().map(|&index| field.get(&items[index]).unwrap_or(&null)) {
        let values = match value {
            Value::Array(inner) if params.merge_lists => inner.as_slice(),
            one => std::slice::from_ref(one),
        };
        for value in values.iter().filter(|value| params.keep_missing || !value.is_null()) {
            list.push(batch.copy(value)?);
        }
    }
    Ok(Value::Array(list))
}
