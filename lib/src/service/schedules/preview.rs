//! When a schedule would occur.

use serde_json::{Map, Value};

use super::Schedules;
use domain::{
    schedule::{ClockChange, Schedule},
    timestamp::Timestamp,
    violation::Violation,
};

/// What is asked: the occurrences of a schedule that need not be saved.
#[derive(Debug, Clone)]
pub struct Preview {
    /// Its parameters, as a node of the kind `schedule` has them.
    pub params: Map<String, Value>,
    /// How many occurrences: 1 to 100.
    pub count: usize,
    /// After when; `None`: now. An interval without `start` is counted from there.
    pub from: Option<Timestamp>,
}

/// An occurrence.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[schema(as = PlannedOccurrence)]
pub struct Previewed {
    /// For when it is planned.
    pub at: Timestamp,
    /// What the clock of the schedule's zone shows then, with its offset.
    pub local: String,
    /// What a change of that clock has to do with it; missing on other days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Schedules {
    /// The next occurrences of a schedule.
    ///
    /// # Errors
    /// What is wrong with its parameters, below `schedule`.
    pub fn preview(&self, asked: &Preview) -> Result<Vec<Previewed>, Vec<Violation>> {
        asked.occurrences(self.clock.now())
    }
}

impl Preview {
    /// The occurrences, when it is that time.
    ///
    /// # Errors
    /// What is wrong with the parameters, below `schedule`.
    pub fn occurrences(&self, now: Timestamp) -> Result<Vec<Previewed>, Vec<Violation>> {
        let from = self.from.unwrap_or(now);
        let schedule = Schedule::read(&self.params, "schedule", from)?;
        let next = schedule.all_after(from).take(self.count);
        Ok(next
            .map(|at| Previewed { at, local: schedule.zone.shown(at), note: note(&schedule, at) })
            .collect())
    }
}

/// What is said of a change of the clock.
fn note(schedule: &Schedule, at: Timestamp) -> Option<String> {
    Some(match schedule.clock_change(at)? {
        ClockChange::Skipped(meant) => format!(
            "the clock is set forward over {}, so it occurs right after that",
            meant.format("%H:%M:%S")
        ),
        ClockChange::RepeatedOnce => {
            "the clock is set back and shows this time twice; it occurs the first time".to_owned()
        }
        ClockChange::Repeated => {
            "the clock is set back and shows this time twice; it occurs both times".to_owned()
        }
    })
}
