//! `date_time`: reads, writes and computes with dates.

pub mod format;

use serde_json::{Map, Number, Value, json};

use self::format::{ReadFormat, WrittenFormat};
use super::{
    declaration::{COMPUTES, Declaration, Example, Group},
    params::{At, Parameter, Reader, TimeZone, choice, fields::Keep, params, path::FieldPath},
};
use crate::violation::ViolationCode as Code;

params! {
    /// Its parameters.
    pub struct Params {
        /// What is done: `now` gives the current time; `parse` reads a date and gives it in a standard form; `format`
        /// writes it as one likes; `add` and `subtract` move it; `extract` takes a part of it; `between` tells how long it
        /// is from `value` to `end`; `round` cuts it to a unit.
        action: Action, [fixed];
        /// The date: an ISO 8601 or RFC 2822 text, or a number of seconds or milliseconds since 1970 (below 10^12 it is
        /// seconds). Without an offset it is a time of `timezone`.
        value: Option<Value>, with action ["parse", "format", "add", "subtract", "extract", "between", "round"] required;
        /// How `value` and `end` are written, in the tokens of `format`, when it is none of the above: `dd.MM.yyyy`. `X`
        /// says that numbers are seconds, `x` milliseconds.
        from: Option<ReadFormat>, with action ["parse", "format", "add", "subtract", "extract", "between", "round"];
        /// The later date; if it is the earlier one, the result is negative.
        end: Option<Value>, with action ["between"] required;
        /// How many units; years to days are whole. May be negative.
        amount: Option<Amount>, with action ["add", "subtract"] required;
        /// Of which unit.
        unit: Option<Unit>, with action ["add", "subtract", "round"] required;
        /// Whether `round` goes to the beginning of the unit (`down`), to the next beginning (`up`), or to the nearer one.
        direction: Direction = Direction::Down, with action ["round"];
        /// Which part. Weeks are those of ISO 8601, weekdays count from Monday (1).
        part: Option<Part>, with action ["extract"] required;
        /// In which units `between` counts; the smallest has what is left as a fraction.
        units: Units = Units(vec![Unit::Day]), with action ["between"];
        /// How the date is written, in Luxon's tokens: `yyyy-MM-dd HH:mm`.
        format: Option<WrittenFormat>, with action ["format"] required;
        /// The form of the result: an RFC 3339 text with the offset of `timezone`, or whole seconds or milliseconds since
        /// 1970.
        form as "as": Form = Form::Rfc3339, with action ["now", "parse", "add", "subtract", "round"];
        /// Whether `now` has a time of day; else it is the beginning of the day.
        include_time: bool = true, with action ["now"];
        /// The time zone in which dates are read, computed and written: a name such as `Europe/Berlin`.
        timezone: TimeZone = TimeZone::utc();
        /// Where the result goes.
        into: FieldPath = FieldPath::name("data");
        /// What stays of the item besides: `all`, `none`, or a list of fields.
        keep: Keep = Keep::All;
    }
}

impl Params {
    /// Reads them, with what the table does not say.
    pub fn read(object: &Map<String, Value>, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let read = Self::read_object(object, at, reader);
        // Also when the date is not known yet.
        let amount = object.get("amount").and_then(Value::as_f64).filter(|amount| amount.fract() != 0.0);
        let unit = object.get("unit").and_then(Value::as_str).filter(|unit| Unit::WHOLE.contains(unit));
        if let (Some(amount), Some(unit)) = (amount, unit) {
            let message = format!("{amount} is no whole number of units of a {unit}; use a smaller unit");
            reader.violation(&at.field("amount"), Code::InvalidValue, message);
            return None;
        }
        read
    }
}

choice! {
    /// What is done.
    pub enum Action {
        /// The current time.
        Now = "now",
        /// A date in a standard form.
        Parse = "parse",
        /// A date as one likes.
        Format = "format",
        /// A later date.
        Add = "add",
        /// An earlier date.
        Subtract = "subtract",
        /// A part of a date.
        Extract = "extract",
        /// How long it is from one to the other.
        Between = "between",
        /// A date cut to a unit.
        Round = "round",
    }
}

choice! {
    /// A unit of time, largest first.
    #[derive(PartialOrd, Ord)]
    pub enum Unit {
        /// Of the calendar.
        Year = "year",
        /// Three months.
        Quarter = "quarter",
        /// Of the calendar.
        Month = "month",
        /// From Monday on.
        Week = "week",
        /// Of the calendar: 23 to 25 hours.
        Day = "day",
        /// 60 minutes.
        Hour = "hour",
        /// 60 seconds.
        Minute = "minute",
        /// 1,000 milliseconds.
        Second = "second",
        /// The smallest.
        Millisecond = "millisecond",
    }
}

impl Unit {
    /// Those of which there are no parts: how long they are depends on the calendar.
    const WHOLE: [&str; 5] = [
        Self::Year.as_str(),
        Self::Quarter.as_str(),
        Self::Month.as_str(),
        Self::Week.as_str(),
        Self::Day.as_str(),
    ];
}

choice! {
    /// Where rounding goes.
    pub enum Direction {
        /// To the beginning.
        Down = "down",
        /// To the next beginning.
        Up = "up",
        /// To the nearer one; from the middle up.
        Nearest = "nearest",
    }
}

choice! {
    /// A part of a date.
    pub enum Part {
        /// The year.
        Year = "year",
        /// 1 to 4.
        Quarter = "quarter",
        /// 1 to 12.
        Month = "month",
        /// 1 to 53, of ISO 8601.
        Week = "week",
        /// Of the month.
        Day = "day",
        /// 1 (Monday) to 7.
        Weekday = "weekday",
        /// 1 to 366.
        DayOfYear = "day_of_year",
        /// 0 to 23.
        Hour = "hour",
        /// 0 to 59.
        Minute = "minute",
        /// 0 to 59.
        Second = "second",
        /// 0 to 999.
        Millisecond = "millisecond",
    }
}

choice! {
    /// A standard form of a date.
    pub enum Form {
        /// A text.
        Rfc3339 = "rfc3339",
        /// Seconds since 1970.
        Unix = "unix",
        /// Milliseconds since 1970.
        UnixMs = "unix_ms",
    }
}

/// How many units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Amount(pub f64);

impl Parameter for Amount {
    const NAME: &'static str = "number";

    fn schema() -> Value {
        json!({ "type": "number" })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let amount = value.as_number().and_then(Number::as_f64).filter(|amount| amount.is_finite());
        if amount.is_none() {
            reader.wrong_type(at, "a number", value);
        }
        amount.map(Self)
    }
}

/// Units to count in; at least one, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Units(pub Vec<Unit>);

impl Parameter for Units {
    const NAME: &'static str = "list of units";

    fn schema() -> Value {
        json!({ "type": "array", "items": Unit::open_schema(), "minItems": 1 })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Value::Array(list) = value else {
            reader.wrong_type(at, "a list of units", value);
            return None;
        };
        if list.is_empty() {
            reader.violation(at, Code::InvalidValue, "name at least one unit, such as \"day\"");
        }
        let units: Vec<_> =
            (0..).zip(list).filter_map(|(i, value)| Unit::read_open(value, &at.index(i), reader)).collect();
        (!units.is_empty() && units.len() == list.len()).then_some(Self(units))
    }
}

impl From<Units> for Value {
    fn from(Units(units): Units) -> Self {
        units.into_iter().map(Self::from).collect()
    }
}

/// The kind.
pub static DECLARATION: Declaration = Declaration {
    name: "date_time",
    title: "Date & time",
    group: Group::Data,
    summary: "Reads, writes and computes with dates.",
    docs: "Formats have Luxon's tokens: `yyyy` `yy` `y` year, `q` quarter, `MMMM` `MMM` `MM` `M` month (`L` too), `dd` `d` \
           day, `o` `ooo` day of the year, `EEEE` `EEE` `E` weekday (`c` too), `kkkk` `kk` `WW` `W` year and week of ISO \
           8601, `HH` `H` hour, `hh` `h` with `a` (AM, PM), `mm` `m`, `ss` `s`, `SSS` `S` milliseconds, `u` fraction, `ZZ` \
           (+01:00) `ZZZ` (+0100) `Z` (+1) offset, `z` zone, `ZZZZ` its short name, `X` `x` seconds and milliseconds since \
           1970. Names are English; words stand in quotes: `yyyy-MM-dd'T'HH:mm`. A text that is read with a format must \
           tell its date as a whole, and what it lacks of the time is 0.\n\n\
           Years, months, weeks and days are those of the calendar of `timezone`: a day that the month does not have \
           becomes its last one, a time that the change to summer time skips the one as long after it. `now` is the moment \
           at which the attempt began, the same for all items, as `$now`. Dates have years from 0 to 9999.\n\n\
           Different from n8n: there the zone is the workflow's or the server's, here `timezone`. The item's other fields \
           stay (`keep: \"none\"` leaves them out), and the result is always in `data` unless `into` says otherwise. A date \
           that is at the beginning of a unit already is not rounded up to the next one. Words in a format that are no \
           tokens stand in quotes. The time between two dates is an object of numbers, never an ISO text such as `P1Y3M`. \
           `parse` and `round` to the nearer unit are new.",
    icon: "calendar-clock",
    params: Params::TABLE,
    check: |object, at, reader| drop(Params::read(object, at, reader)),
    example: Example {
        params: r#"{"action": "add", "value": "{{ $json.ordered }}", "amount": 2, "unit": "week", "timezone": "Europe/Berlin", "into": "due"}"#,
        input: r#"[{"ordered": "2026-10-20T09:30:00+02:00"}]"#,
        output: r#"{"main": [{"ordered": "2026-10-20T09:30:00+02:00", "due": "2026-11-03T09:30:00.000+01:00"}]}"#,
    },
    ..COMPUTES
};
