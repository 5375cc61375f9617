//! Statistics of runs that have ended. Test runs are in none.

use serde::{Deserialize, Serialize};

use super::{
    alert::ErrorPattern,
    ids::{RunId, WorkflowId},
    run::RunStatus,
    timestamp::Timestamp,
};

/// What became of the runs that were accepted within a window.
///
/// A run counts in the hour in which it was accepted, once it has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RunStats {
    /// The first moment of the window, a whole hour.
    pub from: Timestamp,
    /// The first moment after it, a whole hour.
    pub to: Timestamp,
    /// How long a point of the series is.
    pub bucket: Bucket,
    /// All of the window.
    pub totals: Totals,
    /// How long those of them took that began; missing when none did.
    pub durations: Option<Durations>,
    /// The window by buckets, oldest first; those without runs are left out.
    pub series: Vec<StatsPoint>,
    /// Why most of those failed that did, the most frequent first.
    pub errors: Vec<RecurringError>,
    /// The runs that were accepted last of those that have ended.
    pub recent: Vec<RecentRun>,
}

/// How long a point of a series is. Days are those of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bucket {
    /// 60 minutes.
    Hour,
    /// 24 hours.
    Day,
}

/// An hour, in milliseconds.
pub const HOUR_MS: i64 = 3_600_000;

impl Bucket {
    /// Its length, in milliseconds.
    #[must_use]
    pub const fn millis(self) -> i64 {
        match self {
            Self::Hour => HOUR_MS,
            Self::Day => 24 * HOUR_MS,
        }
    }

    /// The first moment of the bucket that a moment is in.
    #[must_use]
    pub const fn start(self, at: Timestamp) -> Timestamp {
        let millis = at.as_millis();
        Timestamp::from_millis(millis - millis.rem_euclid(self.millis()))
    }
}

/// Runs by how they ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Totals {
    /// Runs that succeeded.
    pub succeeded: u64,
    /// Runs that failed.
    pub failed: u64,
    /// Runs that somebody stopped, or a limit of their workflow.
    pub cancelled: u64,
    /// Runs whose time was up.
    pub timed_out: u64,
}

impl Totals {
    /// Counts a run that ended so.
    pub const fn count(&mut self, status: RunStatus) {
        match status {
            RunStatus::Succeeded => self.succeeded += 1,
            RunStatus::Failed => self.failed += 1,
            RunStatus::Cancelled => self.cancelled += 1,
            RunStatus::TimedOut => self.timed_out += 1,
            RunStatus::Queued | RunStatus::Running | RunStatus::Waiting => {}
        }
    }

    /// All of them.
    #[must_use]
    pub const fn all(&self) -> u64 {
        self.succeeded + self.failed + self.cancelled + self.timed_out
    }

    /// Of those that were not cancelled the part that succeeded, 0 to 1; `None` without any.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a part of a whole")]
    pub fn success_rate(&self) -> Option<f64> {
        let judged = self.all() - self.cancelled;
        (judged > 0).then(|| self.succeeded as f64 / judged as f64)
    }
}

/// How long runs took from when a worker began them to their end, in milliseconds, waits included.
///
/// Each is that of a run which took longer than so many of 100, about: what is kept of runs for this is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Durations {
    /// Half of the runs took no longer.
    pub p50_ms: u64,
    /// 95 of 100.
    pub p95_ms: u64,
    /// 99 of 100.
    pub p99_ms: u64,
}

/// A bucket of the series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StatsPoint {
    /// Its first moment.
    pub at: Timestamp,
    /// Its runs.
    pub totals: Totals,
    /// How long they took.
    pub durations: Option<Durations>,
}

/// An error that ended runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RecurringError {
    /// What it has in common.
    pub pattern: ErrorPattern,
    /// How many runs.
    pub runs: u64,
}

/// A run that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RecentRun {
    /// Its id.
    pub id: RunId,
    /// The workflow that it ran.
    pub workflow_id: WorkflowId,
    /// How it ended.
    pub status: RunStatus,
    /// The kind of its trigger.
    pub trigger: String,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_cancels_a_run_makes_no_failure_of_it() {
        let mut totals = Totals::default();
        assert_eq!(totals.success_rate(), None);
        for status in [RunStatus::Cancelled, RunStatus::Running, RunStatus::Succeeded, RunStatus::TimedOut] {
            totals.count(status);
        }
        assert_eq!((totals.all(), totals.success_rate()), (3, Some(0.5)));
    }

    #[test]
    fn buckets_begin_at_whole_hours_and_days() {
        let at: Timestamp = "2026-11-30T10:59:59.999Z".parse().unwrap();
        assert_eq!(Bucket::Hour.start(at).to_string(), "2026-11-30T10:00:00.000Z");
        assert_eq!(Bucket::Day.start(at).to_string(), "2026-11-30T00:00:00.000Z");
    }
}
