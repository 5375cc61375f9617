//! Items in groups.

use std::collections::HashMap;

use domain::items::Item;

use super::{
    same::Same,
    whole::{Batch, Stopped},
};

/// The places of the items of each group, groups in the order of their first items. `key` says which one an item belongs
/// to; `None` leaves it out.
pub(super) fn groups(
    batch: &Batch<'_>,
    key: impl Fn(&Item) -> Option<Same>,
) -> Result<Vec<Vec<usize>>, Stopped> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut known: HashMap<Same, usize> = HashMap::new();
    for (index, item) in batch.items.iter().enumerate() {
        batch.in_time()?;
        let Some(key) = key(item) else { continue };
        let group = *known.entry(key).or_insert(groups.len());
        match groups.get_mut(group) {
            Some(members) => members.push(index),
            None => groups.push(vec![index]),
        }
    }
    Ok(groups)
}
