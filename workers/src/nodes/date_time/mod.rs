//! `date_time`: reads, writes and computes with dates.

mod by_format;
mod calendar;
mod format;
mod read;

use chrono::{DateTime, Datelike, SecondsFormat, Timelike, Utc};
use chrono_tz::Tz;
use domain::{
    items::Item,
    kinds::{
        date_time::{
            Action, Form, Params, Part, Unit,
            format::{DateFormat, InvalidFormat},
        },
        params::{At, Reader, time_zone::UnknownTimeZone},
    },
    run::NodeError,
};
use serde_json::{Map, Value};

use self::read::DateReader;
use super::transform::{Context, Transform, placed};

/// A moment in a time zone.
type Moment = DateTime<Tz>;

#[derive(Debug)]
pub(super) struct Dates;

impl Transform for Dates {
    type Params = Params;
    const HEAVY: bool = false;

    fn read(object: &Map<String, Value>, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Params> {
        Params::read(object, at, reader)
    }

    fn transform(params: Params, item: &Item, context: Context) -> Result<Item, Box<NodeError>> {
        let value = made(&params, context.now.to_chrono()).map_err(|error| Box::new(error.into()))?;
        placed(item, &params.keep, &params.into, value)
    }
}

/// What is wrong with a date, or with what is done to it.
#[derive(Debug, PartialEq, thiserror::Error)]
enum InvalidDate {
    #[error("`{param}` is {found}; a date is a text or a number")]
    Type { param: &'static str, found: &'static str },
    #[error(
        "`{param}` is no date: {text:?}; write it as \"2026-12-24T18:00:00+01:00\", or say in `from` how it is written"
    )]
    Unknown { param: &'static str, text: String },
    #[error("`{param}` is no date in the format {format:?}: {text:?} ({why})")]
    Misfit { param: &'static str, text: String, format: String, why: String },
    #[error(transparent)]
    Format(#[from] InvalidFormat),
    #[error(transparent)]
    Zone(#[from] UnknownTimeZone),
    #[error("the date is outside the years 0 to 9999")]
    Range,
    #[error("`{0}` is required")]
    Missing(&'static str),
}

impl From<InvalidDate> for NodeError {
    fn from(error: InvalidDate) -> Self {
        let code = match &error {
            InvalidDate::Format(_) => "invalid_format",
            InvalidDate::Zone(_) => "invalid_timezone",
            InvalidDate::Missing(_) => "invalid_params",
            _ => "invalid_date",
        };
        Self::new(code, error.to_string())
    }
}

/// What the parameters make.
fn made(params: &Params, now: DateTime<Utc>) -> Result<Value, InvalidDate> {
    let zone = params.timezone.parse()?;
    let from = params.from.as_ref().map(DateFormat::parse).transpose()?;
    let reader = DateReader { zone, from: from.as_ref() };
    let date = || reader.read("value", required(params.value.as_ref(), "value")?);
    let moved = |amount: f64| {
        let unit = *required(params.unit.as_ref(), "unit")?;
        calendar::moved(&date()?, amount, unit)
    };
    let amount = || required(params.amount.as_ref(), "amount").map(|amount| amount.0);
    let moment = match params.action {
        Action::Now if params.include_time => now.with_timezone(&zone),
        Action::Now => calendar::beginning(&now.with_timezone(&zone), Unit::Day)?,
        Action::Parse => date()?,
        Action::Add => moved(amount()?)?,
        Action::Subtract => moved(-amount()?)?,
        Action::Round => {
            calendar::rounded(&date()?, *required(params.unit.as_ref(), "unit")?, params.direction)?
        }
        Action::Format => {
            let format = required(params.format.as_ref(), "format")?.parse()?;
            return Ok(format::written(&in_range(date()?)?, &format).into());
        }
        Action::Extract => return Ok(part(&date()?, *required(params.part.as_ref(), "part")?).into()),
        Action::Between => {
            let end = reader.read("end", required(params.end.as_ref(), "end")?)?;
            return calendar::between(&date()?, &end, &params.units.0).map(Value::Object);
        }
    };
    in_range(moment).map(|moment| in_form(&moment, params.form))
}

fn required<'p, T>(param: Option<&'p T>, name: &'static str) -> Result<&'p T, InvalidDate> {
    param.ok_or(InvalidDate::Missing(name))
}

/// RFC 3339 has four digits for a year.
fn in_range(moment: Moment) -> Result<Moment, InvalidDate> {
    if (0..=9999).contains(&moment.year()) { Ok(moment) } else { Err(InvalidDate::Range) }
}

fn in_form(moment: &Moment, form: Form) -> Value {
    match form {
        Form::Rfc3339 => moment.to_rfc3339_opts(SecondsFormat::Millis, true).into(),
        Form::Unix => moment.timestamp().into(),
        Form::UnixMs => moment.timestamp_millis().into(),
    }
}

fn part(moment: &Moment, part: Part) -> i64 {
    match part {
        Part::Year => moment.year().into(),
        Part::Quarter => moment.quarter().into(),
        Part::Month => moment.month().into(),
        Part::Week => moment.iso_week().week().into(),
        Part::Day => moment.day().into(),
        Part::Weekday => moment.weekday().number_from_monday().into(),
        Part::DayOfYear => moment.ordinal().into(),
        Part::Hour => moment.hour().into(),
        Part::Minute => moment.minute().into(),
        Part::Second => moment.second().into(),
        Part::Millisecond => moment.timestamp_subsec_millis().into(),
    }
}
