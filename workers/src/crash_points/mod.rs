//! Where a worker may die, by name. Each point lies between two things of which one is durable, or seen by others, and
//! the other is not; tests kill a worker at every one of them.
//!
//! Only the feature `crash-points` does anything here, and only tests enable it: without it [`pass`] is nothing, and no
//! name of a point is in the program.

#[cfg(feature = "crash-points")]
mod armed;

use domain::ids::NodeId;

#[cfg(feature = "crash-points")]
pub use armed::{CrashAt, InvalidCrashAt, arm, names};

/// Whether anything can happen at a point: where a look would be needed to say that one is passed.
pub(crate) const ENABLED: bool = cfg!(feature = "crash-points");

/// The worker passes this point.
pub(crate) fn pass(point: CrashPoint) {
    #[cfg(feature = "crash-points")]
    armed::pass(point);
    #[cfg(not(feature = "crash-points"))]
    let _ = point;
}

/// A step of that node is at this place of its execution: it panics if the node's id says so, as `panics at compute` does.
pub(crate) fn may_panic(node: &NodeId, place: &'static str) {
    #[cfg(feature = "crash-points")]
    armed::may_panic(node, place);
    #[cfg(not(feature = "crash-points"))]
    let _ = (node, place);
}

macro_rules! points {
    ($($(#[doc = $doc:literal])+ $point:ident = $name:literal,)+) => {
        /// A point.
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub(crate) enum CrashPoint {
            $($(#[doc = $doc])+ $point,)+
        }

        #[cfg(feature = "crash-points")]
        impl CrashPoint {
            const ALL: &[(Self, &str)] = &[$((Self::$point, $name),)+];
        }
    };
}

points! {
    /// A turn is decided, and nothing of it is written.
    BeforeCommit = "before_commit",
    /// It is written, and nobody knows.
    AfterCommit = "after_commit",
    /// The same of a turn that accepts runs.
    BeforeAccepted = "before_accepted",
    /// Runs are in the journal, and their batch is not answered.
    Accepted = "accepted",
    /// A turn is decided that ends runs.
    BeforeFinished = "before_finished",
    /// The end of a run is written, and it has not left memory.
    Finished = "finished",
    /// A turn is decided that sets timers.
    BeforeTimerSet = "before_timer_set",
    /// A timer is set, and its run is still in memory.
    TimerSet = "timer_set",
    /// A timer is gone from the journal, and what follows from it has not begun.
    TimerCleared = "timer_cleared",
    /// A turn is decided that writes how far a run has come instead of its events.
    BeforeProgressKept = "before_progress_kept",
    /// That is written.
    ProgressKept = "progress_kept",
    /// The store has rows, and they are still in the outbox.
    BeforeOutboxCleared = "before_outbox_cleared",
    /// They are not any more.
    OutboxCleared = "outbox_cleared",
    /// A turn is decided that keeps tasks of other workers.
    BeforeHandoffKept = "before_handoff_kept",
    /// They are kept, and their batch is not answered.
    HandoffKept = "handoff_kept",
    /// Another worker has tasks, and they are still kept here.
    BeforeHandoffCleared = "before_handoff_cleared",
    /// They are not any more.
    HandoffCleared = "handoff_cleared",
    /// Who waits for runs was told, and the recorder was not.
    ReadersTold = "readers_told",
    /// A batch is durable, and about to be answered.
    BeforeAnswer = "before_answer",
    /// It is answered, and none of its steps has begun.
    Answered = "answered",
    /// A pure step was computed ahead of the commit that tells of it.
    ComputedAhead = "computed_ahead",
    /// A step that was written down as begun is about to begin.
    BeforeStepBegins = "before_step_begins",
    /// A step's effects are about to begin.
    EffectBegins = "effect_begins",
    /// They are done, and nobody knows.
    EffectDone = "effect_done",
    /// A server is about to be called.
    BeforeCall = "before_call",
    /// It has answered.
    AfterCall = "after_call",
    /// An attempt's outcome has arrived, and nothing is decided about it.
    OutcomeTaken = "outcome_taken",
    /// A run that waited to begin is about to.
    BeginFires = "begin_fires",
    /// A step that waited is about to go on.
    WakeFires = "wake_fires",
    /// A run's time is up.
    DeadlineFires = "deadline_fires",
    /// A run that only waits leaves memory.
    RunLeavesMemory = "run_leaves_memory",
    /// A run that takes long to read is there, and has not gone on.
    RunReturns = "run_returns",
    /// What runs do after a crash is decided, and not written.
    BeforeRecovered = "before_recovered",
    /// It is written, and the worker has not opened its door.
    Recovered = "recovered",
    /// The worker stops in order, and steps are about to be marked as put aside.
    BeforePutAside = "before_put_aside",
    /// They are marked.
    PutAside = "put_aside",
    /// Rows are taken from the outbox, and the store does not have them.
    BeforeRecord = "before_record",
    /// The store has them, and nobody was told.
    Recorded = "recorded",
    /// The processor was told, and has not written it.
    Confirmed = "confirmed",
    /// Tasks are about to be taken to their worker.
    BeforeHandover = "before_handover",
    /// It has them, and nobody was told.
    HandedOver = "handed_over",
}
