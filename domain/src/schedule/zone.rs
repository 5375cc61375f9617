//! Time zones by their names in the IANA database, of the edition that `chrono-tz` has.

use std::{fmt, str::FromStr};

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, SecondsFormat, TimeDelta, TimeZone as _};
use chrono_tz::Tz;
use serde_json::Value;

use crate::timestamp::Timestamp;

/// A time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Zone(pub(super) Tz);

/// A name that is no zone's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a time zone; write a name of the IANA database, such as \"Europe/Berlin\" or \"UTC\"")]
pub struct UnknownZone(pub String);

/// The clock of no zone jumps further.
const LONGEST_GAP: TimeDelta = TimeDelta::hours(25);

impl Zone {
    /// Without a clock that changes.
    pub const UTC: Self = Self(Tz::UTC);

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// What its clock shows, with its offset: RFC 3339.
    #[must_use]
    pub fn shown(self, moment: Timestamp) -> String {
        self.at(moment).to_rfc3339_opts(SecondsFormat::AutoSi, false)
    }

    /// The moment on its clock.
    pub(super) fn at(self, moment: Timestamp) -> DateTime<Tz> {
        moment.to_chrono().with_timezone(&self.0)
    }

    /// When its clock shows this: the first time if it does twice, and if it never does, when it has jumped over it.
    pub(super) fn first(self, shown: NaiveDateTime) -> Option<DateTime<Tz>> {
        let mut looked_at = shown;
        loop {
            match self.0.from_local_datetime(&looked_at) {
                MappedLocalTime::Single(at) | MappedLocalTime::Ambiguous(at, _) => return Some(at),
                // Clocks jump from one full minute to another.
                MappedLocalTime::None => looked_at = next_minute(looked_at)?,
            }
            if looked_at - shown > LONGEST_GAP {
                return None;
            }
        }
    }

    /// Whether its clock shows this twice.
    pub(super) fn is_repeated(self, shown: NaiveDateTime) -> bool {
        matches!(self.0.from_local_datetime(&shown), MappedLocalTime::Ambiguous(..))
    }
}

fn next_minute(shown: NaiveDateTime) -> Option<NaiveDateTime> {
    let into = TimeDelta::seconds(shown.and_utc().timestamp().rem_euclid(60));
    shown.checked_sub_signed(into)?.checked_add_signed(TimeDelta::minutes(1))
}

impl FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        name.parse().map(Self).map_err(|_| UnknownZone(name.to_owned()))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<Zone> for Value {
    fn from(zone: Zone) -> Self {
        zone.name().into()
    }
}
