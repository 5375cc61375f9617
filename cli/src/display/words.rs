//! States, times and errors in words and colours.

use std::time::Duration;

use console::{Alignment, StyledObject, pad_str, style};
use domain::{
    run::{NodeError, Run, RunStatus, RunWaitsFor, SeatLimit, Step, StepStatus},
    timestamp::Timestamp,
};

/// Names are padded to the longest, within reason.
const NAME_WIDTHS: std::ops::RangeInclusive<usize> = 8..=32;
/// The most characters of an error's message in a step's line; the summary has it in full.
const BRIEF: usize = 100;

/// A duration as people say it: `12 ms`, `3.4 s`, `2 min 5 s`, `2 h 7 min`, `3 d 2 h`.
pub(crate) fn duration(of: Duration) -> String {
    let seconds = of.as_secs();
    match of.as_millis() {
        millis @ 0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{:.1} s", of.as_secs_f64()),
        60_000..3_600_000 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600_000..86_400_000 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// A moment to the second, in UTC.
pub(crate) fn moment(at: Timestamp) -> String {
    at.to_string().chars().take(19).collect::<String>().replace('T', " ")
}

/// A run's status in its colour.
pub(crate) fn run_status(status: RunStatus) -> String {
    let text = match status {
        RunStatus::Queued => style("… queued").cyan(),
        RunStatus::Running => style("● running").cyan(),
        RunStatus::Waiting => style("◷ waiting").cyan(),
        RunStatus::Succeeded => style("✔ succeeded").green(),
        RunStatus::Failed => style("✖ failed").red(),
        RunStatus::TimedOut => style("✖ timed out").red(),
        RunStatus::Cancelled => style("■ cancelled").yellow(),
    };
    text.to_string()
}

/// What a run that has not begun waits for.
pub(super) fn queued(run: &Run) -> String {
    let Some(RunWaitsFor { seat: SeatLimit { limit, key } }) = &run.waits_for else {
        return "queued: a worker takes it in a moment".to_owned();
    };
    let same = key.as_ref().map_or_else(String::new, |key| format!(" with the same {}", one_line(key)));
    format!("queued: it waits for its turn, {limit} at once of its workflow's runs{same}")
}

/// A step's mark and colour, around `text`.
fn coloured(status: StepStatus, text: &str) -> StyledObject<String> {
    let text = style(format!("{}{text}", mark(status)));
    match status {
        StepStatus::Running | StepStatus::Waiting => text.cyan(),
        StepStatus::Retrying | StepStatus::Cancelled | StepStatus::Unreadable => text.yellow(),
        StepStatus::Succeeded => text.green(),
        StepStatus::Failed => text.red(),
        StepStatus::Skipped => text.dim(),
    }
}

const fn mark(status: StepStatus) -> &'static str {
    match status {
        StepStatus::Running => "●",
        StepStatus::Retrying => "↻",
        StepStatus::Waiting => "◔",
        StepStatus::Succeeded => "✔",
        StepStatus::Failed => "✖",
        StepStatus::Skipped => "⊘",
        StepStatus::Cancelled => "■",
        StepStatus::Unreadable => "?",
    }
}

/// A step's status as a sign.
pub(super) fn step_mark(status: StepStatus) -> String {
    coloured(status, "").to_string()
}

/// A step's status as a sign and a word.
pub(super) fn step_status(status: StepStatus) -> String {
    coloured(status, &format!(" {}", status.as_str())).to_string()
}

/// How long a step took; nothing while it has not ended, and for one that did nothing.
pub(super) fn took(step: &Step) -> String {
    if step.status == StepStatus::Skipped {
        return String::new();
    }
    step.finished_at.zip(step.started_at).map(|(end, start)| duration(end.since(start))).unwrap_or_default()
}

/// When the next attempt is due, if the last failure says so.
pub(super) fn next_attempt(step: &Step) -> Option<Timestamp> {
    let last = step.error.as_ref()?.history.last()?;
    Some(last.at.plus(Duration::from_millis(last.delay_ms?)))
}

/// An error in one short line.
pub(super) fn brief(error: &NodeError) -> String {
    let message = one_line(&error.message);
    match message.char_indices().nth(BRIEF) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message,
    }
}

/// The text without line ends and control characters: what came from elsewhere must not steer the terminal.
pub(crate) fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The width of the column of names.
pub(super) fn name_width<'n>(names: impl Iterator<Item = &'n str>) -> usize {
    let widest = names.map(console::measure_text_width).max().unwrap_or(0);
    widest.clamp(*NAME_WIDTHS.start(), *NAME_WIDTHS.end())
}

/// A name, padded.
pub(super) fn padded(name: &str, width: usize) -> String {
    pad_str(name, width, Alignment::Left, None).into_owned()
}
