//! Follows a run to its end by long polls.

use minireipaz::domain::run::RunWithSteps;

use crate::{
    client::{Client, ClientError, Wait},
    display::Watcher,
};

/// How long one long poll waits, in seconds.
const WAIT: u64 = 25;

/// So many polls in a row may fail while the server is away for a moment, as when it is started again.
const PATIENCE: u32 = 40;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(500);

/// Shows every revision that is seen, until the run has ended.
pub(crate) async fn follow(
    client: &Client,
    mut run: RunWithSteps,
    watcher: &mut impl Watcher,
) -> Result<RunWithSteps, ClientError> {
    let mut failures = 0;
    watcher.saw(&run);
    while !run.run.status.is_terminal() {
        match client.run(run.run.id, Some(Wait { seconds: WAIT, after: run.run.revision })).await {
            Ok(newer) => {
                failures = 0;
                run = newer;
                watcher.saw(&run);
            }
            Err(error) if failures < PATIENCE && is_passing(&error) => {
                failures += 1;
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(error),
        }
    }
    watcher.ended();
    Ok(run)
}

fn is_passing(error: &ClientError) -> bool {
    match error {
        ClientError::Unreachable { .. } => true,
        ClientError::Refused(problem) => matches!(problem.status, 429 | 502 | 503 | 504),
        ClientError::NotOurs { .. } => false,
    }
}
