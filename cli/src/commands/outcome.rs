//! Following a run to its end, and judging how it ended: what `run` and `runs watch` share.

use domain::run::{RunStatus, RunWithSteps};

use crate::{client::Client, display::Watcher, failure::Failure, follow::follow};

/// Follows the run until it has ended, or until Ctrl-C.
pub(super) async fn watch(
    client: &Client,
    run: RunWithSteps,
    watcher: &mut dyn Watcher,
) -> Result<RunWithSteps, Failure> {
    let id = run.run.id;
    let ended = tokio::select! {
        ended = follow(client, run, watcher) => Some(ended?),
        _ = tokio::signal::ctrl_c() => None,
    };
    ended.ok_or_else(|| {
        watcher.ended();
        Failure::Interrupted(id)
    })
}

/// Only a run that succeeded is well.
pub(super) fn judge(status: RunStatus) -> Result<(), Failure> {
    match status {
        RunStatus::Succeeded => Ok(()),
        _ => Err(Failure::Run),
    }
}
