//! Committed offsets: in memory at once, on disk with the writer's next commit or a little later.

use std::{collections::HashMap, sync::Arc};

use super::tables::StoredOffset;

/// (group, topic id, partition).
pub(super) type OffsetKey = (Arc<str>, u32, u32);

/// What the groups have handled.
#[derive(Debug, Default)]
pub(super) struct Offsets {
    committed: HashMap<OffsetKey, u64>,
    dirty: HashMap<OffsetKey, u64>,
    /// The writer knows that it has to look at `dirty` by itself.
    armed: bool,
}

impl Offsets {
    pub(super) fn new(stored: Vec<StoredOffset>) -> Self {
        let committed = stored.into_iter().map(|o| ((o.group, o.topic, o.partition), o.next)).collect();
        Self { committed, ..Self::default() }
    }

    pub(super) fn get(&self, key: &OffsetKey) -> Option<u64> {
        self.committed.get(key).copied()
    }

    /// Notes an offset; `true`: the writer has to be told that there is something to make durable.
    pub(super) fn commit(&mut self, key: OffsetKey, next: u64) -> bool {
        self.committed.insert(key.clone(), next);
        self.dirty.insert(key, next);
        !std::mem::replace(&mut self.armed, true)
    }

    /// Takes what is not durable yet.
    pub(super) fn take_dirty(&mut self) -> HashMap<OffsetKey, u64> {
        std::mem::take(&mut self.dirty)
    }

    /// Gives back what could not be made durable, unless there is something newer.
    pub(super) fn put_back(&mut self, dirty: HashMap<OffsetKey, u64>) {
        for (key, next) in dirty {
            self.dirty.entry(key).or_insert(next);
        }
    }

    /// The timer ran out: `true` when there is something to write, else the writer may forget the timer.
    pub(super) fn timer_fired(&mut self) -> bool {
        self.armed = !self.dirty.is_empty();
        self.armed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_writer_is_told_once_and_not_again_while_its_timer_runs() {
        let mut offsets = Offsets::default();
        let key = || (Arc::from("g"), 1, 0);
        assert!(offsets.commit(key(), 1));
        assert!(!offsets.commit(key(), 2));
        assert_eq!(offsets.take_dirty(), HashMap::from([(key(), 2)]));
        assert!(!offsets.commit(key(), 3), "the timer still runs after a commit that took offsets along");
        assert!(offsets.timer_fired());
        offsets.take_dirty();
        assert!(!offsets.timer_fired());
        assert!(offsets.commit(key(), 4));
    }

    #[test]
    fn a_failed_write_does_not_bring_back_an_older_offset() {
        let mut offsets = Offsets::default();
        let key: OffsetKey = (Arc::from("g"), 1, 0);
        offsets.commit(key.clone(), 5);
        let taken = offsets.take_dirty();
        offsets.commit(key.clone(), 9);
        offsets.put_back(taken);
        assert_eq!(offsets.take_dirty(), HashMap::from([(key, 9)]));
    }
}
