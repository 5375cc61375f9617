//! The records of one request and what is known of each.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{
    Records,
    wire::{self, Problem, Report},
};
use crate::bus::BusError;
use domain::event::Topic;
use domain::retry::Failure;

/// The records of several publishes on their way to one topic. Attempts share it: each sends only what is pending.
#[derive(Debug)]
pub(super) struct RecordBatch {
    records: Records,
    /// How many records each publish has.
    publishes: Vec<usize>,
    fates: Mutex<Vec<Fate>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    /// Not sent, not stored, or not known to be.
    Pending,
    Stored,
    /// Sending it again is no use.
    Refused(Problem),
}

/// Why records of an answered request are still pending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leftover {
    /// The kind of failure of the last record that failed; missing reports count as a broken connection.
    pub(super) failure: Failure,
    /// What its report said.
    pub(super) reason: String,
    /// Whether no record of the request was stored or refused: then the server seems to be ill.
    pub(super) nothing_done: bool,
}

impl RecordBatch {
    pub(super) fn of(publishes: Vec<Records>) -> Self {
        let counts = publishes.iter().map(Vec::len).collect();
        let records: Records = publishes.into_iter().flatten().collect();
        let fates = Mutex::new(vec![Fate::Pending; records.len()]);
        Self { records, publishes: counts, fates }
    }

    /// The places of the records that must be sent.
    pub(super) fn pending(&self) -> Vec<usize> {
        let fates = self.fates();
        (0..fates.len()).filter(|place| fates[*place] == Fate::Pending).collect()
    }

    pub(super) fn record(&self, place: usize) -> &[u8] {
        &self.records[place]
    }

    /// Notes the reports of the records at `places`. What is still pending afterwards may be sent again.
    pub(super) fn settle(
        &self,
        places: &[usize],
        reports: Vec<Report>,
        retry_after: Option<std::time::Duration>,
    ) -> Option<Leftover> {
        let missing = places.len().saturating_sub(reports.len());
        let mut leftover = (missing > 0).then(|| Leftover {
            failure: Failure::Connection,
            reason: format!("{missing} of {} delivery reports are missing", places.len()),
            nothing_done: false,
        });
        let mut done = 0;
        let mut fates = self.fates();
        for (place, report) in places.iter().zip(reports) {
            let failure = match &report {
                Report::Stored => None,
                Report::Failed(problem) => Some(wire::failure(problem.code, retry_after)),
            };
            match (report, failure) {
                (Report::Failed(Problem { code, message }), Some(failure)) if failure.is_retryable() => {
                    let reason = format!("a record failed with code {code}: {message}");
                    leftover = Some(Leftover { failure, reason, nothing_done: false });
                }
                (Report::Failed(problem), _) => {
                    fates[*place] = Fate::Refused(problem);
                    done += 1;
                }
                (Report::Stored, _) => {
                    fates[*place] = Fate::Stored;
                    done += 1;
                }
            }
        }
        leftover.map(|leftover| Leftover { nothing_done: done == 0, ..leftover })
    }

    /// Notes that sending the record at `place` again is no use.
    pub(super) fn refuse(&self, place: usize, problem: Problem) {
        self.fates()[place] = Fate::Refused(problem);
    }

    /// Each publish's result; `error` is theirs whose records are still pending.
    pub(super) fn results(&self, topic: Topic, error: Option<&BusError>) -> Vec<Result<(), BusError>> {
        let fates = self.fates();
        let mut rest = fates.as_slice();
        let mut result = |count: &usize| {
            let (fates, others) = rest.split_at(*count);
            rest = others;
            for fate in fates {
                if let Fate::Refused(Problem { code, message }) = fate {
                    return Err(BusError::Refused { topic, code: *code, message: message.clone() });
                }
            }
            match error {
                Some(error) if fates.contains(&Fate::Pending) => Err(error.clone()),
                _ => Ok(()),
            }
        };
        self.publishes.iter().map(&mut result).collect()
    }

    /// How many records are stored.
    pub(super) fn stored(&self) -> usize {
        self.fates().iter().filter(|fate| **fate == Fate::Stored).count()
    }

    fn fates(&self) -> MutexGuard<'_, Vec<Fate>> {
        self.fates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
