//! Computing with dates in a time zone. Years to days are those of the calendar, hours and less are lengths of time.

use chrono::{Datelike, Days, LocalResult, Months, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;
use domain::{
    kinds::date_time::{Direction, Unit},
    number,
};
use serde_json::{Map, Value};

use super::{InvalidDate, Moment};

/// The moment when clocks in the zone show that time: the earlier of two; when they skip it, the one as long after the
/// change.
pub(super) fn local(time: NaiveDateTime, zone: Tz) -> Result<Moment, InvalidDate> {
    let before_change = || {
        let earlier = time.checked_sub_days(Days::new(1))?;
        let offset = zone.offset_from_local_datetime(&earlier).earliest()?.fix();
        let utc = time.checked_sub_offset(offset)?;
        Some(zone.from_utc_datetime(&utc))
    };
    match zone.from_local_datetime(&time) {
        LocalResult::Single(moment) | LocalResult::Ambiguous(moment, _) => Ok(moment),
        LocalResult::None => before_change().ok_or(InvalidDate::Range),
    }
}

/// The moment so many units later; a negative amount is earlier.
pub(super) fn moved(moment: &Moment, amount: f64, unit: Unit) -> Result<Moment, InvalidDate> {
    if let Some(millis) = length(unit) {
        #[expect(clippy::cast_precision_loss, reason = "an hour at most")]
        let millis = (amount * millis as f64).round();
        #[expect(clippy::cast_possible_truncation, reason = "what does not fit is out of range in any case")]
        let delta = TimeDelta::try_milliseconds(millis as i64).ok_or(InvalidDate::Range)?;
        return moment.checked_add_signed(delta).ok_or(InvalidDate::Range);
    }
    // Far more than there are between the first year and the last.
    if amount.abs() > 10_000_000.0 {
        return Err(InvalidDate::Range);
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked above; parts of them are no parameters")]
    moved_whole(moment, amount as i64, unit)
}

/// As [`moved`], by whole units.
fn moved_whole(moment: &Moment, amount: i64, unit: Unit) -> Result<Moment, InvalidDate> {
    if let Some(millis) = length(unit) {
        let delta = millis.checked_mul(amount).and_then(TimeDelta::try_milliseconds);
        return delta.and_then(|delta| moment.checked_add_signed(delta)).ok_or(InvalidDate::Range);
    }
    let time = moment.naive_local();
    let months = |factor: u64| {
        let count = amount.unsigned_abs().checked_mul(factor)?;
        let count = Months::new(u32::try_from(count).ok()?);
        if amount < 0 { time.checked_sub_months(count) } else { time.checked_add_months(count) }
    };
    let days = |factor: u64| {
        let count = Days::new(amount.unsigned_abs().checked_mul(factor)?);
        if amount < 0 { time.checked_sub_days(count) } else { time.checked_add_days(count) }
    };
    let there = match unit {
        Unit::Year => months(12),
        Unit::Quarter => months(3),
        Unit::Month => months(1),
        Unit::Week => days(7),
        _ => days(1),
    };
    local(there.ok_or(InvalidDate::Range)?, moment.timezone())
}

/// How long a unit is that always is as long, in milliseconds.
const fn length(unit: Unit) -> Option<i64> {
    match unit {
        Unit::Hour => Some(3_600_000),
        Unit::Minute => Some(60_000),
        Unit::Second => Some(1_000),
        Unit::Millisecond => Some(1),
        Unit::Year | Unit::Quarter | Unit::Month | Unit::Week | Unit::Day => None,
    }
}

/// When the unit began in which the moment is.
pub(super) fn beginning(moment: &Moment, unit: Unit) -> Result<Moment, InvalidDate> {
    if let Some(millis) = length(unit) {
        // By the clock, whose full hour need not be one of UTC; its offset stays.
        let shown = moment.naive_local().and_utc();
        let over = shown.timestamp_millis().rem_euclid(millis);
        let over = TimeDelta::milliseconds(over)
            + TimeDelta::nanoseconds(i64::from(shown.timestamp_subsec_nanos() % 1_000_000));
        return moment.checked_sub_signed(over).ok_or(InvalidDate::Range);
    }
    let date = moment.date_naive();
    let first = match unit {
        Unit::Year => NaiveDate::from_ymd_opt(date.year(), 1, 1),
        Unit::Quarter => NaiveDate::from_ymd_opt(date.year(), date.month0() / 3 * 3 + 1, 1),
        Unit::Month => date.with_day(1),
        Unit::Week => date.checked_sub_days(Days::new(date.weekday().num_days_from_monday().into())),
        _ => Some(date),
    };
    let midnight = first.and_then(|first| first.and_hms_opt(0, 0, 0)).ok_or(InvalidDate::Range)?;
    local(midnight, moment.timezone())
}

/// The moment cut to a unit.
pub(super) fn rounded(moment: &Moment, unit: Unit, direction: Direction) -> Result<Moment, InvalidDate> {
    let down = beginning(moment, unit)?;
    if direction == Direction::Down || down == *moment {
        return Ok(down);
    }
    let up = moved_whole(&down, 1, unit)?;
    let is_nearer_down = || *moment - down < up - *moment;
    Ok(if direction == Direction::Nearest && is_nearer_down() { down } else { up })
}

/// How long it is from one moment to the other, in each of these units what the larger ones leave, in the smallest with
/// a fraction: `{"days": 2, "hours": 3.5}`. Negative when `end` is the earlier one.
pub(super) fn between(
    start: &Moment,
    end: &Moment,
    units: &[Unit],
) -> Result<Map<String, Value>, InvalidDate> {
    let (earlier, later, sign) = if start <= end { (start, end, 1.0) } else { (end, start, -1.0) };
    let mut sorted = units.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut here = *earlier;
    let mut counts = Map::new();
    for (i, unit) in sorted.iter().enumerate() {
        let (count, next) = counted(&here, later, *unit)?;
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of 10,000 years are far below 2^53")]
        let mut amount = count as f64;
        here = next;
        if i + 1 == sorted.len() {
            let beyond = moved_whole(&here, 1, *unit)?;
            amount += ratio(*later - here, beyond - here);
        }
        let name = format!("{}s", unit.as_str());
        counts.insert(name, number::from_f64(sign * amount).map_or(Value::Null, Value::Number));
    }
    Ok(counts)
}

/// How often a unit fits from one moment to a later one, and where that ends.
fn counted(from: &Moment, to: &Moment, unit: Unit) -> Result<(i64, Moment), InvalidDate> {
    let mut count = match length(unit) {
        Some(millis) => (*to - *from).num_milliseconds() / millis,
        None => {
            let (a, b) = (from.naive_local(), to.naive_local());
            let months = i64::from(b.year() - a.year()) * 12 + i64::from(b.month()) - i64::from(a.month());
            match unit {
                Unit::Year => months / 12 + 1,
                Unit::Quarter => months / 3 + 1,
                Unit::Month => months,
                Unit::Week => (b - a).num_days() / 7 + 1,
                _ => (b - a).num_days() + 1,
            }
        }
    };
    // A guess that is one or two too high.
    loop {
        let there = moved_whole(from, count, unit)?;
        if there <= *to || count <= 0 {
            return Ok((count, there));
        }
        count -= 1;
    }
}

fn ratio(part: TimeDelta, whole: TimeDelta) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a year at most")]
    let (part, whole) = (part.num_milliseconds() as f64, whole.num_milliseconds() as f64);
    if whole > 0.0 { part / whole } else { 0.0 }
}
