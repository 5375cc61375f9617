//! `retry.on.status.codes`: single codes and inclusive ranges, `400-` is everything from 400 on.

use std::{ops::RangeInclusive, str::FromStr};

/// A set of HTTP statuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statuses(Vec<RangeInclusive<u16>>);

/// Statuses have three digits.
const HIGHEST: u16 = 599;

impl Statuses {
    /// Whether `status` is in the set.
    #[must_use]
    pub fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }
}

/// Every error, as the real connector has it.
impl Default for Statuses {
    fn default() -> Self {
        Self(vec![400..=HIGHEST])
    }
}

impl FromStr for Statuses {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let one = |part: &str| {
            let part = part.trim();
            let wrong =
                || format!("{part:?} is no status code (400 to 599), range (500-599) or open range (400-)");
            let code = |digits: &str| match digits.trim().parse::<u16>() {
                Ok(code) if (400..=HIGHEST).contains(&code) => Ok(code),
                _ => Err(wrong()),
            };
            match part.split_once('-') {
                None => code(part).map(|code| code..=code),
                Some((from, "")) => Ok(code(from)?..=HIGHEST),
                Some((from, to)) => {
                    let range = code(from)?..=code(to)?;
                    if range.is_empty() { Err(wrong()) } else { Ok(range) }
                }
            }
        };
        text.split(',').map(one).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_ranges_and_open_ranges_can_be_mixed() {
        let some: Statuses = "408, 429,500-503".parse().unwrap();
        let hit: Vec<u16> = (100..600).filter(|status| some.contains(*status)).collect();
        assert_eq!(hit, [408, 429, 500, 501, 502, 503]);
        let all: Statuses = "400-".parse().unwrap();
        assert!(all.contains(400) && all.contains(599) && !all.contains(399));
    }

    #[test]
    fn nonsense_is_refused() {
        for wrong in ["", "abc", "500-400", "99", "200", "-500", "500-abc", "400,,500"] {
            assert!(wrong.parse::<Statuses>().is_err(), "{wrong}");
        }
    }
}
