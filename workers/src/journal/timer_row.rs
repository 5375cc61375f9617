//! Durable timers, as rows.

use domain::{
    ids::{RunId, TenantId},
    timestamp::Timestamp,
};

use super::tables;

/// A durable timer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimerRow {
    /// What it is for.
    pub lane: Lane,
    /// Whose run it is.
    pub tenant: TenantId,
    /// When it fires.
    pub at: Timestamp,
    /// The run it wakes.
    pub run: RunId,
    /// Which of the run's timers, JSON.
    pub timer: Vec<u8>,
    /// How many bytes of the journal wait for it; only of runs that wait to begin.
    pub bytes: u64,
}

/// What timers are for: those of each lane fire in the order of their moments, whatever waits in the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// The end of a run whose time is up. It needs no room.
    End = 0,
    /// Something that a run waits for has come.
    Wake = 1,
    /// A run that waits to begin. It is due at once: the moment is its place in the order, as the function said that
    /// accepted it, and nobody waits for that function's clock.
    Begin = 2,
}

impl Lane {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::End, Self::Wake, Self::Begin];

    /// From when on a timer of the lane may fire that is set for that moment.
    #[must_use]
    pub fn due(self, at: Timestamp) -> Timestamp {
        match self {
            Self::End | Self::Wake => at,
            Self::Begin => at.min(Timestamp::from_millis(0)),
        }
    }
}

impl TimerRow {
    /// From when on it may fire.
    #[must_use]
    pub fn due(&self) -> Timestamp {
        self.lane.due(self.at)
    }

    pub(super) fn key(&self) -> tables::TimerKey<'_> {
        let Self { lane, tenant, at, run, timer, .. } = self;
        (*lane as u8, tenant.as_str(), at.as_millis(), run.0.as_u128(), timer)
    }
}
