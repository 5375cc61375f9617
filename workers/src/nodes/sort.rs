//! `sort`: puts the items in another order.

use std::cmp::Ordering;

use domain::{
    items::Item,
    kinds::sort::{By, Key, Order, Params},
    order::{Case, Rank},
};

use super::{
    same::Same,
    whole::{Batch, Stopped},
};

pub(super) fn work(params: &Params, batch: &mut Batch<'_>) -> Result<(), Stopped> {
    let order = match &params.by {
        By::Keys(keys) => by_keys(keys, batch)?,
        By::Random => shuffled(batch)?,
    };
    order.into_iter().try_for_each(|index| batch.pass(index))
}

/// The places of the items in their order. Ranks are made once: comparing them costs little, since no two keys have the
/// same field.
fn by_keys(keys: &[Key], batch: &Batch<'_>) -> Result<Vec<usize>, Stopped> {
    keys.iter().try_for_each(|key| batch.require(&key.field))?;
    let mut ranked = Vec::with_capacity(batch.items.len());
    for item in batch.items {
        batch.in_time()?;
        ranked.push(keys.iter().map(|key| rank(key, item)).collect::<Vec<_>>());
    }
    let mut order: Vec<_> = (0..ranked.len()).collect();
    order.sort_by(|&a, &b| {
        let pairs = ranked[a].iter().zip(&ranked[b]).zip(keys);
        pairs
            .map(|((a, b), key)| compare(a, b, key.order))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    });
    Ok(order)
}

fn rank<'i>(key: &Key, item: &'i Item) -> Rank<'i> {
    Rank::of(key.field.get(item), if key.case_sensitive { Case::Differs } else { Case::Same })
}

/// What is missing comes last in both orders.
fn compare(a: &Rank<'_>, b: &Rank<'_>, order: Order) -> Ordering {
    match order {
        Order::Descending if *a != Rank::Missing && *b != Rank::Missing => b.cmp(a),
        _ => a.cmp(b),
    }
}

/// The places of the items in an order that only the step decides, so that it is the same when it is made again.
fn shuffled(batch: &Batch<'_>) -> Result<Vec<usize>, Stopped> {
    let task = batch.task;
    let step = [task.run.run_id.to_string(), task.name().0.to_owned(), task.step.iteration.to_string()];
    let mut order = Vec::with_capacity(batch.items.len());
    for index in 0..batch.items.len() {
        batch.in_time()?;
        let place = index.to_string();
        let drawn = Same::of_texts(step.iter().map(String::as_str).chain([place.as_str()]));
        order.push((drawn.bytes(), index));
    }
    order.sort_unstable();
    Ok(order.into_iter().map(|(_, index)| index).collect())
}
