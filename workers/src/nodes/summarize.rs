//! `summarize`: counts, adds up and compares fields over many items.

use domain::{
    items::Item,
    kinds::{
        params::path::FieldPath,
        summarize::{Form, Params},
    },
};
use serde_json::Value;

use super::{
    aggregate::head,
    groups::groups,
    same::Same,
    summary::{is_empty, summary, text_of},
    whole::{Batch, Stopped},
};

pub(super) fn work(params: &Params, batch: &mut Batch<'_>) -> Result<(), Stopped> {
    let groups = grouped(params, batch)?;
    match params.output {
        Form::Items => {
            for members in groups {
                let mut made = Item::new();
                head(&mut made, &params.group_by, &members, batch)?;
                summaries(&mut made, params, &members, batch)?;
                batch.emit(made, &members)?;
            }
            Ok(())
        }
        Form::OneItem => {
            let mut all = Item::new();
            for members in &groups {
                let place = nested(&mut all, params, members, batch)?;
                summaries(place, params, members, batch)?;
            }
            let mut members: Vec<_> = groups.into_iter().flatten().collect();
            members.sort_unstable();
            batch.emit(all, &members)
        }
    }
}

fn grouped(params: &Params, batch: &Batch<'_>) -> Result<Vec<Vec<usize>>, Stopped> {
    let by = &params.group_by;
    if by.is_empty() {
        return Ok(vec![(0..batch.items.len()).collect()]);
    }
    groups(batch, |item| {
        let values = || by.iter().map(|field| field.get(item));
        if params.skip_missing && values().any(is_empty) {
            return None;
        }
        Some(match params.output {
            Form::Items => Same::of(values()),
            Form::OneItem => Same::of_texts(by.iter().map(|field| name_of(field, item))),
        })
    })
}

/// What a group is called, as a field: `null` where nothing is.
fn name_of(field: &FieldPath, item: &Item) -> String {
    match field.get(item) {
        None | Some(Value::Null) => "null".to_owned(),
        Some(value) => text_of(value),
    }
}

/// The object of a group: in that of its first value the one of its second, …
fn nested<'a>(
    all: &'a mut Item,
    params: &Params,
    members: &[usize],
    batch: &mut Batch<'_>,
) -> Result<&'a mut Item, Stopped> {
    let items = batch.items;
    let mut here = all;
    for field in &params.group_by {
        let name = members.first().map_or_else(String::new, |&first| name_of(field, &items[first]));
        batch.account(name.len())?;
        let inner = here.entry(name).or_insert_with(|| Value::Object(Item::new()));
        // Groups have as many names each, so what has a name on the way is an object.
        let Value::Object(inner) = inner else { unreachable!("a group's object holds objects or summaries") };
        here = inner;
    }
    Ok(here)
}

fn summaries(
    made: &mut Item,
    params: &Params,
    members: &[usize],
    batch: &mut Batch<'_>,
) -> Result<(), Stopped> {
    for (target, wanted) in &params.values.0 {
        let value = summary(wanted, members, batch)?;
        target.set(made, value)?;
    }
    Ok(())
}
