//! A line a change, for logs and pipes.

use std::collections::HashMap;

use console::style;
use domain::{
    ids::NodeId,
    run::{RunWithSteps, Step, StepStatus, WaitsFor},
};

use super::{
    Watcher, one_line, print,
    words::{brief, duration, next_attempt, padded, step_mark, took},
};
use crate::client::ClientError;

/// What was shown last.
pub(super) struct Plain {
    width: usize,
    shown: HashMap<NodeId, (StepStatus, u32)>,
    lost: bool,
}

impl Plain {
    pub(super) fn new(width: usize) -> Self {
        Self { width, shown: HashMap::new(), lost: false }
    }

    /// The lines for what is new.
    pub(super) fn news(&mut self, run: &RunWithSteps) -> Vec<String> {
        let mut lines = Vec::new();
        for step in &run.steps {
            let state = (step.status, step.attempts);
            if self.shown.insert(step.node_id.clone(), state) != Some(state) {
                lines.push(line(step, self.width));
            }
        }
        lines
    }
}

impl Watcher for Plain {
    fn saw(&mut self, run: &RunWithSteps) {
        if std::mem::take(&mut self.lost) {
            print("  the server answers again");
        }
        for line in self.news(run) {
            print(&line);
        }
    }

    fn lost(&mut self, error: &ClientError) {
        if !std::mem::replace(&mut self.lost, true) {
            let reason = error.to_string();
            print(&format!("  trying again: {}", one_line(reason.lines().next().unwrap_or_default())));
        }
    }

    fn ended(&mut self) {}
}

/// A step as it is now, in one line.
pub(super) fn line(step: &Step, width: usize) -> String {
    let mut parts = vec![format!("  {} {}", step_mark(step.status), padded(step.node_id.as_str(), width))];
    match step.status {
        StepStatus::Running if step.attempts > 1 => parts.push(dim(&format!("attempt {}", step.attempts))),
        StepStatus::Running => parts.push(dim(&step.kind)),
        StepStatus::Retrying => {
            let failed_at = step.error.as_ref().and_then(|error| error.history.last()).map(|last| last.at);
            let next = next_attempt(step)
                .zip(failed_at)
                .map(|(due, failed)| format!(", next in {}", duration(due.since(failed))));
            parts.push(format!("attempt {} failed{}", step.attempts, next.unwrap_or_default()));
        }
        StepStatus::Waiting => parts.push(waits_for(step)),
        StepStatus::Skipped | StepStatus::Cancelled | StepStatus::Unreadable => {
            parts.push(dim(step.status.as_str()));
        }
        StepStatus::Succeeded | StepStatus::Failed => {
            parts.push(took(step));
            if step.attempts > 1 {
                parts.push(dim(&format!("{} attempts", step.attempts)));
            }
        }
    }
    let told = matches!(step.status, StepStatus::Failed | StepStatus::Retrying | StepStatus::Unreadable);
    if let Some(error) = step.error.as_ref().filter(|_| told) {
        parts.push(dim(&brief(error)));
    }
    parts.join("  ")
}

/// What a waiting step waits for, in words.
fn waits_for(step: &Step) -> String {
    let Some(WaitsFor { until, signal, runs }) = &step.waits_for else { return "waits".to_owned() };
    let mut words = Vec::new();
    words.extend(until.map(|until| format!("until {until}")));
    words.extend(signal.as_ref().map(|name| format!("for the signal {}", one_line(name))));
    if !runs.is_empty() {
        words.push(format!("for the end of {} runs", runs.len()));
    }
    format!("waits {}", words.join(", or "))
}

fn dim(text: &str) -> String {
    style(text).dim().to_string()
}
