//! A run as one commit left it, for all who wait for it.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use domain::{
    limits::MAX_ANSWER_BYTES,
    run::{RunWaitsFor, RunWithSteps},
};
use minireipaz::store::Head;

use crate::engine::{RunState, facts};

/// A run as one commit left it. Its JSON is made when the first one asks for it, and once.
pub(crate) struct View {
    head: Head,
    source: Source,
    /// About how many bytes it takes.
    bytes: usize,
    json: OnceLock<Result<Bytes, String>>,
}

enum Source {
    /// A run that the journal has, or had. Its outputs are shared with it, not copied.
    State(Box<RunState>),
    /// One that has not begun, with what it waits for.
    Waiting(Box<RunState>, RunWaitsFor),
    /// One that never began.
    Document(Box<RunWithSteps>),
}

/// More than this is made JSON where it holds up nobody else.
const MUCH: usize = 64 << 10;

impl View {
    /// A run as its state is, and what it waits for to begin.
    pub(crate) fn of_state(state: RunState, waits_for: Option<RunWaitsFor>, bytes: usize) -> Self {
        let header = state.header();
        let head = Head { attempt: header.attempt, revision: state.revision(), status: state.status() };
        let state = Box::new(state);
        let source = match waits_for {
            None => Source::State(state),
            Some(waits_for) => Source::Waiting(state, waits_for),
        };
        Self { head, source, bytes, json: OnceLock::new() }
    }

    /// A run of which all is known.
    pub(crate) fn of_document(run: RunWithSteps, bytes: usize) -> Self {
        Self {
            head: Head::of(&run.run),
            source: Source::Document(Box::new(run)),
            bytes,
            json: OnceLock::new(),
        }
    }

    /// The run itself, if it has begun and is known as a whole.
    pub(super) fn state(&self) -> Option<&RunState> {
        match &self.source {
            Source::State(state) | Source::Waiting(state, _) => Some(state),
            Source::Document(_) => None,
        }
    }

    pub(crate) const fn head(&self) -> Head {
        self.head
    }

    /// About how many bytes it takes, its JSON included.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes * 2
    }

    /// As the API shows it.
    ///
    /// # Errors
    /// In words, when it cannot be JSON.
    pub(crate) async fn json(self: Arc<Self>) -> Result<Bytes, String> {
        if self.bytes <= MUCH || self.json.get().is_some() {
            return self.made().clone();
        }
        let made = tokio::task::spawn_blocking(move || self.made().clone()).await;
        made.unwrap_or_else(|error| Err(error.to_string()))
    }

    fn made(&self) -> &Result<Bytes, String> {
        self.json.get_or_init(|| {
            let json = match &self.source {
                Source::State(state) => answer(&facts::run_with_steps(state)),
                Source::Waiting(state, waits_for) => {
                    let mut run = facts::run_with_steps(state);
                    run.run.waits_for = Some(waits_for.clone());
                    answer(&run)
                }
                Source::Document(run) => answer(run),
            };
            json.map(Bytes::from).map_err(|error| error.to_string())
        })
    }
}

/// The run as JSON, as the store would give it: within the limit of an answer.
fn answer(run: &RunWithSteps) -> serde_json::Result<Vec<u8>> {
    let json = serde_json::to_vec(run)?;
    // To be so small in all is the rule, and costs nobody a look at each output.
    if json.len() <= MAX_ANSWER_BYTES {
        return Ok(json);
    }
    drop(json);
    serde_json::to_vec(&run.clone().within(MAX_ANSWER_BYTES))
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View").field("head", &self.head).finish_non_exhaustive()
    }
}
