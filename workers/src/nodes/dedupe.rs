//! `dedupe`: drops items that are the same as others.

use std::{borrow::Cow, collections::HashSet};

use domain::{
    items::Item,
    kinds::{
        dedupe::{Params, Stays},
        params::fields::{Which, without},
    },
};

use super::{
    same::Same,
    whole::{Batch, Stopped},
};

pub(super) fn work(params: &Params, batch: &mut Batch<'_>) -> Result<(), Stopped> {
    if let Which::These(fields) = &params.fields {
        fields.iter().try_for_each(|field| batch.require(field))?;
    }
    let mut places: Vec<_> = (0..batch.items.len()).collect();
    if params.keep == Stays::Last {
        places.reverse();
    }
    let (mut seen, mut stays) = (HashSet::new(), vec![true; places.len()]);
    for index in places {
        batch.in_time()?;
        if let Some(same) = same(params, &batch.items[index]) {
            stays[index] = seen.insert(same);
        }
    }
    (0..stays.len()).filter(|&index| stays[index]).try_for_each(|index| batch.pass(index))
}

/// What an item has in common with its duplicates; `None`: it can have none.
fn same(params: &Params, item: &Item) -> Option<Same> {
    let item = without(&params.except, Cow::Borrowed(item));
    match &params.fields {
        Which::All => Some(Same::of_item(&item)),
        Which::These(fields) => {
            let values = || fields.iter().map(|field| field.get(&item));
            values().any(|value| value.is_some_and(|value| !value.is_null())).then(|| Same::of(values()))
        }
    }
}
