//! Where a worker may die, by name. Each point lies between two things of which one is durable, or seen by others, and
//! the other is not; tests kill a worker at every one of them.
//!
//! Only the feature `crash-points` does anything here, and only tests enable it: without it [`pass`] is nothing, and no
//! name of a point is in the program.

#[cfg(feature = "crash-points")]
mod armed;

use domain::{definition::Definition, ids::NodeId};

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

/// Something is done with a run as a whole: it panics if the id of one of its nodes says so.
pub(crate) fn may_panic_over(run: &Definition, place: &'static str) {
    if ENABLED {
        run.nodes.iter().for_each(|node| may_panic(&node.id, place));
    }
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
    /// A signal for a run that is not in memory is kept, and its batch is not answered.
    SignalKept = "signal_kept",
    /// The same of a cancel.
    CancelKept = "cancel_kept",
    /// A run in memory has taken a signal, and nothing of it is written.
    SignalGiven = "signal_given",
    /// A run in memory is cancelled, and nothing of it is written.
    CancelGiven = "cancel_given",
    /// A turn is decided in which runs do what was kept for them.
    BeforeControlDone = "before_control_done",
    /// They have done it, and nothing has followed from that.
    ControlDone = "control_done",
    /// The end of steps is written, and their effects go on.
    BeforeCutOff = "before_cut_off",
    /// A turn is decided in which a step calls runs.
    BeforeCalled = "before_called",
    /// The call and the called run are written, and it has not begun.
    Called = "called",
    /// A turn is decided that ends called runs.
    BeforeCallEnded = "before_call_ended",
    /// The end of a called run is written, and who called it has not been told.
    CallEnded = "call_ended",
    /// A turn is decided in which who called a run is told of its end.
    BeforeCallTold = "before_call_told",
    /// It has been told, and has not gone on.
    CallTold = "call_told",
    /// A turn is decided that ends a run whose called runs go on.
    BeforeOrphaned = "before_orphaned",
    /// Its end is written, and they have not been told.
    Orphaned = "orphaned",
    /// One of them is about to be told.
    OrphanFires = "orphan_fires",
    /// A run has failed, and its error workflow is not looked for.
    ErrorRunIntended = "error_run_intended",
    /// That is found, and its run is not decided.
    ErrorRunFound = "error_run_found",
    /// A turn is decided that starts a run of an error workflow.
    BeforeErrorRunStarted = "before_error_run_started",
    /// It is started, and has not begun.
    ErrorRunStarted = "error_run_started",
    /// A run has taken a seat of its group, and has not begun.
    SeatTaken = "seat_taken",
    /// A run waits for a seat, and its batch is not answered.
    SeatAwaited = "seat_awaited",
    /// A turn is decided in which one run gives its seat to another.
    BeforeSeatPassedOn = "before_seat_passed_on",
    /// It has given it, and the other one has not begun.
    SeatPassedOn = "seat_passed_on",
    /// The oldest run of a group is ended for a newer one, and nothing of it is written.
    OldestGivesWay = "oldest_gives_way",
    /// All of a file is there, and not in its place.
    BeforeFileStored = "before_file_stored",
    /// It is in its place, and no step has given it.
    FileStored = "file_stored",
    /// Old files are deleted, and still count.
    FilesSwept = "files_swept",
    /// What a step gave in an earlier run is about to be read.
    BeforeEarlierRead = "before_earlier_read",
    /// It is read, and no step has given it.
    EarlierRead = "earlier_read",
    /// Tasks are about to be taken to their worker.
    BeforeHandover = "before_handover",
    /// It has them, and nobody was told.
    HandedOver = "handed_over",
}
