//! Schedules: when they occur, and what becomes of occurrences that are due, late or missed.
//!
//! All of it is a function of the schedule, of who it is and of moments that are handed in, so that a preview, a tick and a
//! tick that comes again agree. `cron` is a pattern on a zone's clock, `occurrences` the moments of a schedule, `due` what
//! is started of them, `item` what a run is given, `key` what an occurrence's run is called.

mod cron;
mod due;
mod item;
mod key;
mod occurrences;
#[cfg(test)]
mod tests;
mod zone;

use std::time::Duration;

use serde_json::{Map, Value};

use crate::{
    kinds::{
        params::{At, Reader},
        schedule::{Misfire, Params},
    },
    timestamp::Timestamp,
    violation::{Violation, Violations},
};
pub use cron::{ClockChange, CronPattern, InvalidCron};
pub use due::{Due, LATEST, Missed};
pub use item::item;
pub use key::ScheduleKey;
pub use zone::{UnknownZone, Zone};

/// When runs are started, and what becomes of those that were not in time.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Its pattern.
    pub when: When,
    /// The zone whose clock the pattern follows.
    pub zone: Zone,
    /// No occurrence is before.
    pub start: Option<Timestamp>,
    /// No occurrence is after.
    pub end: Option<Timestamp>,
    /// By how much an occurrence may be put off: less than that, and never to the next one.
    pub jitter: Duration,
    /// What becomes of occurrences that were missed.
    pub misfire: Misfire,
    /// How old one may be that is made up for.
    pub catch_up: Duration,
}

/// The pattern of a schedule.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// On the clock.
    Cron(CronPattern),
    /// Again and again, whatever a clock shows.
    Every {
        /// After how long.
        every: Duration,
        /// The moment from which on it is counted, itself the first.
        from: Timestamp,
    },
}

impl Schedule {
    /// The schedule with these parameters; `since` is when a version with them was saved first, from where `every` is
    /// counted that has no `start`. `None`: they are none of a schedule, which [`Params::check`] would have said.
    #[must_use]
    pub fn of(params: Params, since: Timestamp) -> Option<Self> {
        let when = match (params.cron, params.every) {
            (Some(cron), None) => When::Cron(cron),
            (None, Some(every)) => When::Every { every: every.0, from: params.start.unwrap_or(since) },
            _ => return None,
        };
        Some(Self {
            when,
            zone: params.timezone,
            start: params.start,
            end: params.end,
            jitter: params.jitter.map_or(Duration::ZERO, |jitter| jitter.0),
            misfire: params.misfire,
            catch_up: params.catch_up.0,
        })
    }

    /// The schedule of a node's parameters.
    ///
    /// # Errors
    /// What is wrong with them, below `path`.
    pub fn read(params: &Map<String, Value>, path: &str, since: Timestamp) -> Result<Self, Vec<Violation>> {
        let mut violations = Violations::new();
        let read = Params::read(params, &At::root(path), &mut Reader::evaluated(&mut violations));
        let schedule = read.and_then(|params| Self::of(params, since));
        schedule.ok_or_else(|| violations.into_vec())
    }
}
