//! Dates from texts and numbers.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use domain::{items::name_of, kinds::date_time::format::Format, number};
use serde_json::Value;

use super::{InvalidDate, Moment, by_format, calendar};

/// From here on a number is milliseconds: as seconds it is the year 33658, as milliseconds 2001.
const MILLISECONDS_FROM: f64 = 1e12;

/// Reads dates.
pub(super) struct DateReader<'f> {
    /// Where a date without an offset is one, and where it is given.
    pub(super) zone: Tz,
    pub(super) from: Option<&'f Format>,
}

impl DateReader<'_> {
    /// Reads the date in a parameter.
    pub(super) fn read(&self, param: &'static str, value: &Value) -> Result<Moment, InvalidDate> {
        let text = match value {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number::text(number).into_owned(),
            other => return Err(InvalidDate::Type { param, found: name_of(other) }),
        };
        let Some(format) = self.from else {
            return match text.parse::<f64>() {
                Ok(number) if number.is_finite() => {
                    from_number(number).map(|at| at.with_timezone(&self.zone)).ok_or(InvalidDate::Range)
                }
                _ => self
                    .standard(&text)?
                    .ok_or_else(|| InvalidDate::Unknown { param, text: shortened(&text) }),
            };
        };
        let misfit = |why: &str| InvalidDate::Misfit {
            param,
            text: shortened(&text),
            format: format.text.clone(),
            why: why.to_owned(),
        };
        by_format::read(&text, format, self.zone, misfit)
    }

    /// ISO 8601 or RFC 2822. `None`: it is neither.
    fn standard(&self, text: &str) -> Result<Option<Moment>, InvalidDate> {
        let with_offset = DateTime::parse_from_rfc3339(text)
            .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%#z"))
            .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z"))
            .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M%#z"))
            .or_else(|_| DateTime::parse_from_rfc2822(text));
        if let Ok(moment) = with_offset {
            return Ok(Some(moment.with_timezone(&self.zone)));
        }
        let times = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
        let time = times.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
        let date =
            || ["%Y-%m-%d", "%G-W%V-%u"].iter().find_map(|form| NaiveDate::parse_from_str(text, form).ok());
        let time = time.or_else(|| date().map(|date| date.and_time(NaiveTime::MIN)));
        time.map(|time| calendar::local(time, self.zone)).transpose()
    }
}

/// A number's moment.
fn from_number(number: f64) -> Option<DateTime<Utc>> {
    let millis = if number < MILLISECONDS_FROM { number * 1_000.0 } else { number };
    #[expect(clippy::cast_possible_truncation, reason = "what does not fit is no date either")]
    DateTime::from_timestamp_millis(millis.round() as i64)
}

/// The beginning of a text, for an error.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(80) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
