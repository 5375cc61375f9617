//! Joins left and right items whose keys are equal.

use std::collections::HashMap;

use domain::{
    kinds::merge::{Join, KeyFields, Keys, Matches, Params},
    run::NodeError,
};

use super::{
    joined::{Incoming, Joined},
    sides::Sides,
};
use crate::nodes::same::Same;

/// The items of a side by their keys.
struct Partners {
    by_key: HashMap<Same, usize>,
    groups: Vec<Group>,
    /// The group of each item; `None`: it has no key.
    group_of: Vec<Option<usize>>,
}

/// Items with one key.
#[derive(Default)]
struct Group {
    places: Vec<usize>,
    /// Whether the other side has the key too.
    met: bool,
}

impl Partners {
    fn of(items: &[Incoming<'_>], key: &KeyFields, joined: &Joined<'_>) -> Result<Self, Box<NodeError>> {
        let mut partners = Self { by_key: HashMap::new(), groups: Vec::new(), group_of: Vec::new() };
        for (place, one) in items.iter().enumerate() {
            joined.in_time()?;
            let group = Same::key_of(one.item, &key.0).map(|key| {
                let group = *partners.by_key.entry(key).or_insert(partners.groups.len());
                if group == partners.groups.len() {
                    partners.groups.push(Group::default());
                }
                partners.groups[group].places.push(place);
                group
            });
            partners.group_of.push(group);
        }
        Ok(partners)
    }

    /// The places of an item's partners, which have met one now.
    fn meet(&mut self, one: Incoming<'_>, key: &KeyFields) -> &[usize] {
        let group = Same::key_of(one.item, &key.0).and_then(|key| self.by_key.get(&key).copied());
        let Some(group) = group.and_then(|group| self.groups.get_mut(group)) else { return &[] };
        group.met = true;
        &group.places
    }

    /// Whether the item at that place is no item's partner.
    fn is_alone(&self, place: usize) -> bool {
        self.group_of[place].is_none_or(|group| !self.groups[group].met)
    }
}

/// Joins the two sides; items leave in the order of the left one, with `join: right` in that of the right one.
pub(super) fn join(
    sides: &Sides<'_>,
    keys: &Keys,
    params: &Params,
    joined: &mut Joined<'_>,
) -> Result<(), Box<NodeError>> {
    if !sides.others.is_empty() {
        let message = "mode `by_key` joins two inputs, and more edges than that lead here";
        return Err(NodeError::new("invalid_inputs", message).into());
    }
    let (left, right) =
        ((&sides.left, &keys.left), (&sides.right, keys.right.as_ref().unwrap_or(&keys.left)));
    let from_right = params.join == Join::Right;
    let ((leading, leading_key), (following, following_key)) =
        if from_right { (right, left) } else { (left, right) };
    let most = match params.matches {
        Matches::All => usize::MAX,
        Matches::First => 1,
    };
    let mut partners = Partners::of(following, following_key, joined)?;
    for &one in leading {
        joined.in_time()?;
        let found = partners.meet(one, leading_key);
        match params.join {
            Join::Inner | Join::Left | Join::Right | Join::Outer => {
                for &place in found.iter().take(most) {
                    let other = following[place];
                    joined.push(&if from_right { [other, one] } else { [one, other] })?;
                }
                if found.is_empty() && params.join != Join::Inner {
                    joined.push(&[one])?;
                }
            }
            Join::Semi if !found.is_empty() => joined.push_plain(one)?,
            Join::Anti | Join::Unmatched if found.is_empty() => joined.push_plain(one)?,
            Join::Semi | Join::Anti | Join::Unmatched => {}
        }
    }
    let alone = following.iter().enumerate().filter(|(place, _)| partners.is_alone(*place));
    for (_, &one) in alone {
        match params.join {
            Join::Outer => joined.push(&[one])?,
            Join::Unmatched => joined.push_plain(one)?,
            _ => break,
        }
    }
    Ok(())
}
