//! Time zones as parameters.

use chrono_tz::{TZ_VARIANTS, Tz};
use serde_json::{Value, json};

use super::{At, Parameter, Reader};
use crate::violation::ViolationCode as Code;

/// The name of a time zone, such as `Europe/Berlin`. When a document is saved it is known to be one; one that only a run
/// knows is checked where it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeZone(pub String);

/// A text that names no time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no time zone; write a name such as \"UTC\" or \"Europe/Berlin\"")]
pub struct UnknownTimeZone(pub String);

impl TimeZone {
    /// Coordinated Universal Time.
    #[must_use]
    pub fn utc() -> Self {
        Self("UTC".to_owned())
    }

    /// The zone; capital and small letters of its name differ.
    ///
    /// # Errors
    /// When the IANA time zone database has none of that name.
    pub fn parse(&self) -> Result<Tz, UnknownTimeZone> {
        self.0.parse().map_err(|_| UnknownTimeZone(self.0.clone()))
    }

    /// Whether there is one. A program that only asks for names carries no more than the names: 39 KB, where the rules of
    /// all zones are 1.9 MB.
    fn check(&self) -> Result<(), UnknownTimeZone> {
        self.parse().map(drop)
    }
}

impl Parameter for TimeZone {
    const NAME: &'static str = "time zone";

    fn schema() -> Value {
        json!({ "enum": TZ_VARIANTS.iter().map(|zone| zone.name()).collect::<Vec<_>>() })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let zone = Self(String::read(value, at, reader)?);
        reader.check(at, Code::InvalidValue, || zone.check());
        Some(zone)
    }
}

impl From<TimeZone> for Value {
    fn from(TimeZone(name): TimeZone) -> Self {
        name.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_as_they_are_written() {
        for (name, known) in [
            ("UTC", true),
            ("Europe/Berlin", true),
            ("America/Argentina/Buenos_Aires", true),
            ("Etc/GMT+12", true),
            ("", false),
            ("Berlin", false),
            ("europe/berlin", false),
            ("Europe/Berlin\n", false),
            ("Europe/Berlin\nEurope/Bratislava", false),
        ] {
            assert_eq!(TimeZone(name.to_owned()).check().is_ok(), known, "{name:?}");
        }
    }
}
