//! The crash points around a commit: which of them, what it writes says.

use crate::{
    crash_points::{
        CrashPoint::{
            Accepted, AfterCommit, BeforeAccepted, BeforeCommit, BeforeFinished, BeforeHandoffCleared,
            BeforeHandoffKept, BeforeOutboxCleared, BeforeProgressKept, BeforeTimerSet, Finished,
            HandoffCleared, HandoffKept, OutboxCleared, ProgressKept, TimerCleared, TimerSet,
        },
        ENABLED, pass,
    },
    journal::{Commit, Op},
};

/// It is about to be written.
pub(super) fn before(commit: &Commit) {
    if !ENABLED {
        return;
    }
    pass(BeforeCommit);
    for op in &commit.ops {
        match op {
            Op::Start { .. } => pass(BeforeAccepted),
            Op::Finish { .. } => pass(BeforeFinished),
            Op::SetTimer(_) => pass(BeforeTimerSet),
            Op::Replace { .. } => pass(BeforeProgressKept),
            _ => {}
        }
    }
    let others = [
        (commit.confirmed.is_empty(), BeforeOutboxCleared),
        (commit.handoffs.is_empty(), BeforeHandoffKept),
        (commit.handed_over.is_empty(), BeforeHandoffCleared),
    ];
    others.into_iter().filter(|(empty, _)| !empty).for_each(|(_, point)| pass(point));
}

/// It is written, and nothing has followed from that.
pub(super) fn after(commit: &Commit) {
    if !ENABLED {
        return;
    }
    pass(AfterCommit);
    for op in &commit.ops {
        match op {
            Op::Start { .. } => pass(Accepted),
            Op::Finish { .. } => pass(Finished),
            Op::SetTimer(_) => pass(TimerSet),
            Op::ClearTimer(_) => pass(TimerCleared),
            Op::Replace { .. } => pass(ProgressKept),
            _ => {}
        }
    }
    let others = [
        (commit.confirmed.is_empty(), OutboxCleared),
        (commit.handoffs.is_empty(), HandoffKept),
        (commit.handed_over.is_empty(), HandoffCleared),
    ];
    others.into_iter().filter(|(empty, _)| !empty).for_each(|(_, point)| pass(point));
}
