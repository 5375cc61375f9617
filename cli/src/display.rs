//! How runs look on the terminal: while they go on, and when they are over.

mod live;
mod words;

use minireipaz::domain::{
    ids::RunId,
    run::{NodeError, RunWithSteps, Step},
};

use crate::commands::table;
pub(crate) use live::{Live, Silent};
pub(crate) use words::{duration, run_status};
use words::{step_mark, step_status, took};

/// Sees a run's revisions as they come.
pub(crate) trait Watcher {
    /// A revision.
    fn saw(&mut self, run: &RunWithSteps);
    /// There are no more.
    fn ended(&mut self);
}

/// What is about to run.
pub(crate) fn headline(workflow: &str, version: u32, run: RunId) -> String {
    let dim = console::style(format!("v{version} · run {run}")).dim();
    format!("\n  {} {dim}\n", console::style(workflow).bold())
}

/// The steps as a table, the error or the output, and how it ended.
pub(crate) fn summary(run: &RunWithSteps) -> String {
    let rows: Vec<_> = run.steps.iter().map(row).collect();
    let mut text = format!("\n{}\n", indent(&table(&["step", "kind", "status", "attempts", "took"], &rows)));
    if let Some(error) = &run.run.error {
        text.push_str(&format!("\n{}\n", indent(&explain(error))));
    }
    if let Some(output) = &run.run.output {
        let pretty = serde_json::to_string_pretty(output).unwrap_or_default();
        text.push_str(&format!("\n{}\n", indent(&pretty)));
    }
    let took = run.run.finished_at.map(|end| format!(" in {}", duration(end.since(run.run.created_at))));
    text.push_str(&format!("\n  {}{}\n", run_status(run.run.status), took.unwrap_or_default()));
    text
}

fn row(step: &Step) -> Vec<String> {
    vec![
        format!("{} {}", step_mark(step.status), step.node_id),
        step.kind.clone(),
        step_status(step.status).to_owned(),
        step.attempts.to_string(),
        took(step),
    ]
}

fn explain(error: &NodeError) -> String {
    let place = error.node_id.as_ref().map(|node| format!("{node}: ")).unwrap_or_default();
    let mut text = format!("{} {place}{} ({})", console::style("✖").red(), error.message, error.code);
    for attempt in &error.history {
        text.push_str(&format!("\n  attempt {}: {}", attempt.attempt, attempt.message));
    }
    text
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
