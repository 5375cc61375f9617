//! A run that was found, in the form in which it was.

use std::sync::Arc;

use bytes::Bytes;
use domain::run::{Run, RunWithSteps};

use crate::{live::LiveRun, store::Head};

/// A run with its steps, as who knows it best gave it.
#[derive(Debug, Clone, PartialEq)]
pub enum FoundRun {
    /// As the store has it, or as it was accepted a moment ago.
    Stored(Arc<RunWithSteps>),
    /// As its worker has it: its JSON is passed on as it came.
    Live(LiveRun),
}

impl FoundRun {
    /// A run that the store has.
    #[must_use]
    pub fn stored(run: RunWithSteps) -> Self {
        Self::Stored(Arc::new(run))
    }

    /// A run that was accepted and has not begun.
    pub(super) fn accepted(run: Run) -> Self {
        Self::stored(RunWithSteps { run, steps: Vec::new(), left_out: Vec::new() })
    }

    /// Where it is.
    #[must_use]
    pub fn head(&self) -> Head {
        match self {
            Self::Stored(run) => Head::of(&run.run),
            Self::Live(run) => run.head,
        }
    }

    /// As the API shows it.
    ///
    /// # Errors
    /// Never for a run that can be JSON, as all can.
    pub fn json(&self) -> Result<Bytes, serde_json::Error> {
        match self {
            Self::Stored(run) => serde_json::to_vec(&**run).map(Bytes::from),
            Self::Live(run) => Ok(run.json.clone()),
        }
    }

    /// The newer of the two; of equal ones the first.
    #[must_use]
    pub fn or_newer(self, other: Option<Self>) -> Self {
        match other {
            Some(other) if other.head().is_newer_than(&self.head()) => other,
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::run::RunStatus;

    use super::*;

    fn live(attempt: u32, revision: u64, status: RunStatus) -> FoundRun {
        FoundRun::Live(LiveRun { head: Head { attempt, revision, status }, json: Bytes::new() })
    }

    #[test]
    fn of_two_the_newer_one_is_taken_whoever_has_it() {
        let (queued, ended) = (live(1, 0, RunStatus::Queued), live(1, 7, RunStatus::Succeeded));
        let again = live(2, 1, RunStatus::Running);
        assert_eq!(queued.clone().or_newer(Some(ended.clone())), ended);
        assert_eq!(ended.clone().or_newer(Some(queued)), ended);
        assert_eq!(
            ended.clone().or_newer(Some(again.clone())),
            again,
            "a worker was lost, another one has it"
        );
        assert_eq!(ended.clone().or_newer(None), ended);
    }
}
