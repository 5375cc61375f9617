//! What people do with runs that have come so far: signals and cancels, sent again while nobody answers.

use domain::ids::RunId;
use serde_json::{Value, json};

use super::{
    calls::Calls,
    kinds::{Called, Wanted},
    started::{OPEN, first_called},
};
use crate::app::{Control, SECRET};

/// What somebody is about to do with a run.
pub(super) struct Act {
    run: RunId,
    wanted: Wanted,
    records: String,
    /// It was sent before, and nobody has answered.
    tried: bool,
}

impl Act {
    pub(super) fn new(run: RunId, wanted: Wanted) -> Self {
        let signal = |by| Control::signal(run, "ask", "go", json!({ "by": by }));
        let records = match wanted {
            // The second one changes nothing, whatever happens between them.
            Wanted::Signal(_) => [signal("first"), signal("second")].map(|signal| signal.json()).join("\n"),
            Wanted::Cancel(_) => Control::cancel(run, "as intended").json(),
        };
        Self { run, wanted, records, tried: false }
    }

    /// Does it if the run has come so far; whether it is done. `None`: the worker is gone.
    pub(super) async fn try_on(&mut self, url: &str, http: &reqwest::Client, calls: &Calls) -> Option<bool> {
        if !self.tried && !self.is_time(url, http, calls).await? {
            return Some(false);
        }
        self.tried = true;
        let request = http.post(format!("{url}/tasks")).bearer_auth(SECRET).body(self.records.clone());
        let answer = request.header("minireipaz-handed-over", "1").send().await.ok()?;
        match answer.status().as_u16() {
            200 => {
                calls.release(self.run);
                Some(true)
            }
            503 => None,
            other => panic!("{other}: {answer:?}"),
        }
    }

    async fn is_time(&self, url: &str, http: &reqwest::Client, calls: &Calls) -> Option<bool> {
        let under_way = |run: RunId| calls.count(&format!("{run}:{OPEN}:0")) > 0;
        let is_time = match self.wanted {
            Wanted::Cancel(Called::ByTheRun) => under_way(self.run),
            Wanted::Cancel(Called::ByItsChild) => under_way(first_called(self.run)),
            Wanted::Signal(Some(_)) if !under_way(self.run) => false,
            Wanted::Signal(_) => self.waits(url, http).await?,
        };
        if !is_time {
            // With a worker that is gone it never will be.
            http.get(format!("{url}/readyz")).send().await.ok()?;
        }
        Some(is_time)
    }

    /// Whether the worker says that the run's step waits.
    async fn waits(&self, url: &str, http: &reqwest::Client) -> Option<bool> {
        let request = http.get(format!("{url}/runs/{}?tenant=acme", self.run)).bearer_auth(SECRET);
        // As another worker asks: the run is this one's, whatever its id says.
        let answer = request.header("minireipaz-handed-over", "1").send().await.ok()?;
        let found: Value = serde_json::from_str(&answer.text().await.ok()?).unwrap_or_default();
        let steps = found["steps"].as_array().cloned().unwrap_or_default();
        Some(steps.iter().any(|step| step["node_id"] == "ask" && step["status"] == "waiting"))
    }
}
