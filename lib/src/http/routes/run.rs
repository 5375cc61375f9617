//! `/api/v1/runs/{id}`: read, wait, follow.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::{StreamExt, stream};
use http::StatusCode;
use utoipa_axum::routes;

use super::{Problems, QUICK, Routes, run_json, within};
use crate::{
    http::{
        extract::{Authorized, MAX_WAIT, OfNode, RunPath, RunsRead, Waiting},
        problem::ApiError,
        state::AppState,
    },
    service::{Follow, FoundRun, Until},
};
use domain::{ids::RunId, run::RunWithSteps};

/// How often a stream without news shows that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The route.
#[must_use]
pub fn router() -> Routes {
    within(QUICK + MAX_WAIT, Routes::new().routes(routes!(get)))
}

/// A run with its steps; of a node in a loop the step of the newest iteration.
///
/// - Without `wait`: as it is now.
/// - With `wait` and `after`: as soon as its revision is above `after`, or it has ended.
/// - With `wait` alone: as soon as it has ended.
/// - A run that was accepted less than a minute ago and is not recorded yet is waited for, whatever `wait` says, up to
///   3 seconds.
/// - When the wait is over, it comes as it is then: look at `status` and `revision`, and ask again.
/// - With `node`: likewise, with the steps of that node alone, also those whose outputs an answer with all of them
///   leaves out, and of a node in a loop those of its newest 20 iterations, or with `before` of the 20 before that one.
///   (`GET /api/v1/runs/{id}/items` gives a step's items by page.) A node that the run's workflow does not have
///   is a 404 (`node_not_found`), at once. (Streams show all of them.)
/// - With `Accept: text/event-stream`: its revisions as server-sent events, the run as data and the revision as
///   id, from the present one on (or the first above `Last-Event-ID` or `after`) to the last. The stream may end
///   before the run does: connect again. A client that has seen the last revision gets 204.
#[utoipa::path(get, path = "/api/v1/runs/{id}", operation_id = "getRun", tag = "runs", params(
    ("id" = RunId, Path, description = "The run's id."),
    ("wait" = Option<u64>, Query, description = "Seconds to wait, at most 60; 25 suits most proxies.", maximum = 60),
    ("after" = Option<u64>, Query, description = "The revision that you have."),
    ("node" = Option<String>, Query, description = "A node's id.", min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$"),
    ("before" = Option<String>, Query, description = "With `node`: an iteration, such as `2` or, in a loop within a loop, `0.3`.", pattern = r"^[0-9]{1,9}(\.[0-9]{1,9})*$"),
    ("Prefer" = Option<String>, Header, description = "`wait=25` is the same as the parameter."),
    ("Last-Event-ID" = Option<u64>, Header, description = "For streams: the revision that you have."),
), responses(
    (status = 200, description = "The run, or a stream of it.", content(
        (RunWithSteps = "application/json"), (String = "text/event-stream"))),
    (status = 204, description = "For streams: there is nothing after the revision that you have."),
    Problems,
))]
async fn get(
    State(app): State<AppState>,
    who: Authorized<RunsRead>,
    RunPath(id): RunPath,
    waiting: Waiting,
    OfNode { node, before }: OfNode,
) -> Result<Response, ApiError> {
    if waiting.stream {
        let run = app.runs.follow(&who.caller, id, waiting.after).await?;
        return Ok(events(run, app.config.stream_limit));
    }
    let longest = app.config.longest_wait;
    let (until, wait) = match (waiting.wait, waiting.after) {
        (None, _) => (Until::Exists, Duration::ZERO),
        (Some(wait), Some(revision)) => (Until::After(revision), wait),
        (Some(wait), None) => (Until::Terminal, wait),
    };
    let wait = wait.min(longest);
    let run = match node {
        None => app.runs.read(&who.caller, id, until, wait).await?,
        Some(node) => app.runs.read_node(&who.caller, id, (&node, before.as_ref()), until, wait).await?,
    };
    run_json(&run)
}

fn events(run: Follow, limit: Duration) -> Response {
    if run.is_over() {
        return StatusCode::NO_CONTENT.into_response();
    }
    let revisions = stream::unfold(run, |mut run| async move {
        let next = run.next().await?;
        Some((Ok::<_, Infallible>(event(&next)), run))
    });
    let revisions = revisions.take_until(tokio::time::sleep(limit));
    Sse::new(revisions).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("still here")).into_response()
}

fn event(run: &FoundRun) -> Event {
    // A run is always JSON; if it were not, an event without data would say that there is something to read.
    let event =
        Event::default().id(run.head().revision.to_string()).event("run").retry(Duration::from_secs(1));
    let json = run.json().ok().and_then(|json| String::from_utf8(json.into()).ok());
    json.map_or_else(|| Event::default().event("run"), |json| event.data(json))
}
