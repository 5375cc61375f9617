//! Durations as people write them in documents: `"250ms"`, `"10s"`, `"5m"`, `"2h"`, `"7d"`.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

/// A duration with a unit, in whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, utoipa::ToSchema)]
#[schema(value_type = String, example = "10s", pattern = r"^(\d+\.?\d*|\.\d+) *(ms|s|m|h|d)$")]
pub struct HumanDuration(pub Duration);

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A text that is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a duration: write a number and a unit, such as \"250ms\", \"10s\", \"5m\", \"2h\" or \"7d\""
)]
pub struct InvalidDuration(String);

impl FromStr for HumanDuration {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidDuration(text.to_owned());
        let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).ok_or_else(invalid)?;
        let (number, unit) = text.split_at(split);
        let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit.trim_start()).ok_or_else(invalid)?;
        let number: f64 = number.parse().map_err(|_| invalid())?;
        #[expect(clippy::cast_precision_loss, reason = "the unit's factor is small")]
        let total = number * *millis as f64;
        // 100 years keep every later addition of timestamps far from overflowing.
        if !total.is_finite() || total > 100.0 * 365.0 * 86_400_000.0 {
            return Err(invalid());
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
        Ok(Self(Duration::from_millis(total.round() as u64)))
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        for (unit, factor) in UNITS {
            let factor = u128::from(factor);
            if millis >= factor && millis.is_multiple_of(factor) {
                return write!(f, "{}{unit}", millis / factor);
            }
        }
        write!(f, "{millis}ms")
    }
}

impl Serialize for HumanDuration {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_with_their_largest_whole_unit() {
        for (text, millis, written) in [
            ("250ms", 250, "250ms"),
            ("10s", 10_000, "10s"),
            ("1.5h", 5_400_000, "90m"),
            ("7d", 604_800_000, "7d"),
            ("0s", 0, "0ms"),
        ] {
            let duration: HumanDuration = text.parse().unwrap();
            assert_eq!(duration.0, Duration::from_millis(millis));
            assert_eq!(duration.to_string(), written);
        }
    }

    #[test]
    fn what_is_not_a_duration_is_refused_with_a_hint() {
        for text in ["", "10", "s", "-1s", "1 fortnight", "1e3s", "999999999d"] {
            assert!(text.parse::<HumanDuration>().is_err(), "{text}");
        }
        assert!("5 s".parse::<HumanDuration>().is_ok());
    }
}
