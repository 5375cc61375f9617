//! States and times in words and colours.

use std::time::Duration;

use console::style;
use minireipaz::domain::run::{RunStatus, Step, StepStatus};

/// A duration as people say it: `12 ms`, `3.4 s`, `2 min 5 s`.
pub(crate) fn duration(of: Duration) -> String {
    match of.as_millis() {
        millis @ 0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{:.1} s", of.as_secs_f64()),
        _ => format!("{} min {} s", of.as_secs() / 60, of.as_secs() % 60),
    }
}

/// A run's status in its colour.
pub(crate) fn run_status(status: RunStatus) -> String {
    let text = style(status.as_str());
    match status {
        RunStatus::Succeeded => text.green(),
        RunStatus::Failed | RunStatus::TimedOut => text.red(),
        RunStatus::Cancelled => text.yellow(),
        RunStatus::Queued | RunStatus::Running | RunStatus::Waiting => text.cyan(),
    }
    .to_string()
}

/// A step's status.
pub(super) const fn step_status(status: StepStatus) -> &'static str {
    status.as_str()
}

/// A step's status as a sign.
pub(super) fn step_mark(status: StepStatus) -> String {
    match status {
        StepStatus::Running => style("●").cyan(),
        StepStatus::Retrying => style("↻").yellow(),
        StepStatus::Succeeded => style("✔").green(),
        StepStatus::Failed => style("✖").red(),
        StepStatus::Skipped => style("⊘").dim(),
        StepStatus::Cancelled => style("■").yellow(),
    }
    .to_string()
}

/// How long a step took; nothing while it has not ended.
pub(super) fn took(step: &Step) -> String {
    step.finished_at.zip(step.started_at).map(|(end, start)| duration(end.since(start))).unwrap_or_default()
}
