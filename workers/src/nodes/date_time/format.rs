//! Dates as texts by a format.

use std::fmt::Write;

use chrono::{Datelike, Offset, Timelike};
use chrono_tz::OffsetName;

use domain::kinds::date_time::format::{Format, Piece, Token};

use super::Moment;

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(super) const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The date in that format.
pub(super) fn written(moment: &Moment, format: &Format) -> String {
    let mut text = String::with_capacity(format.text.len() + 16);
    for piece in &format.pieces {
        // Writing into a text cannot fail.
        let _ = match piece {
            Piece::Text(words) => text.write_str(words),
            Piece::Token(token) => write_token(&mut text, moment, *token),
        };
    }
    text
}

fn write_token(text: &mut String, moment: &Moment, token: Token) -> std::fmt::Result {
    let month = MONTHS[moment.month0() as usize];
    let weekday = WEEKDAYS[moment.weekday().num_days_from_monday() as usize];
    match token {
        Token::Year => write!(text, "{}", moment.year()),
        Token::Year2 => write!(text, "{:02}", moment.year().rem_euclid(100)),
        Token::Year4 => write!(text, "{:04}", moment.year()),
        Token::Quarter => write!(text, "{}", moment.quarter()),
        Token::Quarter2 => write!(text, "{:02}", moment.quarter()),
        Token::Month => write!(text, "{}", moment.month()),
        Token::Month2 => write!(text, "{:02}", moment.month()),
        Token::MonthShort => text.write_str(&month[..3]),
        Token::MonthLong => text.write_str(month),
        Token::MonthLetter => text.write_str(&month[..1]),
        Token::Day => write!(text, "{}", moment.day()),
        Token::Day2 => write!(text, "{:02}", moment.day()),
        Token::DayOfYear => write!(text, "{}", moment.ordinal()),
        Token::DayOfYear3 => write!(text, "{:03}", moment.ordinal()),
        Token::Weekday => write!(text, "{}", moment.weekday().number_from_monday()),
        Token::WeekdayShort => text.write_str(&weekday[..3]),
        Token::WeekdayLong => text.write_str(weekday),
        Token::WeekdayLetter => text.write_str(&weekday[..1]),
        Token::WeekYear2 => write!(text, "{:02}", moment.iso_week().year().rem_euclid(100)),
        Token::WeekYear4 => write!(text, "{:04}", moment.iso_week().year()),
        Token::Week => write!(text, "{}", moment.iso_week().week()),
        Token::Week2 => write!(text, "{:02}", moment.iso_week().week()),
        Token::Hour => write!(text, "{}", moment.hour()),
        Token::Hour2 => write!(text, "{:02}", moment.hour()),
        Token::HourOf12 => write!(text, "{}", moment.hour12().1),
        Token::HourOf12Two => write!(text, "{:02}", moment.hour12().1),
        Token::HalfDay => text.write_str(if moment.hour12().0 { "PM" } else { "AM" }),
        Token::Minute => write!(text, "{}", moment.minute()),
        Token::Minute2 => write!(text, "{:02}", moment.minute()),
        Token::Second => write!(text, "{}", moment.second()),
        Token::Second2 => write!(text, "{:02}", moment.second()),
        Token::Millisecond => write!(text, "{}", moment.timestamp_subsec_millis()),
        Token::Millisecond3 | Token::Fraction => write!(text, "{:03}", moment.timestamp_subsec_millis()),
        Token::OffsetShort => write_offset(text, moment, |text, hours, minutes| match minutes {
            0 => write!(text, "{hours}"),
            minutes => write!(text, "{hours}:{minutes:02}"),
        }),
        Token::OffsetColon => {
            write_offset(text, moment, |text, hours, minutes| write!(text, "{hours:02}:{minutes:02}"))
        }
        Token::Offset => {
            write_offset(text, moment, |text, hours, minutes| write!(text, "{hours:02}{minutes:02}"))
        }
        Token::ZoneShort => match moment.offset().abbreviation() {
            Some(name) => text.write_str(name),
            None => write_token(text, moment, Token::OffsetColon),
        },
        Token::Zone => text.write_str(moment.timezone().name()),
        Token::UnixSeconds => write!(text, "{}", moment.timestamp()),
        Token::UnixMillis => write!(text, "{}", moment.timestamp_millis()),
    }
}

fn write_offset(
    text: &mut String,
    moment: &Moment,
    write: impl Fn(&mut String, i32, i32) -> std::fmt::Result,
) -> std::fmt::Result {
    let minutes = moment.offset().fix().local_minus_utc() / 60;
    text.push(if minutes < 0 { '-' } else { '+' });
    write(text, minutes.abs() / 60, minutes.abs() % 60)
}
