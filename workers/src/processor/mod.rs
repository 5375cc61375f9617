//! The processor: the only owner of run states, and the only writer of the journal.
//!
//! One thread takes everything that has gathered, decides it in memory, writes it in one transaction and only then
//! acts: answers ingest, starts steps, tells the recorder. Steps that only compute for microseconds run while it
//! decides, so a run of them costs one commit.
//!
//! Tenants share it: what one of them sends is taken in turns with others' (`inbox`), a turn's size is bounded, its runs
//! take no more memory (`memory`) and its steps no more places (`dispatch`) than leave room for others. Its further runs
//! wait in the journal (`to_begin`), as do those of its runs whose timers are due (`due`), and runs above the limit of
//! their workflow (`seating`). What takes long is done on other threads (`aside`): a run that takes long to read comes
//! back when it was read (`returning`). A run over which code of the worker panics ends, and nobody else does (`broken`).

mod active;
mod advance;
mod around;
mod aside;
mod begin;
mod broken;
mod calls;
mod computed;
mod control;
mod controls;
mod core;
mod deliver;
mod dispatch;
mod due;
mod error_runs;
mod fetch;
mod gate;
mod inbox;
mod input;
mod memory;
mod pending;
mod publish;
mod recovery;
mod returning;
mod seal;
mod seating;
mod seats;
mod settled;
mod stored;
#[cfg(test)]
mod tests;
mod timers;
mod to_begin;
mod told;
mod turn;
mod weight;
mod write;

use std::{
    sync::{Arc, atomic::AtomicBool, mpsc},
    thread::JoinHandle,
};

pub(crate) use broken::begin_broken_at_zero;
pub(crate) use control::{CANCEL, Control, ControlElsewhere, Controls, SIGNAL};
pub(crate) use controls::begin_controls_at_zero;
pub(crate) use gate::{Admission, Gate, GateLimits, Refusal, Sender};
pub(crate) use input::{Delivery, Elsewhere, Input, Receipt, Refused, Rejected, Task};
use minireipaz::clock::Clock;
pub(crate) use stored::stored_state;
use tokio::sync::oneshot;

use self::core::Core;
use crate::{
    alerts::Alerts,
    documents::Documents,
    journal::{Journal, JournalError},
    peers::HandoffQueue,
    readers::Readers,
    recorder::Backlog,
    runner::Runner,
    step::Callees,
    vitals::Vitals,
};

/// What the processor works with.
pub(crate) struct ProcessorDeps {
    pub(crate) journal: Arc<Journal>,
    pub(crate) backlog: Arc<Backlog>,
    pub(crate) documents: Arc<Documents>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) handoff_queue: Arc<HandoffQueue>,
    pub(crate) readers: Arc<Readers>,
    pub(crate) runner: Runner,
    pub(crate) callees: Arc<dyn Callees>,
    pub(crate) alerts: Arc<Alerts>,
    pub(crate) vitals: Arc<Vitals>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Steps under way at a time: in all, and of one tenant.
    pub(crate) max_steps: (usize, usize),
    /// Runs under way.
    pub(crate) max_runs: usize,
    /// Memory that they may take.
    pub(crate) max_run_bytes: usize,
    /// What runs that wait to begin may take of the journal, in bytes.
    pub(crate) max_queued_bytes: usize,
    /// Told when all runs of the journal go on and new ones are let in.
    pub(crate) ready: oneshot::Sender<()>,
}

/// The way to the processor.
#[derive(Debug, Clone)]
pub(crate) struct Inputs {
    sender: mpsc::Sender<Input>,
}

impl Inputs {
    /// Hands something over; `false` when the processor is gone.
    pub(crate) fn send(&self, input: Input) -> bool {
        self.sender.send(input).is_ok()
    }
}

/// A running processor.
#[derive(Debug)]
pub(crate) struct Processor {
    pub(crate) inputs: Inputs,
    /// Set: the thread ends at once, without another write. What a crash looks like.
    pub(crate) killed: Arc<AtomicBool>,
    pub(crate) thread: JoinHandle<()>,
}

/// Starts the processor's thread; must be called within a runtime, which runs the steps. `ended` is called when the
/// thread ends, for whatever reason.
///
/// # Errors
/// When the journal cannot be read, or the thread cannot be made.
pub(crate) fn start(
    deps: ProcessorDeps,
    ended: impl FnOnce() + Send + 'static,
) -> Result<Processor, JournalError> {
    let (sender, receiver) = mpsc::channel();
    let inputs = Inputs { sender };
    let killed = Arc::new(AtomicBool::new(false));
    let mut core = Core::new(deps, (inputs.clone(), receiver), Arc::clone(&killed))?;
    let thread = std::thread::Builder::new()
        .name("processor".to_owned())
        .spawn(move || {
            // Also when it panics.
            let _ended = OnDrop(Some(ended));
            core.run();
        })
        .map_err(|source| JournalError::Directory { path: "processor thread".into(), source })?;
    Ok(Processor { inputs, killed, thread })
}

struct OnDrop<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(run) = self.0.take() {
            run();
        }
    }
}
