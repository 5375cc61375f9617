//! How runs look on the terminal: while they go on, and when they are over.

mod live;
mod plain;
mod table;
mod words;

use std::io::Write as _;

use console::Term;
use domain::{
    ids::RunId,
    run::{NodeError, RunWithSteps, Step, StepStatus},
};

use crate::client::ClientError;
pub(crate) use table::table;
pub(crate) use words::{duration, moment, one_line, run_status};
use words::{name_width, step_status, took};

/// Sees a run's revisions as they come.
pub(crate) trait Watcher {
    /// A revision.
    fn saw(&mut self, run: &RunWithSteps);
    /// The server did not answer; it is asked again.
    fn lost(&mut self, error: &ClientError);
    /// There are no more.
    fn ended(&mut self);
}

/// Shows nothing.
pub(crate) struct Silent;

impl Watcher for Silent {
    fn saw(&mut self, _: &RunWithSteps) {}
    fn lost(&mut self, _: &ClientError) {}
    fn ended(&mut self) {}
}

/// A line a step: redrawn in place on a terminal, a line a change elsewhere. `names` are the nodes to come, as far
/// as they are known.
pub(crate) fn for_people<'n>(names: impl Iterator<Item = &'n str>) -> Box<dyn Watcher> {
    let width = name_width(names);
    if Term::stdout().is_term() {
        Box::new(live::Live::new(width))
    } else {
        Box::new(plain::Plain::new(width))
    }
}

/// Prints a line. Whoever stops reading, as `head` does, has read enough.
pub(crate) fn print(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// What is about to run.
pub(crate) fn headline(workflow: &str, version: u32, run: RunId) -> String {
    let dim = console::style(format!("v{version} · run {run}")).dim();
    format!("\n  {} {dim}\n", console::style(one_line(workflow)).bold())
}

/// The steps as a table, the errors or the output, and how it ended.
pub(crate) fn summary(run: &RunWithSteps) -> String {
    let mut text = String::new();
    if !run.steps.is_empty() {
        let rows: Vec<_> = run.steps.iter().map(row).collect();
        text.push_str(&format!(
            "\n{}\n",
            indent(&table(&["step", "kind", "status", "attempts", "took"], &rows))
        ));
    }
    for (place, error) in errors(run) {
        text.push_str(&format!("\n{}\n", indent(&explain(place, error))));
    }
    if !run.left_out.is_empty() {
        let bytes: usize = run.left_out.iter().map(|left_out| left_out.bytes).sum();
        let outputs = run.left_out.len();
        text.push_str(&format!("\n  {outputs} large outputs, {bytes} bytes, are not shown\n"));
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
    let begun = step.status != StepStatus::Skipped;
    vec![
        step.node_id.to_string(),
        console::style(&step.kind).dim().to_string(),
        step_status(step.status),
        if begun { step.attempts.to_string() } else { String::new() },
        took(step),
    ]
}

/// Every step's error, also where the run went on after it, and the run's own, unless it is one of them.
fn errors(run: &RunWithSteps) -> Vec<(Option<&str>, &NodeError)> {
    let failed = |step: &&Step| matches!(step.status, StepStatus::Failed | StepStatus::Unreadable);
    let failed = run.steps.iter().filter(failed);
    let mut errors: Vec<_> =
        failed.filter_map(|step| Some((Some(step.node_id.as_str()), step.error.as_ref()?))).collect();
    if let Some(error) = &run.run.error {
        let place = error.node_id.as_ref().map(|node| node.as_str());
        match errors.iter_mut().find(|(known, _)| place.is_some() && *known == place) {
            // The run may have kept more of it, such as its attempts.
            Some(known) if known.1.history.len() < error.history.len() => known.1 = error,
            Some(_) => {}
            None => errors.push((place, error)),
        }
    }
    errors
}

fn explain(place: Option<&str>, error: &NodeError) -> String {
    let place = place.map(|node| format!("{node}: ")).unwrap_or_default();
    let code = console::style(format!("({})", one_line(&error.code))).dim();
    let mut text = format!("{} {place}{} {code}", console::style("✖").red(), one_line(&error.message));
    // One attempt is the error itself.
    for attempt in error.history.iter().filter(|_| error.history.len() > 1) {
        let line = format!("attempt {}: {}", attempt.attempt, one_line(&attempt.message));
        text.push_str(&format!("\n  {}", console::style(line).dim()));
    }
    text
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
