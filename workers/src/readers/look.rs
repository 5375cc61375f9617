//! What the journal holds of a run, for who reads it.

use std::sync::Arc;

use domain::run::RunKey;
use minireipaz::live::Ask;

use super::{Readers, View, read::NoAnswer};
use crate::{
    journal::{JournalError, codec},
    processor,
};

/// A run of which the journal holds more is left to the store: nobody's read may take that much memory.
const MAX_BYTES: usize = 16 << 20;

/// What the journal says of a run.
#[derive(Debug)]
pub(super) enum Looked {
    /// It holds nothing of it.
    Unknown,
    /// It has ended.
    Ended,
    /// It goes on, and is not as it was asked for yet.
    Waits,
    /// As it is.
    Whole(Arc<View>),
}

impl Readers {
    /// Looks what became of a run; it is read as a whole only if it is as it was asked for.
    pub(super) async fn look(self: &Arc<Self>, key: &RunKey, ask: Ask) -> Result<Looked, NoAnswer> {
        let place = self.reads.take(&key.0).await.map_err(NoAnswer::TooManyReads)?;
        let (readers, key) = (Arc::clone(self), key.clone());
        let looked = tokio::task::spawn_blocking(move || {
            let _place = place;
            readers.read_journal(&key, ask)
        });
        looked.await.unwrap_or_else(|error| Err(NoAnswer::Journal(error.to_string())))
    }

    pub(super) fn read_journal(&self, (tenant, run): &RunKey, ask: Ask) -> Result<Looked, NoAnswer> {
        let failed = |error: JournalError| NoAnswer::Journal(error.to_string());
        let snapshot = self.journal.read().map_err(failed)?;
        let Some(header) = snapshot.header(*run).map_err(failed)? else {
            let ended = snapshot.finished(*run, self.clock.now()).map_err(failed)?.is_some();
            return Ok(if ended { Looked::Ended } else { Looked::Unknown });
        };
        // A run whose header cannot be read is nobody's.
        if codec::read_header_without_input(&header).ok().is_none_or(|(_, header)| header.tenant != *tenant) {
            return Ok(Looked::Unknown);
        }
        // A run that has ended is not here, so who waits for the end waits on.
        let waits = !ask.wait.is_zero();
        if waits && ask.after.is_none() {
            return Ok(Looked::Waits);
        }
        let (mut events, mut bytes) = (Some(0), header.len());
        for row in snapshot.events(*run).map_err(failed)? {
            let row = row.map_err(failed)?;
            events = codec::count_events(row.value()).and_then(|more| Some(events? + more));
            bytes += row.value().len();
        }
        if waits && events <= ask.after {
            return Ok(Looked::Waits);
        }
        if bytes > MAX_BYTES {
            return Err(NoAnswer::TooLarge { bytes, limit: MAX_BYTES });
        }
        let state = processor::stored_state(&snapshot, &self.documents, *run).map_err(failed)?;
        let whole = |(state, waits_for)| Looked::Whole(Arc::new(View::of_state(state, waits_for, bytes)));
        Ok(state.map_or(Looked::Unknown, whole))
    }
}
