//! A run as the journal holds it: folded again with the function that live runs use.

use std::sync::Arc;

use domain::{
    ids::{RunId, TenantId},
    run::RunWaitsFor,
    workflow::DocumentText,
};

use super::{
    active::{Active, Stored},
    aside::Stop,
    seal::timer_row,
    weight,
};
use crate::{
    caught::{caught, read_caught},
    crash_points::may_panic_over,
    documents::Documents,
    engine::{RunHeader, RunState, Timer},
    journal::{DocumentHash, JournalError, Snapshot, Standing, codec},
};

/// A run with more events than this, in bytes of the journal, takes long to read, and so does one that takes more memory
/// than this when it has been read: many small values take longer than a long text. (Each is about what the other's limit
/// costs: 15 to 40 ms in a build that is not optimized.)
pub(super) const LONG_HISTORY: u64 = 512 << 10;
pub(super) const LONG_MEMORY: u64 = 2 << 20;
/// A document above this takes long to compile: 1 ms for 3 KiB of expressions.
const LONG_DOCUMENT: usize = 8 << 10;

/// What may be read.
#[derive(Clone, Copy)]
pub(super) enum Patience<'a> {
    /// Only what is quick: others wait meanwhile.
    Little,
    /// Whatever it takes, unless this is set.
    Until(&'a Stop),
    /// Whatever it takes.
    Endless,
}

/// What became of it.
pub(super) enum Found {
    /// The run.
    Run(Box<Active>),
    /// The journal does not hold it.
    Nothing,
    /// It takes long, and about so many bytes of memory.
    TakesLong(usize),
    /// It cannot be brought back.
    Unreadable(Box<Unreadable>),
    /// Nobody waits for it any more.
    Stopped,
}

/// A run's row: the hash of its document, and its header.
pub(super) type HeaderRow = (DocumentHash, Arc<RunHeader>);

/// A stored run that cannot be brought back.
pub(super) struct Unreadable {
    pub(super) header: Option<HeaderRow>,
    /// The run that called it and waits for it, where its header does not say so.
    pub(super) caller: Option<(RunId, TenantId)>,
    pub(super) why: String,
    /// Whether nothing of it is damaged: what reads it panics.
    pub(super) panics: bool,
    /// The row that cannot be read; empty if none is to blame.
    pub(super) row: Vec<u8>,
    /// Above every revision that was recorded.
    pub(super) revision: u64,
    /// How it stands in its group of runs that share a limit.
    pub(super) standing: Option<Standing>,
}

/// A run as the journal holds it, for who reads it, with what it waits for to begin; `None` when it cannot be read.
///
/// # Errors
/// When the disk fails.
pub(crate) fn stored_state(
    snapshot: &Snapshot,
    documents: &Documents,
    run: RunId,
) -> Result<Option<(RunState, Option<RunWaitsFor>)>, JournalError> {
    Ok(match find(snapshot, documents, run, Patience::Endless)? {
        Found::Run(active) => {
            let waits_for = active.waits_for();
            Some((active.state, waits_for))
        }
        Found::Nothing | Found::TakesLong(_) | Found::Unreadable(_) | Found::Stopped => None,
    })
}

/// Looks for a run in the journal.
///
/// # Errors
/// When the disk fails.
pub(super) fn find(
    snapshot: &Snapshot,
    documents: &Documents,
    run: RunId,
    patience: Patience<'_>,
) -> Result<Found, JournalError> {
    if matches!(patience, Patience::Little)
        && let Some(long) = snapshot.long(run)?
    {
        return Ok(Found::TakesLong(long.memory));
    }
    let Some(header) = snapshot.header(run)? else { return Ok(Found::Nothing) };
    let reading = Reading { snapshot, documents, run, patience };
    let (damaged, panics) = match caught(|| reading.read(&header)) {
        Ok(Ok(found)) => return Ok(found),
        Ok(Err(Failure::Journal(error))) => return Err(error),
        Ok(Err(Failure::Damaged(damaged))) => (*damaged, false),
        Err(panicked) => {
            (Damaged { header: bare_header(&header), why: panicked.to_string(), row: header }, true)
        }
    };
    let Damaged { header, why, row } = damaged;
    let caller = if header.is_none() { snapshot.caller(run)? } else { None };
    let (revision, standing) = (above_all_revisions(snapshot, run)?, snapshot.standing(run)?);
    Ok(Found::Unreadable(Box::new(Unreadable { header, caller, why, panics, row, revision, standing })))
}

/// What a run's row says but for its input and its plan; `None`: not even that can be read.
pub(super) fn bare_header(row: &[u8]) -> Option<HeaderRow> {
    let (document, header) = read_caught(|| codec::read_header_without_input(row)).ok()?;
    Some((document, Arc::new(header)))
}

/// Events that this worker does not know are counted all the same, so that the run's end is its newest fact.
pub(super) fn above_all_revisions(snapshot: &Snapshot, run: RunId) -> Result<u64, JournalError> {
    let mut events = Some(0);
    for row in snapshot.events(run)? {
        let row = row?;
        let counted = caught(|| codec::count_events(row.value())).ok().flatten();
        events = events.and_then(|events: u64| events.checked_add(counted?));
    }
    Ok(events.map_or(u64::MAX / 2, |events| events + 1))
}

enum Failure {
    Journal(JournalError),
    Damaged(Box<Damaged>),
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

/// What cannot be read of a run.
struct Damaged {
    header: Option<HeaderRow>,
    why: String,
    row: Vec<u8>,
}

impl Damaged {
    fn failure(header: Option<&HeaderRow>, why: String, row: &[u8]) -> Failure {
        Failure::Damaged(Box::new(Self { header: header.cloned(), why, row: row.to_vec() }))
    }
}

struct Reading<'a> {
    snapshot: &'a Snapshot,
    documents: &'a Documents,
    run: RunId,
    patience: Patience<'a>,
}

impl Reading<'_> {
    fn read(&self, header: &[u8]) -> Result<Found, Failure> {
        let row = read_header(header)?;
        let fail = |why, damaged: &[u8]| Damaged::failure(Some(&row), why, damaged);
        let (workflow, document) = match self.documents.ready(&row.0) {
            // What its hash stands for was read before: many runs of it share one text.
            Some(ready) => ready,
            None => {
                let Some(text) = self.snapshot.document(&row.0)? else {
                    return Err(fail("its document is missing".to_owned(), &[]));
                };
                if matches!(self.patience, Patience::Little) && text.len() > LONG_DOCUMENT {
                    return Ok(Found::TakesLong(weight::of_new_run(&row.1, 0, text.len())));
                }
                let document = DocumentText::parse(text.clone()).map_err(|error| {
                    fail(format!("its document cannot be read: {error}"), text.as_bytes())
                })?;
                let compiled = self.documents.compile(&row.0, &document);
                (compiled.map_err(|why| fail(why, text.as_bytes()))?, document)
            }
        };
        may_panic_over(workflow.definition(), "reading");
        let mut state = RunState::new(Arc::clone(&row.1), Arc::clone(workflow.definition()));
        let mut stored = Stored::default();
        for row in self.snapshot.events(self.run)? {
            let row = row?;
            let row = row.value();
            let read = codec::read_row(row)
                .map_err(|error| fail(format!("its events cannot be read: {error}"), row))?;
            let applied = match read {
                codec::Row::Events(events) => {
                    stored.bytes += row.len();
                    events.iter().try_for_each(|event| state.apply(event))
                }
                codec::Row::Progress(progress) => {
                    stored.progress_bytes = row.len();
                    state.go_on_from(*progress)
                }
            };
            applied.map_err(|illegal| fail(illegal.to_string(), row))?;
            // They were told of when they were written.
            state.forget_changes();
            stored.rows = stored.rows.saturating_add(1);
            if matches!(self.patience, Patience::Until(stop) if stop.is_set()) {
                return Ok(Found::Stopped);
            }
        }
        stored.parked = self.snapshot.is_parked(self.run)?;
        stored.long = self.snapshot.long(self.run)?.map_or(0, |long| long.memory as u64);
        stored.timers = state.timers().collect();
        let standing = match &workflow.definition().concurrency {
            Some(_) => self.snapshot.standing(self.run)?,
            None => None,
        };
        let waiter = standing.as_ref().and_then(|standing| standing.waits.as_ref());
        if waiter.is_some() {
            // It is set once the run has its seat.
            stored.timers.remove(&Timer::Begin);
        }
        let to_begin = match (waiter, stored.timers.get(&Timer::Begin)) {
            (Some(waiter), _) => waiter.bytes,
            (None, Some(at)) => self.snapshot.timer_bytes(&timer_row(&row.1, &Timer::Begin, *at, 0)?)?,
            (None, None) => 0,
        };
        let text = (row.0, document);
        Ok(Found::Run(Box::new(Active::stored(state, workflow, text, stored, (to_begin, standing)))))
    }
}

fn read_header(row: &[u8]) -> Result<HeaderRow, Failure> {
    match codec::read_header(row) {
        Ok((document, header)) => Ok((document, Arc::new(header))),
        Err(error) => Err(Damaged::failure(
            bare_header(row).as_ref(),
            format!("its header cannot be read: {error}"),
            row,
        )),
    }
}
