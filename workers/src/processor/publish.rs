//! Tells who waits for runs what a commit has made durable.

use std::{collections::HashMap, sync::Arc};

use domain::{ids::RunId, run::RunWithSteps};

use super::{
    active::Active,
    core::Core,
    turn::{Effects, Turn},
};
use crate::{
    caught::caught,
    journal::OutboxRow,
    readers::View,
    recorder::{Record, RunRecord},
};

impl Core {
    /// Tells those who wait, and lets runs that have ended leave memory for where they are read from for a while. The
    /// rows are those of the turn's records.
    pub(super) fn publish(&mut self, turn: &Turn, rows: &[OutboxRow]) {
        // The row that tells of each end.
        let mut ends: HashMap<RunId, (&RunRecord, u64)> = HashMap::new();
        for (record, row) in turn.records.iter().zip(rows) {
            if let Record::Run(record) = record
                && record.run.status.is_terminal()
            {
                ends.insert(record.run.id, (&**record, row.sequence));
            }
        }
        let readers = Arc::clone(&self.readers);
        let mut publishing = readers.publish();
        for Effects { run, .. } in &turn.effects {
            let Some(active) = self.runs.get(run) else { continue };
            if !active.state.is_terminal() {
                // Who waits for the run looks again.
                let _ = caught(|| publishing.changed(&active.state, || active.waits_for(), active.weight()));
            } else if let Some((record, sequence)) = ends.remove(run)
                && let Some(active) = self.let_go(*run)
            {
                let (bytes, key) = (active.weight(), (record.tenant.clone(), *run));
                let Active { state, .. } = active;
                publishing.ended(key, View::of_state(state, None, bytes), sequence);
            }
        }
        // What never began has no state; of what the journal could not read, the steps are the store's alone.
        for (run, (record, sequence)) in ends {
            if record.run.started_at.is_none() && record.run.revision == 1 {
                let document = RunWithSteps::whole(record.run.clone(), Vec::new());
                let view = View::of_document(document, rows_bytes(rows, sequence));
                publishing.ended((record.tenant.clone(), run), view, sequence);
            }
        }
        let (bytes, gone) = publishing.done();
        self.aside.dispose(bytes, gone);
    }
}

fn rows_bytes(rows: &[OutboxRow], sequence: u64) -> usize {
    rows.iter().find(|row| row.sequence == sequence).map_or(0, |row| row.text.len())
}
