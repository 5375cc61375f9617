//! Which occurrences are started when somebody looks, and which were missed.

use std::time::Duration;

use super::{Misfire, Schedule, ScheduleKey};
use crate::{limits::MAX_OCCURRENCES_AT_ONCE, timestamp::Timestamp};

/// An occurrence that is started no later than this after it was due is in time. Vercel Cron looks once within each minute;
/// so one look may be lost.
pub const LATEST: Duration = Duration::from_mins(2);

/// What is to be done with what is due of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Due {
    /// The planned moments whose runs are started, in their order.
    pub starts: Vec<Timestamp>,
    /// Those that are not made up for.
    pub missed: Option<Missed>,
    /// The planned moment that is due next; `None`: there is none any more.
    pub next: Option<Timestamp>,
}

/// Occurrences that were missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed {
    /// The planned moment of the first.
    pub first: Timestamp,
    /// The planned moment of the last.
    pub last: Timestamp,
}

impl Schedule {
    /// What is to be done at `now`, `first` being the earliest planned moment of which nobody has decided.
    ///
    /// `replaced` is when another version of the workflow took this one's place: what was planned until then is this one's,
    /// also what its jitter puts off, and nothing of what was planned later.
    #[must_use]
    pub fn due(
        &self,
        key: &ScheduleKey,
        first: Timestamp,
        now: Timestamp,
        replaced: Option<Timestamp>,
    ) -> Due {
        let is_due = |planned: Timestamp| match replaced {
            Some(end) => planned <= end && planned <= now,
            None => self.due_at(key, planned) <= now,
        };
        if !is_due(first) {
            return Due { next: Some(first), ..Due::default() };
        }
        let too_late = now.minus(LATEST);
        let is_late = |planned: &Timestamp| self.due_at(key, *planned) < too_late;
        let horizon = replaced.map_or(too_late, |end| end.min(too_late));
        // An occurrence is put off to before the next one, so of those until then only the last one can be in time.
        let last = self.last_until(first, horizon);
        let last_late = match last {
            Some(last) if !is_late(&last) => self.last_until(first, last.minus(Duration::from_millis(1))),
            last => last,
        };
        let mut from_here = match last_late {
            Some(late) => self.next_after(late),
            None => Some(first),
        };
        let mut in_time = Vec::new();
        while let Some(planned) = from_here.filter(|planned| is_due(*planned)) {
            if in_time.len() == MAX_OCCURRENCES_AT_ONCE {
                break;
            }
            in_time.push(planned);
            from_here = self.next_after(planned);
        }
        let Some(last_late) = last_late else {
            return Due { starts: in_time, missed: None, next: from_here };
        };
        self.made_up(first, last_late, now, in_time, from_here)
    }

    /// What becomes of the occurrences from `first` to `last`, which were missed.
    fn made_up(
        &self,
        first: Timestamp,
        last: Timestamp,
        now: Timestamp,
        in_time: Vec<Timestamp>,
        next: Option<Timestamp>,
    ) -> Due {
        let window = now.minus(self.catch_up);
        let until = |end: Timestamp| self.last_until(first, end).map(|last| Missed { first, last });
        let before = |planned: Timestamp| until(planned.minus(Duration::from_millis(1)));
        match self.misfire {
            Misfire::Skip => Due { starts: in_time, missed: until(last), next },
            // One that is in time stands for all that were missed.
            Misfire::FireOnce if !in_time.is_empty() || last < window => {
                Due { starts: in_time, missed: until(last), next }
            }
            Misfire::FireOnce => Due { starts: vec![last], missed: before(last), next },
            Misfire::FireAll => {
                let oldest = if first >= window {
                    Some(first)
                } else {
                    self.next_after(window.minus(Duration::from_millis(1)))
                };
                let Some(oldest) = oldest.filter(|oldest| *oldest <= last) else {
                    return Due { starts: in_time, missed: until(last), next };
                };
                let missed = before(oldest);
                let mut starts = vec![oldest];
                let after = self.all_after(oldest).take_while(|planned| *planned <= last);
                starts.extend(after.take(MAX_OCCURRENCES_AT_ONCE - 1));
                match starts.last().and_then(|newest| self.next_after(*newest)) {
                    // The others are due still.
                    Some(further) if further <= last => Due { starts, missed, next: Some(further) },
                    _ => {
                        starts.extend(in_time);
                        Due { starts, missed, next }
                    }
                }
            }
        }
    }
}
