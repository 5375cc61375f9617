//! What a step's calls may bring together: no more than the step may give, else a large list of large answers would fill
//! the memory first.

use std::sync::{Mutex, PoisonError};

use domain::{
    limits::{MAX_ITEMS, MAX_STEP_OUTPUT_BYTES},
    measure::value_bytes_within,
    run::NodeError,
};

use super::{
    gathered::Gathered,
    partial::{Partial, Settled},
};
use crate::nodes::output::{measure_item, within};

/// More levels than anything has that was read.
pub(super) const ANY_DEPTH: usize = 256;

/// What a step's calls have brought so far.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// Of items that are settled.
    bytes: usize,
    items: usize,
    /// Of failures that may be tried again.
    waiting: usize,
}

/// How much something is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Size {
    pub(super) items: usize,
    /// As compact JSON.
    pub(super) bytes: usize,
}

/// What an item's pages take while further ones are asked for.
pub(super) struct Held<'r> {
    room: &'r Mutex<Room>,
    size: Size,
}

impl<'r> Held<'r> {
    pub(super) const fn nothing(room: &'r Mutex<Room>) -> Self {
        Self { room, size: Size { items: 0, bytes: 0 } }
    }

    /// Takes room for more.
    ///
    /// # Errors
    /// When it is more than the step may give.
    pub(super) fn more(&mut self, size: Size) -> Result<(), Box<NodeError>> {
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        for (held, more) in [(&mut self.size.items, size.items), (&mut self.size.bytes, size.bytes)] {
            *held = held.saturating_add(more);
        }
        room.items = room.items.saturating_add(size.items);
        room.bytes = room.bytes.saturating_add(size.bytes);
        room.check()
    }
}

/// It is settled or kept from now on, and counted as such.
impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        room.items = room.items.saturating_sub(self.size.items);
        room.bytes = room.bytes.saturating_sub(self.size.bytes);
    }
}

impl Room {
    /// Counts what leaves in the item's place, or is kept with the others until the next attempt.
    ///
    /// # Errors
    /// When it is more than the step may give.
    pub(super) fn settled(&mut self, settled: &Settled) -> Result<(), Box<NodeError>> {
        match settled {
            Settled::Done(items) => {
                self.items += items.len();
                for item in items {
                    self.bytes += measure_item(item)?;
                }
            }
            Settled::Failed(error) => self.bytes += measure_error(error),
        }
        self.check()
    }

    /// What earlier attempts left.
    ///
    /// # Errors
    /// When it is more than the step may give.
    pub(super) fn with(partial: &Partial) -> Result<Self, Box<NodeError>> {
        let mut room = Self::default();
        partial.items.values().try_for_each(|settled| room.settled(settled))?;
        partial.pages.values().for_each(|pages| room.bytes += pages.kept_bytes());
        Ok(room)
    }

    /// Counts pages that are kept until the next attempt. `false`: there is no room, and they must be fetched again.
    pub(super) fn keep(&mut self, pages: &Gathered) -> bool {
        let bytes = self.bytes.saturating_add(pages.kept_bytes());
        let has_room = bytes <= MAX_STEP_OUTPUT_BYTES;
        if has_room {
            self.bytes = bytes;
        }
        has_room
    }

    /// The item of kept pages goes on.
    pub(super) fn release(&mut self, pages: &Gathered) {
        self.bytes = self.bytes.saturating_sub(pages.kept_bytes());
    }

    fn check(&self) -> Result<(), Box<NodeError>> {
        within("MAX_ITEMS", "items by one port", self.items, MAX_ITEMS)?;
        within("MAX_STEP_OUTPUT_BYTES", "bytes", self.bytes, MAX_STEP_OUTPUT_BYTES)
    }

    /// Counts a failure that may be tried again. It must not end the step for good, so above the bound it loses its
    /// details.
    pub(super) fn waiting(&mut self, error: &mut NodeError) {
        if self.bytes + self.waiting + measure_error(error) > MAX_STEP_OUTPUT_BYTES {
            error.details = None;
        }
        self.waiting += measure_error(error);
    }
}

fn measure_error(error: &NodeError) -> usize {
    let details = error.details.as_ref();
    let bytes = details.map_or(0, |details| value_bytes_within(details, ANY_DEPTH).unwrap_or(usize::MAX / 2));
    bytes.saturating_add(error.message.len())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn refused(bytes: usize) -> NodeError {
        // As deep as what a server answers may be.
        let body = (0..120).fold(json!("x".repeat(bytes)), |inner, _| json!([inner]));
        NodeError::new("http_status", "it answered 503").with_details(json!({ "body": body }))
    }

    #[test]
    fn failures_that_may_be_tried_again_are_all_kept_and_those_above_the_bound_without_details() {
        let mut room = Room::default();
        let mut errors = vec![refused(60_000); 10_000 / 60];
        errors.iter_mut().for_each(|error| room.waiting(error));
        let told: usize =
            errors.iter().filter_map(|error| error.details.as_ref()).map(|it| it.to_string().len()).sum();
        assert!(errors[0].details.is_some() && errors.last().unwrap().details.is_none());
        assert!((MAX_STEP_OUTPUT_BYTES / 2..=MAX_STEP_OUTPUT_BYTES).contains(&told), "{told}");
        assert!(errors.iter().all(|error| error.message == "it answered 503"));
        let item = domain::items::Item::from_iter([("a".to_owned(), Value::from(1))]);
        assert!(room.settled(&Settled::Done(vec![item])).is_ok(), "the others have their room still");
    }

    #[test]
    fn failures_for_good_are_counted_as_what_leaves() {
        let mut room = Room::default();
        let failed = Settled::Failed(refused(60_000).into());
        let above = (0..MAX_STEP_OUTPUT_BYTES / 60_000 + 1).find_map(|_| room.settled(&failed).err());
        assert_eq!(above.unwrap().code, "limit");
    }
}
