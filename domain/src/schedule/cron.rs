//! Cron patterns: read by `croner`, and what the change of a clock means for them.
//!
//! As in Vixie's cron (`cron(8)`, "daylight saving time"): a pattern whose seconds, minutes and hours are numbers, lists or
//! ranges means times of the day, each of which happens once a day; one with `*` or a step there means that time goes by,
//! and follows it. `croner` takes lists and ranges for the second, so times of the day are found on a clock without a zone
//! and are brought to the zone here.

use std::fmt;

use chrono::{NaiveDateTime, TimeDelta};
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};

use super::zone::Zone;
use crate::{
    limits::{MAX_CRON_BYTES, above},
    timestamp::Timestamp,
};

/// Nothing occurs from 2300 on: later moments cannot be stored.
pub(super) const END_OF_TIME: Timestamp = Timestamp::from_millis(10_413_792_000_000);

/// The short names that crontab(5) has.
const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// A pattern of five fields (minute, hour, day of the month, month, day of the week), or of six with the seconds before them.
#[derive(Clone, PartialEq, Eq)]
pub struct CronPattern {
    text: String,
    cron: Box<Cron>,
    /// Whether it means times of the day.
    by_day: bool,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCron {
    /// It is above the limit.
    #[error("the pattern is too long: {0}")]
    TooLong(String),
    /// It has another number of fields.
    #[error(
        "a cron pattern has 5 fields (minute, hour, day of the month, month, day of the week), or 6 with the seconds before \
         them; this one has {0}"
    )]
    Fields(usize),
    /// There is no such short name.
    #[error(
        "{0:?} is no short name of a pattern; known are @yearly, @annually, @monthly, @weekly, @daily, @midnight and @hourly"
    )]
    Nickname(String),
    /// A field cannot be read.
    #[error("the cron pattern cannot be read: {0}")]
    Field(String),
    /// No day fits it.
    #[error("it never occurs: no month that it names has such a day")]
    Never,
}

/// What the change of a clock has to do with an occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockChange {
    /// The clock jumped over the time that was meant, which it would have shown: it occurs right after the jump.
    Skipped(NaiveDateTime),
    /// The clock shows this time twice: a time of the day, which occurs the first time only.
    RepeatedOnce,
    /// The clock shows this time twice, and it occurs both times.
    Repeated,
}

impl CronPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When it is none, or no day ever fits it.
    pub fn parse(text: &str) -> Result<Self, InvalidCron> {
        if text.len() > MAX_CRON_BYTES {
            return Err(InvalidCron::TooLong(above(text.len(), "bytes", MAX_CRON_BYTES, "MAX_CRON_BYTES")));
        }
        let trimmed = text.trim();
        let spelt = match trimmed.strip_prefix('@') {
            Some(_) => {
                let known = NICKNAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(trimmed));
                known.ok_or_else(|| InvalidCron::Nickname(trimmed.to_owned()))?.1
            }
            None => trimmed,
        };
        let fields: Vec<&str> = spelt.split_whitespace().collect();
        let times = match fields.len() {
            5 => &fields[..2],
            6 => &fields[..3],
            other => return Err(InvalidCron::Fields(other)),
        };
        let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
        let cron = parser.parse(spelt).map_err(|error| InvalidCron::Field(error.to_string()))?;
        let by_day = !times.iter().any(|field| field.contains(['*', '/', '?']));
        let pattern = Self { text: text.to_owned(), cron: Box::new(cron), by_day };
        // A day that is not there in a whole round of the calendar is never there.
        pattern.shown_after(Timestamp::default().to_chrono().naive_utc()).ok_or(InvalidCron::Never)?;
        Ok(pattern)
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its first moment after that one, on the clock of `zone`.
    #[must_use]
    pub fn next_after(&self, after: Timestamp, zone: Zone) -> Option<Timestamp> {
        if after >= END_OF_TIME {
            return None;
        }
        let second = after.as_millis().div_euclid(1_000).max(0) * 1_000;
        let from = zone.at(Timestamp::from_millis(second));
        let next = if self.by_day {
            let mut shown = from.naive_local();
            loop {
                shown = self.shown_after(shown)?;
                let at = zone.first(shown)?;
                // What the clock shows for the second time has occurred.
                if at > from {
                    break at;
                }
            }
        } else {
            self.cron.find_next_occurrence(&from, false).ok()?
        };
        Some(Timestamp::from_millis(next.timestamp_millis())).filter(|next| *next < END_OF_TIME)
    }

    /// What a change of the clock has to do with a moment of it.
    #[must_use]
    pub fn clock_change(&self, at: Timestamp, zone: Zone) -> Option<ClockChange> {
        let there = zone.at(at);
        let shown = there.naive_local();
        if self.cron.is_time_matching(&shown).unwrap_or(false) {
            let once = if self.by_day { ClockChange::RepeatedOnce } else { ClockChange::Repeated };
            return zone.is_repeated(shown).then_some(once);
        }
        let mut meant = shown.checked_sub_signed(TimeDelta::hours(25))?;
        loop {
            meant = self.shown_after(meant).filter(|meant| *meant < shown)?;
            if zone.first(meant) == Some(there) {
                return Some(ClockChange::Skipped(meant));
            }
        }
    }

    /// What a clock without a zone shows when it occurs next.
    fn shown_after(&self, shown: NaiveDateTime) -> Option<NaiveDateTime> {
        let next = self.cron.find_next_occurrence(&shown, false).ok()?;
        (next.and_utc().timestamp_millis() < END_OF_TIME.as_millis()).then_some(next)
    }
}

/// The text says all of it.
impl fmt::Debug for CronPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CronPattern").field(&self.text).finish()
    }
}
