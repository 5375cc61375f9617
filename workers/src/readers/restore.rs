//! Runs that ended before a restart, and that the store does not have yet.

use std::collections::{HashMap, HashSet};

use domain::run::RunWithSteps;

use super::{Readers, View};
use crate::{
    journal::{JournalError, codec},
    recorder::{Gathered, Record, RunRecord},
};

/// So many bytes of the newest rows are read for it, so that a long backlog does not hold up the start.
const MAX_BYTES: usize = 32 << 20;

impl Readers {
    /// Finds them in the outbox, so that who has read of their end does not read something older from the store.
    ///
    /// # Errors
    /// When the disk fails.
    pub(crate) fn restore(&self) -> Result<(), JournalError> {
        let snapshot = self.journal.read()?;
        let (mut newest, mut size) = (Vec::new(), 0);
        for (sequence, _, bytes) in snapshot.outbox_rows()?.into_iter().rev() {
            size += bytes;
            if size > MAX_BYTES {
                break;
            }
            newest.push(sequence);
        }
        let (mut gathered, mut places) = (Gathered::default(), HashMap::new());
        for sequence in newest.into_iter().rev() {
            let text = snapshot.outbox_row(sequence)?.unwrap_or_default();
            // What cannot be read is set aside by the recorder.
            let Ok(Record::Run(record)) = codec::read_record(&text) else { continue };
            let (place, bytes) = places.entry(record.run.id).or_insert((sequence, 0));
            (*place, *bytes) = (sequence, *bytes + text.len());
            gathered.add(Record::Run(record));
        }
        drop(snapshot);
        let mut publishing = self.publish();
        for record in gathered.into_runs().filter(is_whole_and_over) {
            let RunRecord { tenant, run, mut steps, .. } = record;
            let (sequence, bytes) = places.get(&run.id).copied().unwrap_or_default();
            steps.sort_by_key(|step| std::cmp::Reverse(step.ordinal));
            // Of a node in a loop the newest one.
            let mut seen = HashSet::new();
            steps.retain(|step| seen.insert(step.step.node_id.clone()));
            let steps = steps.into_iter().rev().map(|step| step.step).collect();
            let key = (tenant, run.id);
            let document = RunWithSteps::whole(run, steps);
            publishing.ended(key, View::of_document(document, bytes), sequence);
        }
        publishing.done();
        Ok(())
    }
}

/// A run's rows reach the store in order. So while there is the one of its first commit, with the first step, all of
/// them are here.
fn is_whole_and_over(RunRecord { run, steps, .. }: &RunRecord) -> bool {
    let never_began = run.started_at.is_none() && run.revision == 1;
    run.status.is_terminal() && (never_began || steps.iter().any(|step| step.ordinal == 0))
}
