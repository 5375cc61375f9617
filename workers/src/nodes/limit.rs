//! `limit`: lets some items through, from the front or from the end.

use domain::kinds::limit::{End, Params};

use super::whole::{Batch, Stopped};

pub(super) fn work(params: &Params, batch: &mut Batch<'_>) -> Result<(), Stopped> {
    let all = batch.items.len();
    let count = usize::try_from(params.count.0).map_or(all, |count| count.min(all));
    let mut places = match params.from {
        End::First => 0..count,
        End::Last => all - count..all,
    };
    places.try_for_each(|index| batch.pass(index))
}
