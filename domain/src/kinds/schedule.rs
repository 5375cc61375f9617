//! `schedule`: starts runs at planned moments.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{
    declaration::{COMPUTES, Declaration, Example, Group},
    params::{At, Parameter, Reader, choice, params},
};
use crate::{
    duration::HumanDuration,
    limits::{
        MAX_CRON_BYTES, MAX_SCHEDULE_CATCH_UP_MS, MAX_SCHEDULE_JITTER_MS, MIN_SCHEDULE_INTERVAL_MS, above,
    },
    schedule::{CronPattern, InvalidCron, Schedule, Zone},
    timestamp::Timestamp,
    violation::ViolationCode as Code,
};

params! {
    /// Its parameters.
    pub struct Params one_of ["cron", "every"] {
        /// When it occurs, as a cron pattern of five fields (minute, hour, day of the month, month, day of the week), or of
        /// six with the seconds before them: `0 9 * * MON-FRI`. Names, ranges, lists and steps, `L` (last), `W` (nearest
        /// weekday), `#` (`MON#2`), and `@daily` and its like.
        cron: Option<CronPattern>, [fixed];
        /// How long it is from one occurrence to the next, from one second on: `90s`, `2h`. It is counted from `start`, else
        /// from when the workflow was saved with this schedule.
        every: Option<Interval>, [fixed];
        /// The time zone whose clock `cron` follows: a name such as `Europe/Berlin`.
        timezone: Zone = Zone::UTC, [fixed];
        /// It does not occur before.
        start: Option<Timestamp>, [fixed];
        /// It does not occur after.
        end: Option<Timestamp>, [fixed];
        /// By how much occurrences are put off at most, each by an amount of its own that is always the same; never to the
        /// next one. It spreads what many workflows do at the full hour. At most a day.
        jitter: Option<HumanDuration>, [fixed];
        /// What becomes of occurrences that could not be started within two minutes, because nothing looked: `skip` drops
        /// them; `fire_once` starts the last of them, unless one that is in time is started anyway; `fire_all` starts each, in
        /// their order.
        misfire: Misfire = Misfire::FireOnce, [fixed];
        /// How old a missed occurrence may be that is still started: at most 7 days. How long its run may wait to begin
        /// (`settings.start_timeout`) counts from the planned moment too.
        catch_up: CatchUp = CatchUp(Duration::from_hours(24)), [fixed];
    }
}

choice! {
    /// What becomes of occurrences that were missed.
    pub enum Misfire {
        /// They are dropped.
        Skip = "skip",
        /// The last of them stands for all.
        FireOnce = "fire_once",
        /// Each is made up for.
        FireAll = "fire_all",
    }
}

/// How long it is from one occurrence to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval(pub Duration);

/// How old a missed occurrence may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CatchUp(pub Duration);

impl Params {
    /// Reads them, and holds them against each other.
    pub fn read(object: &Map<String, Value>, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let read = Self::read_object(object, at, reader)?;
        if read.cron.is_some() == read.every.is_some() {
            // `one_of` has said so.
            return None;
        }
        if let Some(jitter) = read.jitter
            && !is_within(
                jitter.0,
                MAX_SCHEDULE_JITTER_MS,
                "MAX_SCHEDULE_JITTER_MS",
                &at.field("jitter"),
                reader,
            )
        {
            return None;
        }
        if read.start.zip(read.end).is_some_and(|(start, end)| end < start) {
            reader.violation(&at.field("end"), Code::InvalidValue, "`end` is before `start`");
            return None;
        }
        // Without a moment from which it is counted, `every` occurs in any time that is long enough.
        let bounded = read.start.is_some() || (read.cron.is_some() && read.end.is_some());
        if bounded
            && Schedule::of(read.clone(), Timestamp::default())?.next_after(Timestamp::default()).is_none()
        {
            let message = "it never occurs after `start` and before `end`";
            let field = if read.end.is_some() { "end" } else { "start" };
            reader.violation(&at.field(field), Code::InvalidValue, message);
            return None;
        }
        Some(read)
    }

    fn check_all(object: &Map<String, Value>, at: &At<'_>, reader: &mut Reader<'_>) {
        let _ = Self::read(object, at, reader);
    }
}

fn is_within(found: Duration, most: usize, name: &str, at: &At<'_>, reader: &mut Reader<'_>) -> bool {
    let millis = usize::try_from(found.as_millis()).unwrap_or(usize::MAX);
    if millis > most {
        reader.violation(at, Code::Limit, above(millis, "milliseconds", most, name));
    }
    millis <= most
}

impl Parameter for CronPattern {
    const NAME: &'static str = "cron pattern";

    fn schema() -> Value {
        json!({
            "type": "string", "pattern": r"\S", "maxLength": MAX_CRON_BYTES,
            "examples": ["0 9 * * MON-FRI", "*/15 * * * *", "0 0 L * *", "@daily"],
        })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(text) = value.as_str() else {
            reader.wrong_type(at, "a cron pattern such as \"0 9 * * MON-FRI\"", value);
            return None;
        };
        let code = |error: &InvalidCron| match error {
            InvalidCron::TooLong(_) => Code::Limit,
            _ => Code::InvalidValue,
        };
        Self::parse(text).map_err(|error| reader.violation(at, code(&error), error.to_string())).ok()
    }
}

impl Parameter for Zone {
    const NAME: &'static str = "time zone";

    fn schema() -> Value {
        json!({ "type": "string", "pattern": r"\S", "examples": ["Europe/Berlin", "America/New_York", "UTC"] })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(name) = value.as_str() else {
            reader.wrong_type(at, "a time zone such as \"Europe/Berlin\"", value);
            return None;
        };
        name.parse().map_err(|error| reader.violation(at, Code::InvalidValue, format!("{error}"))).ok()
    }
}

impl Parameter for Interval {
    const NAME: &'static str = "duration";

    fn schema() -> Value {
        let pattern = r"^([0-9]+\.?[0-9]*|\.[0-9]+)\s*(s|m|h|d)$";
        json!({ "type": "string", "pattern": pattern, "examples": ["30s", "15m", "1d"] })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let HumanDuration(every) = HumanDuration::read(value, at, reader)?;
        let in_millis = value.as_str().is_some_and(|text| text.ends_with("ms"));
        if in_millis || every.as_millis() < MIN_SCHEDULE_INTERVAL_MS as u128 {
            let message = format!(
                "the shortest interval is one second ({MIN_SCHEDULE_INTERVAL_MS} ms, MIN_SCHEDULE_INTERVAL_MS); write it in \
                 s, m, h or d"
            );
            reader.violation(at, Code::Limit, message);
            return None;
        }
        Some(Self(every))
    }
}

impl Parameter for CatchUp {
    const NAME: &'static str = "duration";

    fn schema() -> Value {
        HumanDuration::schema()
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let HumanDuration(window) = HumanDuration::read(value, at, reader)?;
        is_within(window, MAX_SCHEDULE_CATCH_UP_MS, "MAX_SCHEDULE_CATCH_UP_MS", at, reader)
            .then_some(Self(window))
    }
}

impl From<CatchUp> for Value {
    fn from(window: CatchUp) -> Self {
        HumanDuration(window.0).to_string().into()
    }
}

/// The kind.
pub static DECLARATION: Declaration = Declaration {
    name: "schedule",
    title: "Schedule",
    group: Group::Triggers,
    summary: "Starts runs at planned moments, by a cron pattern or an interval.",
    docs: "It starts runs while the workflow is `active`; a workflow may have several. Each occurrence starts one run, whose \
           id follows from the schedule and the planned moment, however often and by whatever it is looked at. How many \
           run at once is `settings.concurrency`'s to say.\n\n\
           When the clock of its zone is set forward, a time of the day that it jumps over occurs right after the jump; \
           when it is set back, one that it shows twice occurs the first time. A pattern with `*` or a step in its \
           seconds, minutes or hours goes on with time instead: nothing occurs in the jump, and what is shown twice \
           occurs twice. `every` does not look at clocks.\n\n\
           Saving another version, pausing (`active: false`) and deleting count from the moment at which that is \
           accepted: what was planned until then is the earlier version's. Its item says for when the run was \
           planned.\n\n\
           Different from n8n: a node has one pattern or interval, and a workflow several nodes. The zone is the node's, not \
           the workflow's. What was missed while nothing ran is made up for as `misfire` says; there it is lost. The item \
           has `planned_at` beside the fields that are there, and all of them are of the planned moment.",
    icon: "calendar-clock",
    trigger: true,
    error_port: false,
    params: Params::TABLE,
    check: Params::check_all,
    example: Example {
        params: r#"{"cron": "30 8 * * MON-FRI", "timezone": "Europe/Berlin"}"#,
        input: r#"[{"timestamp": "2026-12-24T08:30:00.000+01:00", "planned_at": "2026-12-24T07:30:00.000Z"}]"#,
        output: r#"{"main": [{"timestamp": "2026-12-24T08:30:00.000+01:00", "planned_at": "2026-12-24T07:30:00.000Z"}]}"#,
    },
    ..COMPUTES
};
