//! A line a step that changes in place: a spinner, a countdown to the next attempt, how it ended.

use std::{fmt::Write, time::Duration};

use console::Term;
use domain::{
    ids::NodeId,
    run::{RunStatus, RunWithSteps, Step, StepStatus},
    timestamp::Timestamp,
};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use minireipaz::clock::{Clock as _, SystemClock};

use super::{
    Watcher, one_line,
    plain::line,
    words::{brief, duration, next_attempt, padded, queued},
};
use crate::client::ClientError;

const TICK: Duration = Duration::from_millis(100);
const SPINNER: &str = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ";
/// Lines that stay free: the run's own and the prompt's.
const FREE_LINES: usize = 3;

/// The lines.
pub(super) struct Live {
    width: usize,
    lines: MultiProgress,
    run: ProgressBar,
    steps: Vec<Shown>,
}

struct Shown {
    node: NodeId,
    state: (StepStatus, u32),
    bar: ProgressBar,
}

impl Shown {
    fn is_settled(&self) -> bool {
        !matches!(self.state.0, StepStatus::Running | StepStatus::Retrying)
    }
}

impl Live {
    pub(super) fn new(width: usize) -> Self {
        let lines = MultiProgress::with_draw_target(ProgressDrawTarget::stdout());
        let run = lines.add(ProgressBar::new_spinner());
        run.enable_steady_tick(TICK);
        Self { width, lines, run, steps: Vec::new() }
    }

    /// The line of the run itself, below its steps.
    fn note(&self, text: &str) {
        self.run.set_style(style(if text.is_empty() { " " } else { "  {spinner:.dim} {wide_msg:.dim}" }));
        self.run.set_message(text.to_owned());
    }

    fn show_step(&mut self, step: &Step) {
        let state = (step.status, step.attempts);
        let shown = match self.steps.iter_mut().find(|shown| shown.node == step.node_id) {
            Some(shown) if shown.state == state => return,
            Some(shown) => shown,
            None => {
                let bar = self.lines.insert_before(&self.run, ProgressBar::new_spinner());
                self.steps.push(Shown { node: step.node_id.clone(), state, bar });
                let Some(shown) = self.steps.last_mut() else { return };
                if let Some(started) = step.started_at {
                    shown.bar = shown.bar.clone().with_elapsed(SystemClock.now().since(started));
                }
                shown
            }
        };
        shown.state = state;
        dress(&shown.bar, step, self.width);
    }

    /// A screen shows only so many lines; steps that are done leave it first, and come back in the table.
    fn make_room(&mut self, rows: usize) {
        let room = rows.saturating_sub(FREE_LINES).max(1);
        while self.steps.iter().filter(|shown| !shown.bar.is_hidden()).count() > room {
            let Some(old) = self.steps.iter().find(|shown| shown.is_settled() && !shown.bar.is_hidden())
            else {
                return;
            };
            self.lines.remove(&old.bar);
            old.bar.set_draw_target(ProgressDrawTarget::hidden());
        }
    }
}

impl Watcher for Live {
    fn saw(&mut self, run: &RunWithSteps) {
        for step in &run.steps {
            self.show_step(step);
        }
        // A step that is under way says it better.
        let queued = queued(&run.run);
        self.note(match run.run.status {
            _ if self.steps.iter().any(|shown| !shown.is_settled()) => "",
            RunStatus::Queued => &queued,
            RunStatus::Waiting => "waiting",
            _ => "",
        });
        self.make_room(usize::from(Term::stdout().size().0));
    }

    fn lost(&mut self, error: &ClientError) {
        let reason = one_line(error.to_string().lines().next().unwrap_or_default());
        self.note(&format!("trying again: {reason}"));
    }

    fn ended(&mut self) {
        for shown in &self.steps {
            shown.bar.finish_and_clear();
        }
        self.run.finish_and_clear();
    }
}

/// Gives a step's line the look of its state.
fn dress(bar: &ProgressBar, step: &Step, width: usize) {
    bar.set_prefix(padded(step.node_id.as_str(), width));
    match step.status {
        StepStatus::Running => {
            let attempt =
                if step.attempts > 1 { format!(" · attempt {}", step.attempts) } else { String::new() };
            let look = style("  {spinner:.cyan} {prefix}  {took:.cyan}  {wide_msg:.dim}");
            bar.set_style(look.with_key("took", |state: &ProgressState, text: &mut dyn Write| {
                let _ = text.write_str(&ticking(state.elapsed()));
            }));
            bar.set_message(format!("{}{attempt}", one_line(&step.kind)));
            bar.enable_steady_tick(TICK);
        }
        StepStatus::Retrying => {
            let due = next_attempt(step);
            let look = style("  {spinner:.yellow} {prefix}  {next:.yellow}  {wide_msg:.dim}");
            bar.set_style(look.with_key("next", move |_: &ProgressState, text: &mut dyn Write| {
                let _ = text.write_str(&countdown(due, SystemClock.now()));
            }));
            let error = step.error.as_ref().map(brief).unwrap_or_default();
            bar.set_message(format!("attempt {} failed · {error}", step.attempts));
            bar.enable_steady_tick(TICK);
        }
        _ => {
            bar.disable_steady_tick();
            bar.set_style(style("{wide_msg}"));
            bar.finish_with_message(line(step, width));
        }
    }
}

/// What is left until the next attempt.
fn countdown(due: Option<Timestamp>, now: Timestamp) -> String {
    match due.map(|due| due.since(now)) {
        Some(left) if !left.is_zero() => format!("again in {}", ticking(left)),
        _ => "retrying".to_owned(),
    }
}

/// A duration that changes while it is looked at: always as wide, without the digits that only flicker.
fn ticking(of: Duration) -> String {
    if of < Duration::from_secs(60) { format!("{:.1} s", of.as_secs_f64()) } else { duration(of) }
}

/// A template is fixed text; should it be wrong, a line without a look is better than none.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .tick_chars(SPINNER)
}

#[cfg(test)]
mod tests {
    use indicatif::InMemoryTerm;
    use serde_json::json;

    use super::*;
    use crate::fake;

    #[test]
    fn the_countdown_ends_with_the_retry() {
        let due = Timestamp::from_millis(10_000);
        assert_eq!(countdown(Some(due), Timestamp::from_millis(7_440)), "again in 2.6 s");
        assert_eq!(countdown(Some(due), Timestamp::from_millis(10_000)), "retrying");
        assert_eq!(countdown(None, due), "retrying");
    }

    #[test]
    fn steps_are_lines_in_the_order_in_which_they_began_and_leave_the_screen_at_the_end() {
        let screen = InMemoryTerm::new(10, 80);
        let mut live = Live::new(8);
        live.lines.set_draw_target(ProgressDrawTarget::term_like(Box::new(screen.clone())));
        let mut run = fake::run("running", 2);
        run["steps"] = json!([fake::step("first", "running"), fake::step("second", "skipped")]);
        live.saw(&serde_json::from_value(run.clone()).unwrap());
        run["steps"][0] = fake::step("first", "succeeded");
        live.saw(&serde_json::from_value(run).unwrap());
        let text = console::strip_ansi_codes(&screen.contents()).into_owned();
        let lines: Vec<_> = text.lines().map(str::trim_end).collect();
        assert_eq!(lines[..2], ["  ✔ first     120 ms", "  ⊘ second    skipped"], "{text}");
        live.ended();
        assert_eq!(screen.contents().trim(), "");
    }
}
