//! Whose timers are due, in fair turns.
//!
//! The timers are in the journal; here is the first moment of each stream of them: a tenant's of one lane. However many
//! of a stream are due, it has a part of a turn like the others that are, and then comes after them.

use std::collections::{BTreeSet, HashMap, VecDeque};

use domain::{ids::TenantId, timestamp::Timestamp};

use crate::journal::Lane;

/// A tenant's timers of one lane.
pub(super) type Stream = (Lane, TenantId);

#[derive(Debug, Default)]
pub(super) struct Due {
    /// Streams of which nothing was due when it was looked last, by their first moments.
    later: BTreeSet<(Timestamp, Stream)>,
    /// Streams of which something is due, whose turn it is first.
    ring: VecDeque<Stream>,
    streams: HashMap<Stream, Place>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Later(Timestamp),
    Ring,
}

impl Due {
    /// A timer is set: the first moment of its stream is not later than this.
    pub(super) fn set(&mut self, stream: &Stream, at: Timestamp) {
        match self.streams.get(stream) {
            Some(Place::Ring) => {}
            Some(Place::Later(first)) if *first <= at => {}
            _ => self.put(stream.clone(), Some(at)),
        }
    }

    /// The first moment of a stream, as the journal says; `None`: there is no timer any more.
    pub(super) fn put(&mut self, stream: Stream, first: Option<Timestamp>) {
        match self.streams.remove(&stream) {
            Some(Place::Later(at)) => {
                self.later.remove(&(at, stream.clone()));
            }
            Some(Place::Ring) => self.ring.retain(|other| *other != stream),
            None => {}
        }
        if let Some(at) = first {
            self.later.insert((at, stream.clone()));
            self.streams.insert(stream, Place::Later(at));
        }
    }

    /// A stream that was taken, and had nothing of its turn.
    pub(super) fn put_first(&mut self, stream: Stream) {
        self.put(stream.clone(), None);
        self.ring.push_front(stream.clone());
        self.streams.insert(stream, Place::Ring);
    }

    /// The first moment of the streams of which nothing was due; `None`: there is none.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.later.first().map(|(at, _)| *at)
    }

    /// Whether something is due that has to wait.
    pub(super) fn is_held_up(&self) -> bool {
        !self.ring.is_empty()
    }

    /// Whether something is due that may fire.
    pub(super) fn has_due(&mut self, now: Timestamp, may: impl FnMut(&Stream) -> bool) -> bool {
        self.wake(now);
        self.ring.iter().any(may)
    }

    /// Takes the streams whose turn it is: of which something is due, and which may fire; so many at most. They come
    /// back by [`Self::put`].
    pub(super) fn take(
        &mut self,
        now: Timestamp,
        most: usize,
        mut may: impl FnMut(&Stream) -> bool,
    ) -> Vec<Stream> {
        self.wake(now);
        let (mut taken, mut left) = (Vec::new(), VecDeque::with_capacity(self.ring.len()));
        for stream in self.ring.drain(..) {
            if taken.len() < most && may(&stream) {
                self.streams.remove(&stream);
                taken.push(stream);
            } else {
                left.push_back(stream);
            }
        }
        self.ring = left;
        taken
    }

    fn wake(&mut self, now: Timestamp) {
        while self.later.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, stream)) = self.later.pop_first() else { break };
            self.streams.insert(stream.clone(), Place::Ring);
            self.ring.push_back(stream);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(lane: Lane, name: &str) -> Stream {
        (lane, TenantId::parse(name).unwrap())
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_stream_with_much_that_was_due_long_ago_comes_after_the_others_once_it_had_its_turn() {
        let (busy, one, two) =
            (stream(Lane::Wake, "busy"), stream(Lane::Wake, "one"), stream(Lane::Begin, "two"));
        let mut due = Due::default();
        due.set(&busy, at(1));
        assert_eq!(due.take(at(9), 1, |_| true), std::slice::from_ref(&busy));
        due.set(&one, at(8));
        due.set(&two, at(9));
        due.put(busy.clone(), Some(at(1)));
        // What was due first is first, but only in its first turn.
        assert_eq!(due.take(at(9), 1, |_| true), std::slice::from_ref(&busy));
        due.put(busy.clone(), Some(at(1)));
        assert_eq!(due.take(at(9), 2, |_| true), [one.clone(), two]);
        assert_eq!(due.take(at(9), 2, |_| true), [busy]);
        assert_eq!(due.take(at(9), 2, |_| true), []);
        assert_eq!(due.next(), None, "nothing is kept of streams without timers");
        due.put(one, None);
        assert!(due.streams.is_empty());
    }

    #[test]
    fn a_stream_that_may_not_fire_keeps_its_turn_and_holds_up_nobody() {
        let (full, other) = (stream(Lane::Begin, "full"), stream(Lane::Begin, "other"));
        let mut due = Due::default();
        due.set(&full, at(1));
        due.set(&other, at(2));
        let room = |stream: &Stream| stream.1.as_str() != "full";
        assert!(due.has_due(at(2), room));
        assert_eq!(due.take(at(2), 9, room), [other]);
        assert!(!due.has_due(at(2), room) && due.is_held_up());
        due.set(&full, at(0));
        assert_eq!(due.next(), None, "it is due already");
        assert_eq!(due.take(at(2), 9, |_| true), std::slice::from_ref(&full));
        due.put_first(full.clone());
        assert_eq!(due.take(at(2), 9, |_| true), [full]);
    }

    #[test]
    fn the_first_moment_counts_and_nothing_fires_before_it() {
        let one = stream(Lane::Wake, "one");
        let mut due = Due::default();
        for millis in [30, 20, 25] {
            due.set(&one, at(millis));
        }
        assert_eq!(due.next(), Some(at(20)));
        assert_eq!(due.take(at(19), 9, |_| true), []);
        due.put(one.clone(), Some(at(25)));
        assert_eq!((due.next(), due.later.len()), (Some(at(25)), 1));
        assert_eq!(due.take(at(25), 9, |_| true), [one]);
    }
}
