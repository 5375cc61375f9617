//! About how much memory runs and outcomes take.

use domain::{
    items::{Item, Output},
    lineage::Origins,
    measure::{item_memory, value_memory},
    run::NodeError,
};

use crate::engine::{Outcome, RunHeader, StepRun, Wake};

/// A run in memory takes so much beside its data.
const RUN_BYTES: usize = 2 << 10;

/// A run to which nothing has happened, with that many nodes and a document of that many bytes. (Its input becomes the
/// items of its trigger.)
pub(super) fn of_new_run(header: &RunHeader, nodes: usize, document: usize) -> usize {
    RUN_BYTES + document + nodes * size_of::<StepRun>() + value_memory(&header.input)
}

/// What a step has brought into its run.
pub(super) fn of_step(step: &StepRun) -> usize {
    let output = step.output().map_or(0, |output| of_output(output));
    let woken = match step.woken().map(|woken| &woken.by) {
        Some(Wake::Signal(data)) => value_memory(data),
        Some(Wake::Moment | Wake::Runs) | None => 0,
    };
    output + step.kept().map_or(0, |kept| value_memory(kept)) + step.error().map_or(0, of_error) + woken
}

/// What an attempt's end brings.
pub(super) fn of_outcome(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Succeeded(output) => of_output(output),
        Outcome::Failed(failed) => {
            let kept = failed.partial.as_ref().map_or(0, value_memory);
            kept + failed.fallback.as_ref().map_or(0, of_output) + of_error(&failed.error)
        }
        Outcome::Later(later) => later.kept.as_ref().map_or(0, value_memory),
    }
}

fn of_output(output: &Output) -> usize {
    let item = |item: &Item| size_of::<Item>() + item_memory(item);
    let items = output.ports.values().map(|items| items.iter().map(item).sum::<usize>());
    let origins = |origins: &Origins| size_of::<Origins>() + size_of_val(origins.as_slice());
    let lineage = output.lineage.values().map(|items| items.iter().map(origins).sum::<usize>());
    let console = output.console.iter().map(|line| size_of::<String>() + line.len());
    let response = output.response.as_ref().map_or(0, |response| value_memory(&response.body));
    items.sum::<usize>() + lineage.sum::<usize>() + console.sum::<usize>() + response
}

fn of_error(error: &NodeError) -> usize {
    let history = error.history.iter().map(|attempt| size_of_val(attempt) + attempt.message.len());
    error.message.len() + error.details.as_ref().map_or(0, value_memory) + history.sum::<usize>()
}
