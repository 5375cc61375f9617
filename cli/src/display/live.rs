//! A run while it goes on: a line a step, redrawn in place on a terminal, appended elsewhere.

use std::{collections::HashMap, time::Duration};

use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use minireipaz::domain::{
    ids::NodeId,
    run::{RunWithSteps, Step, StepStatus},
};

use super::{
    Watcher,
    words::{step_mark, step_status, took},
};

/// Shows nothing.
pub(crate) struct Silent;

impl Watcher for Silent {
    fn saw(&mut self, _: &RunWithSteps) {}
    fn ended(&mut self) {}
}

/// Shows each step as it changes.
pub(crate) struct Live {
    bars: Option<MultiProgress>,
    steps: HashMap<NodeId, Shown>,
}

struct Shown {
    state: (StepStatus, u32),
    bar: Option<ProgressBar>,
}

impl Live {
    /// Nothing seen yet.
    pub(crate) fn new() -> Self {
        Self { bars: Term::stdout().is_term().then(MultiProgress::new), steps: HashMap::new() }
    }
}

impl Watcher for Live {
    fn saw(&mut self, run: &RunWithSteps) {
        for step in &run.steps {
            let state = (step.status, step.attempts);
            let known = self.steps.get(&step.node_id);
            if known.is_some_and(|shown| shown.state == state) {
                continue;
            }
            let bar = match (known.and_then(|shown| shown.bar.clone()), &self.bars) {
                (Some(bar), _) => Some(bar),
                (None, Some(bars)) => Some(bars.add(spinner())),
                (None, None) => None,
            };
            match &bar {
                Some(bar) => redraw(bar, step),
                None => println!("  {}", line(step)),
            }
            self.steps.insert(step.node_id.clone(), Shown { state, bar });
        }
    }

    fn ended(&mut self) {
        // The table that follows says the same, for good.
        if let Some(bars) = &self.bars {
            let _ = bars.clear();
        }
    }
}

fn spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn redraw(bar: &ProgressBar, step: &Step) {
    let settled = !matches!(step.status, StepStatus::Running | StepStatus::Retrying);
    let template = if settled { "  {msg}" } else { "  {spinner:.cyan} {msg} {elapsed:.dim}" };
    if let Ok(look) = ProgressStyle::with_template(template) {
        bar.set_style(look);
    }
    let text = line(step);
    if settled {
        bar.finish_with_message(text);
    } else {
        bar.set_message(text);
    }
}

/// One step in one line.
pub(super) fn line(step: &Step) -> String {
    let attempts = if step.attempts > 1 { format!(", attempt {}", step.attempts) } else { String::new() };
    let why = match (&step.error, step.status) {
        (Some(error), StepStatus::Failed | StepStatus::Retrying) => format!(" – {}", error.message),
        _ => String::new(),
    };
    let took = match took(step) {
        text if text.is_empty() => text,
        text => format!(" {}", console::style(text).dim()),
    };
    format!("{} {} {}{attempts}{took}{why}", step_mark(step.status), step.node_id, step_status(step.status))
}
