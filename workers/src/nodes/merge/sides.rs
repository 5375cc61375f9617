//! The inputs, and what is joined by their order alone.

use domain::{
    kinds::merge::{Choice, Join},
    lineage::Origin,
    run::NodeError,
};

use super::joined::{Incoming, Joined};
use crate::step::Inputs;

/// The inputs in their places: left, right, then whatever else there is.
pub(super) struct Sides<'i> {
    pub(super) left: Vec<Incoming<'i>>,
    pub(super) right: Vec<Incoming<'i>>,
    pub(super) others: Vec<Vec<Incoming<'i>>>,
}

impl<'i> Sides<'i> {
    /// Edges without a name got one when the workflow was read, as long as places were free.
    pub(super) fn of(inputs: &'i Inputs) -> Self {
        let mut sides = Self { left: Vec::new(), right: Vec::new(), others: Vec::new() };
        for from in &inputs.0 {
            let number = match from.name.as_deref() {
                Some("left") => 1,
                Some("right") => 2,
                _ => 3 + sides.others.len(),
            };
            let incoming = (0u32..).zip(from.items.iter()).map(|(place, item)| Incoming {
                item,
                origin: Origin { input: from.place, item: place },
                input: number,
            });
            match number {
                1 => sides.left.extend(incoming),
                2 => sides.right.extend(incoming),
                _ => sides.others.push(incoming.collect()),
            }
        }
        sides
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Vec<Incoming<'i>>> {
        [&self.left, &self.right].into_iter().chain(&self.others)
    }

    pub(super) fn chosen(&self, choice: Choice) -> &[Incoming<'i>] {
        match choice {
            Choice::Left => &self.left,
            Choice::Right => &self.right,
            Choice::FirstNonEmpty => self.all().find(|items| !items.is_empty()).map_or(&[], Vec::as_slice),
        }
    }

    /// The others count as further right inputs.
    pub(super) fn by_position(&self, join: Join, joined: &mut Joined<'_>) -> Result<(), Box<NodeError>> {
        let all: Vec<_> = self.all().collect();
        let longest = all.iter().map(|items| items.len()).max().unwrap_or(0);
        for index in 0..longest {
            joined.in_time()?;
            let present: Vec<_> = all.iter().filter_map(|items| items.get(index).copied()).collect();
            let (left, right) = (index < self.left.len(), index < self.right.len());
            match join {
                Join::Inner if present.len() == all.len() => joined.push(&present)?,
                Join::Left if left => joined.push(&present)?,
                Join::Right if right => joined.push(&present)?,
                Join::Outer => joined.push(&present)?,
                Join::Semi if left && present.len() > 1 => joined.push_plain(present[0])?,
                Join::Anti if left && present.len() == 1 => joined.push_plain(present[0])?,
                Join::Unmatched if present.len() == 1 => joined.push_plain(present[0])?,
                Join::Inner | Join::Left | Join::Right | Join::Semi | Join::Anti | Join::Unmatched => {}
            }
        }
        Ok(())
    }

    /// Every item of an input with every one of the others; those of the last input change first. The output's limits
    /// end what would be too much.
    pub(super) fn combinations(&self, joined: &mut Joined<'_>) -> Result<(), Box<NodeError>> {
        let all: Vec<_> = self.all().collect();
        if all.iter().any(|items| items.is_empty()) {
            return Ok(());
        }
        let mut places = vec![0; all.len()];
        loop {
            joined.in_time()?;
            let parts: Vec<_> = all.iter().zip(&places).map(|(items, &place)| items[place]).collect();
            joined.push(&parts)?;
            // As one counts: the last place that is not full goes on, those behind it begin anew.
            let Some(next) = (0..all.len()).rfind(|&input| places[input] + 1 < all[input].len()) else {
                return Ok(());
            };
            places[next] += 1;
            places[next + 1..].fill(0);
        }
    }
}
