//! The crash points around a commit: which of them, what it writes says.

use super::controls::THE_CANCEL;
use crate::{
    crash_points::{
        CrashPoint::{
            self, Accepted, AfterCommit, BeforeAccepted, BeforeCallEnded, BeforeCallTold, BeforeCalled,
            BeforeCommit, BeforeControlDone, BeforeErrorRunStarted, BeforeFinished, BeforeHandoffCleared,
            BeforeHandoffKept, BeforeOrphaned, BeforeOutboxCleared, BeforeProgressKept, BeforeSeatPassedOn,
            BeforeTimerSet, CallEnded, CallTold, Called, CancelKept, ControlDone, ErrorRunIntended,
            ErrorRunStarted, Finished, HandoffCleared, HandoffKept, Orphaned, OutboxCleared, ProgressKept,
            SeatAwaited, SeatPassedOn, SeatTaken, SignalKept, TimerCleared, TimerSet,
        },
        ENABLED, pass,
    },
    journal::{
        Commit, Op, SeatOp,
        codec::{self, DueKey, Notice},
    },
};

/// It is about to be written.
pub(super) fn before(commit: &Commit) {
    if ENABLED {
        pass(BeforeCommit);
        around(commit).into_iter().filter_map(|[before, _]| before).for_each(pass);
    }
}

/// It is written, and nothing has followed from that.
pub(super) fn after(commit: &Commit) {
    if ENABLED {
        pass(AfterCommit);
        around(commit).into_iter().filter_map(|[_, after]| after).for_each(pass);
    }
}

/// The points before and after a commit.
type Around = [Option<CrashPoint>; 2];

const fn both(before: CrashPoint, after: CrashPoint) -> Around {
    [Some(before), Some(after)]
}

const fn behind(after: CrashPoint) -> Around {
    [None, Some(after)]
}

fn around(commit: &Commit) -> Vec<Around> {
    let mut all: Vec<_> = commit.ops.iter().filter_map(of_op).collect();
    if commit.ops.iter().any(tells_an_orphan) {
        all.push(both(BeforeOrphaned, Orphaned));
    }
    all.extend(commit.seats.iter().filter_map(|op| of_seat(op, &commit.seats)));
    let others = [
        (commit.confirmed.is_empty(), both(BeforeOutboxCleared, OutboxCleared)),
        (commit.handoffs.is_empty(), both(BeforeHandoffKept, HandoffKept)),
        (commit.handed_over.is_empty(), both(BeforeHandoffCleared, HandoffCleared)),
    ];
    all.extend(others.into_iter().filter(|(empty, _)| !empty).map(|(_, around)| around));
    all
}

fn of_op(op: &Op) -> Option<Around> {
    Some(match op {
        Op::Start { .. } => both(BeforeAccepted, Accepted),
        Op::Finish { .. } => both(BeforeFinished, Finished),
        Op::SetTimer(_) => both(BeforeTimerSet, TimerSet),
        Op::ClearTimer(_) => behind(TimerCleared),
        Op::Replace { .. } => both(BeforeProgressKept, ProgressKept),
        Op::PutControl { sequence: THE_CANCEL, .. } => behind(CancelKept),
        Op::PutControl { .. } => behind(SignalKept),
        Op::ClearControl { .. } => both(BeforeControlDone, ControlDone),
        Op::Called { .. } => both(BeforeCalled, Called),
        Op::CallEnded { .. } => both(BeforeCallEnded, CallEnded),
        Op::CallTold { .. } => both(BeforeCallTold, CallTold),
        Op::ErrorRun { .. } => behind(ErrorRunIntended),
        Op::ErrorRunDone { .. } => both(BeforeErrorRunStarted, ErrorRunStarted),
        Op::Append { .. } | Op::Long { .. } | Op::Park { .. } | Op::Unpark { .. } | Op::Erase { .. } => {
            return None;
        }
    })
}

/// Whether a called run is to hear that nobody waits for it any more.
fn tells_an_orphan(op: &Op) -> bool {
    let Op::SetTimer(row) = op else { return false };
    matches!(codec::read_due(&row.timer), Ok(DueKey::Notice(Notice::CallerEnded)))
}

fn of_seat(op: &SeatOp, all: &[SeatOp]) -> Option<Around> {
    match op {
        SeatOp::Sit(seat) => {
            let left = |op: &SeatOp| matches!(op, SeatOp::Leave(left) if left.group == seat.group);
            let passed_on = all.iter().any(left);
            Some(if passed_on { both(BeforeSeatPassedOn, SeatPassedOn) } else { behind(SeatTaken) })
        }
        SeatOp::Wait(..) => Some(behind(SeatAwaited)),
        SeatOp::Leave(_) => None,
    }
}
