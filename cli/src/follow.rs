//! Follows a run to its end by long polls; a server that is started again meanwhile is waited for.

use std::time::Duration;

use domain::run::RunWithSteps;
use tokio::time::{Instant, sleep};

use crate::{
    client::{Client, ClientError, Wait},
    display::Watcher,
};

/// How long one long poll waits, in seconds.
const WAIT: u64 = 25;
/// How long a server that is away is waited for: `minireipaz dev` may have to start `ClickHouse` again.
const PATIENCE: Duration = Duration::from_secs(120);
/// The pause before it is asked again.
const PAUSE: Duration = Duration::from_millis(500);

/// Shows every revision that is seen, until the run has ended.
pub(crate) async fn follow(
    client: &Client,
    run: RunWithSteps,
    watcher: &mut dyn Watcher,
) -> Result<RunWithSteps, ClientError> {
    let ended = poll(client, run, watcher).await;
    watcher.ended();
    ended
}

async fn poll(
    client: &Client,
    mut run: RunWithSteps,
    watcher: &mut dyn Watcher,
) -> Result<RunWithSteps, ClientError> {
    let mut away: Option<Instant> = None;
    watcher.saw(&run);
    while !run.run.status.is_terminal() {
        let asked = Instant::now();
        match client.run(run.run.id, Some(Wait { seconds: WAIT, after: run.run.revision })).await {
            Ok(newer) => {
                away = None;
                let news = newer.run.revision > run.run.revision;
                run = newer;
                watcher.saw(&run);
                // A proxy that does not let us wait must not make us ask without end.
                if !news && asked.elapsed() < PAUSE {
                    sleep(PAUSE).await;
                }
            }
            Err(error) if is_passing(&error) && away.is_none_or(|since| since.elapsed() < PATIENCE) => {
                away.get_or_insert(asked);
                watcher.lost(&error);
                sleep(PAUSE).await;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(run)
}

fn is_passing(error: &ClientError) -> bool {
    let status = match error {
        ClientError::Unreachable { .. } => return true,
        ClientError::Refused(problem) => problem.status,
        // A proxy in front of a server that is away.
        ClientError::NotOurs { status, .. } => *status,
    };
    matches!(status, 429 | 502 | 503 | 504)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        display::Silent,
        fake::{Fake, RUN, run},
    };

    fn parsed(value: serde_json::Value) -> RunWithSteps {
        serde_json::from_value(value).unwrap()
    }

    #[tokio::test]
    async fn each_poll_asks_for_what_is_newer_than_the_last_answer() {
        let path = format!("GET /runs/{RUN}");
        let fake =
            Fake::new().on(&path, 200, &run("running", 3)).on(&path, 200, &run("succeeded", 7)).start().await;
        let ended = follow(&fake.client(), parsed(run("queued", 1)), &mut Silent).await.unwrap();
        assert_eq!(ended.run.revision, 7);
        let queries: Vec<_> = fake.requests().into_iter().map(|request| request.query).collect();
        assert_eq!(queries, ["wait=25&after=1", "wait=25&after=3"]);
    }

    #[tokio::test]
    async fn a_run_that_has_ended_is_not_asked_for_again() {
        let fake = Fake::new().start().await;
        follow(&fake.client(), parsed(run("failed", 2)), &mut Silent).await.unwrap();
        assert!(fake.requests().is_empty());
    }

    #[tokio::test]
    async fn a_server_that_is_away_for_a_moment_is_waited_for() {
        let path = format!("GET /runs/{RUN}");
        let away = json!({"title": "Not now", "status": 503, "code": "unavailable"});
        let fake = Fake::new().on(&path, 503, &away).on(&path, 200, &run("succeeded", 2)).start().await;
        let ended = follow(&fake.client(), parsed(run("queued", 1)), &mut Silent).await.unwrap();
        assert!(ended.run.status.is_terminal());
    }

    #[tokio::test]
    async fn a_refusal_ends_the_following() {
        let gone = json!({"title": "No such run", "status": 404, "code": "run_not_found"});
        let fake = Fake::new().on(&format!("GET /runs/{RUN}"), 404, &gone).start().await;
        let error = follow(&fake.client(), parsed(run("queued", 1)), &mut Silent).await.unwrap_err();
        assert!(matches!(error, ClientError::Refused(problem) if problem.status == 404));
        assert_eq!(fake.requests().len(), 1);
    }
}
