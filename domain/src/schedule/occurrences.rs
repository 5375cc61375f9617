//! The moments of a schedule.

use std::time::Duration;

use super::{ClockChange, Schedule, ScheduleKey, When, cron::END_OF_TIME};
use crate::timestamp::Timestamp;

impl Schedule {
    /// Its first planned moment after that one.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        // `start` is a moment of it too.
        let before_start = self.start.map(|start| start.minus(Duration::from_millis(1)));
        let after = before_start.map_or(after, |before| after.max(before));
        let next = match &self.when {
            When::Cron(cron) => cron.next_after(after, self.zone)?,
            When::Every { every, from } => next_of(*every, *from, after)?,
        };
        (next < END_OF_TIME && self.end.is_none_or(|end| next <= end)).then_some(next)
    }

    /// Its planned moments after that one.
    pub fn all_after(&self, after: Timestamp) -> impl Iterator<Item = Timestamp> {
        std::iter::successors(self.next_after(after), |last| self.next_after(*last))
    }

    /// The last planned moment from `first` to `until`, both among them; `first` is one.
    ///
    /// There may be millions between, so it is not counted up to it: the next one after a moment says whether there is one
    /// before another, and that is halved.
    #[must_use]
    pub fn last_until(&self, first: Timestamp, until: Timestamp) -> Option<Timestamp> {
        if first > until {
            return None;
        }
        let (mut last, mut none_after) = (first, until);
        while last < none_after {
            let middle = Timestamp::from_millis(last.as_millis().midpoint(none_after.as_millis()));
            match self.next_after(middle).filter(|next| *next <= until) {
                Some(next) => {
                    last = next;
                    // Patterns are mostly regular, so a guess mostly was the last one.
                    if self.next_after(last).is_none_or(|next| next > until) {
                        break;
                    }
                }
                None => none_after = middle,
            }
        }
        Some(last)
    }

    /// When the run of a planned moment is started: at that moment, put off by the schedule's jitter.
    #[must_use]
    pub fn due_at(&self, key: &ScheduleKey, planned: Timestamp) -> Timestamp {
        if self.jitter.is_zero() {
            return planned;
        }
        let room = self.next_after(planned).map_or(self.jitter, |next| next.since(planned));
        planned.plus(key.jitter(planned, self.jitter.min(room)))
    }

    /// What a change of the clock has to do with a planned moment.
    #[must_use]
    pub fn clock_change(&self, planned: Timestamp) -> Option<ClockChange> {
        match &self.when {
            When::Cron(cron) => cron.clock_change(planned, self.zone),
            When::Every { .. } => None,
        }
    }
}

/// The first moment after `after` of those that lie `every` apart, from `from` on.
fn next_of(every: Duration, from: Timestamp, after: Timestamp) -> Option<Timestamp> {
    if after < from {
        return Some(from);
    }
    let every = i64::try_from(every.as_millis()).ok().filter(|every| *every > 0)?;
    let gone = (after.as_millis() - from.as_millis()) / every;
    let next = gone.checked_add(1)?.checked_mul(every)?.checked_add(from.as_millis())?;
    Some(Timestamp::from_millis(next))
}
