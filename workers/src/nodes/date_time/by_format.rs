//! Dates from texts, by a format.

use chrono::{
    DateTime, FixedOffset, TimeZone, Weekday,
    format::{ParseErrorKind, Parsed},
};
use chrono_tz::Tz;

use domain::kinds::date_time::format::{Format, Piece, Token};

use super::{
    InvalidDate, Moment, calendar,
    format::{MONTHS, WEEKDAYS},
};

/// Reads a date that is written in that format; without an offset it is a time of the zone.
pub(super) fn read(
    text: &str,
    format: &Format,
    zone: Tz,
    misfit: impl Fn(&str) -> InvalidDate,
) -> Result<Moment, InvalidDate> {
    let mut found = Found::default();
    let mut rest = text;
    for piece in &format.pieces {
        rest = match piece {
            Piece::Text(words) => rest
                .strip_prefix(words.as_str())
                .ok_or_else(|| misfit(&format!("no {words:?} where it should be")))?,
            Piece::Token(token) => found
                .take(rest, *token)
                .ok_or_else(|| misfit(&format!("nothing that `{}` stands for", token.as_str())))?,
        };
    }
    if !rest.is_empty() {
        return Err(misfit("something is left behind it"));
    }
    found.moment(zone, misfit)
}

/// What was found of a date so far.
#[derive(Default)]
struct Found {
    parsed: Parsed,
    offset: Option<FixedOffset>,
    zone: Option<Tz>,
}

impl Found {
    /// Takes what the token stands for from the beginning of the text; gives what is behind it. A format by which dates are
    /// read has no tokens that are only written.
    fn take<'t>(&mut self, text: &'t str, token: Token) -> Option<&'t str> {
        let parsed = &mut self.parsed;
        let (rest, set) = match token {
            Token::Year => digits(text, 1..=4, |n| parsed.set_year(n).is_ok()),
            Token::Year4 => digits(text, 4..=4, |n| parsed.set_year(n).is_ok()),
            // As Luxon: up to 60 it is this century.
            Token::Year2 => {
                digits(text, 2..=2, |n| parsed.set_year(if n > 60 { 1900 + n } else { 2000 + n }).is_ok())
            }
            Token::Month => digits(text, 1..=2, |n| parsed.set_month(n).is_ok()),
            Token::Month2 => digits(text, 2..=2, |n| parsed.set_month(n).is_ok()),
            Token::MonthShort => name(text, &MONTHS, 3, |n| parsed.set_month(n + 1).is_ok()),
            Token::MonthLong => name(text, &MONTHS, usize::MAX, |n| parsed.set_month(n + 1).is_ok()),
            Token::Day => digits(text, 1..=2, |n| parsed.set_day(n).is_ok()),
            Token::Day2 => digits(text, 2..=2, |n| parsed.set_day(n).is_ok()),
            Token::DayOfYear => digits(text, 1..=3, |n| parsed.set_ordinal(n).is_ok()),
            Token::DayOfYear3 => digits(text, 3..=3, |n| parsed.set_ordinal(n).is_ok()),
            Token::Weekday => {
                digits(text, 1..=1, |n| weekday(n - 1).is_some_and(|day| parsed.set_weekday(day).is_ok()))
            }
            Token::WeekdayShort => {
                name(text, &WEEKDAYS, 3, |n| weekday(n).is_some_and(|day| parsed.set_weekday(day).is_ok()))
            }
            Token::WeekdayLong => name(text, &WEEKDAYS, usize::MAX, |n| {
                weekday(n).is_some_and(|day| parsed.set_weekday(day).is_ok())
            }),
            Token::WeekYear4 => digits(text, 4..=4, |n| parsed.set_isoyear(n).is_ok()),
            Token::Week => digits(text, 1..=2, |n| parsed.set_isoweek(n).is_ok()),
            Token::Week2 => digits(text, 2..=2, |n| parsed.set_isoweek(n).is_ok()),
            Token::Hour => digits(text, 1..=2, |n| parsed.set_hour(n).is_ok()),
            Token::Hour2 => digits(text, 2..=2, |n| parsed.set_hour(n).is_ok()),
            Token::HourOf12 => digits(text, 1..=2, |n| parsed.set_hour12(n).is_ok()),
            Token::HourOf12Two => digits(text, 2..=2, |n| parsed.set_hour12(n).is_ok()),
            Token::HalfDay => name(text, &["AM", "PM"], 2, |n| parsed.set_ampm(n == 1).is_ok()),
            Token::Minute => digits(text, 1..=2, |n| parsed.set_minute(n).is_ok()),
            Token::Minute2 => digits(text, 2..=2, |n| parsed.set_minute(n).is_ok()),
            Token::Second => digits(text, 1..=2, |n| parsed.set_second(n).is_ok()),
            Token::Second2 => digits(text, 2..=2, |n| parsed.set_second(n).is_ok()),
            Token::Millisecond => digits(text, 1..=3, |n| parsed.set_nanosecond(n * 1_000_000).is_ok()),
            Token::Millisecond3 => digits(text, 3..=3, |n| parsed.set_nanosecond(n * 1_000_000).is_ok()),
            Token::Fraction => fraction(text).map(|(rest, n)| (rest, parsed.set_nanosecond(n).is_ok())),
            Token::UnixSeconds => digits(text, 1..=12, |n| parsed.set_timestamp(n).is_ok()),
            Token::UnixMillis => digits(text, 1..=15, |n| {
                let nanos = n.rem_euclid(1_000) * 1_000_000;
                parsed.set_timestamp(n.div_euclid(1_000)).is_ok() && parsed.set_nanosecond(nanos).is_ok()
            }),
            Token::OffsetShort | Token::OffsetColon | Token::Offset => offset(text).map(|(rest, offset)| {
                self.offset = Some(offset);
                (rest, true)
            }),
            Token::Zone => {
                let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "/_+-".contains(c)));
                let (name, rest) = text.split_at(end.unwrap_or(text.len()));
                self.zone = name.parse().ok();
                self.zone.map(|_| (rest, true))
            }
            Token::Quarter
            | Token::Quarter2
            | Token::MonthLetter
            | Token::WeekdayLetter
            | Token::WeekYear2
            | Token::ZoneShort => None,
        }?;
        set.then_some(rest)
    }

    /// The moment that all of it is. What is missing of the time is 0.
    fn moment(mut self, zone: Tz, misfit: impl Fn(&str) -> InvalidDate) -> Result<Moment, InvalidDate> {
        if let Some(seconds) = self.parsed.timestamp() {
            let nanos = self.parsed.nanosecond().unwrap_or(0);
            let at = DateTime::from_timestamp(seconds, nanos).ok_or(InvalidDate::Range)?;
            return Ok(at.with_timezone(&zone));
        }
        let parsed = &mut self.parsed;
        if parsed.year().is_some() && parsed.ordinal().is_none() {
            // Setting what is there to something else fails, which is as it should be.
            if parsed.month().is_none() && parsed.day().is_none() {
                let _ = parsed.set_month(1);
            }
            if parsed.day().is_none() {
                let _ = parsed.set_day(1);
            }
        }
        if parsed.isoyear().is_some() && parsed.isoweek().is_some() && parsed.weekday().is_none() {
            let _ = parsed.set_weekday(Weekday::Mon);
        }
        if parsed.hour_div_12().is_none() {
            let _ = if parsed.hour_mod_12().is_none() { parsed.set_hour(0) } else { parsed.set_ampm(false) };
        }
        if parsed.minute().is_none() {
            let _ = parsed.set_minute(0);
        }
        if parsed.second().is_none() {
            let _ = parsed.set_second(0);
        }
        let date = parsed.to_naive_date().map_err(|error| misfit(why(error.kind())))?;
        let time = parsed.to_naive_time().map_err(|error| misfit(why(error.kind())))?;
        let local = date.and_time(time);
        match (self.offset, self.zone) {
            (Some(offset), _) => {
                let at = offset.from_local_datetime(&local).single().ok_or(InvalidDate::Range)?;
                Ok(at.with_timezone(&zone))
            }
            (None, Some(there)) => Ok(calendar::local(local, there)?.with_timezone(&zone)),
            (None, None) => calendar::local(local, zone),
        }
    }
}

fn why(kind: ParseErrorKind) -> &'static str {
    match kind {
        ParseErrorKind::Impossible => "its parts contradict each other",
        ParseErrorKind::NotEnough => "it does not tell the whole date",
        _ => "there is no such date",
    }
}

/// Takes so many digits; whether their number could be set.
fn digits(
    text: &str,
    count: std::ops::RangeInclusive<usize>,
    set: impl FnOnce(i64) -> bool,
) -> Option<(&str, bool)> {
    let end = text.bytes().take(*count.end()).take_while(u8::is_ascii_digit).count();
    if !count.contains(&end) {
        return None;
    }
    let (number, rest) = text.split_at(end);
    Some((rest, set(number.parse().ok()?)))
}

/// Takes one of these names, or its first letters; whether its place could be set.
fn name<'t>(
    text: &'t str,
    names: &[&str],
    letters: usize,
    set: impl FnOnce(i64) -> bool,
) -> Option<(&'t str, bool)> {
    let found = names.iter().enumerate().find_map(|(place, name)| {
        let name = name.get(..letters).unwrap_or(name);
        let begins = text.get(..name.len())?.eq_ignore_ascii_case(name);
        begins.then(|| (place, &text[name.len()..]))
    });
    let (place, rest) = found?;
    Some((rest, set(i64::try_from(place).ok()?)))
}

/// Takes a fraction of a second, as nanoseconds.
fn fraction(text: &str) -> Option<(&str, i64)> {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    if !(1..=9).contains(&end) {
        return None;
    }
    let nanos = format!("{:0<9}", &text[..end]).parse().ok()?;
    Some((&text[end..], nanos))
}

/// Takes an offset: `Z`, `+5`, `+05:30`, `+0530`.
fn offset(text: &str) -> Option<(&str, FixedOffset)> {
    if let Some(rest) = text.strip_prefix(['Z', 'z']) {
        return Some((rest, FixedOffset::east_opt(0)?));
    }
    let sign = match text.bytes().next()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let body = &text[1..];
    let digits = body.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b':').count();
    let (shown, rest) = body.split_at(digits);
    let (hours, minutes) = match shown.split_once(':') {
        Some((hours, minutes)) => (hours, minutes),
        None if shown.len() == 4 => shown.split_at(2),
        None => (shown, "0"),
    };
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let fits = hours < 24 && minutes < 60;
    Some((rest, FixedOffset::east_opt(sign * (hours * 3_600 + minutes * 60)).filter(|_| fits)?))
}

fn weekday(from_monday: i64) -> Option<Weekday> {
    u8::try_from(from_monday).ok().and_then(|day| Weekday::try_from(day).ok())
}
