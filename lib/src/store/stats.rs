//! Statistics of runs that have ended.

use async_trait::async_trait;
use domain::{
    ids::{TenantId, WorkflowId},
    stats::{Bucket, RunStats},
    timestamp::Timestamp,
};

use super::StoreError;

/// Statistics of runs that have ended.
#[async_trait]
pub trait StatsStore: Send + Sync + 'static {
    /// What became of the runs that were accepted within the window: each once, however often its end was recorded. Test
    /// runs are left out. Of a run that ended hours after its acceptance it may take an hour until it counts.
    async fn run_stats(&self, ask: &StatsAsk) -> Result<RunStats, StoreError>;
}

/// Which statistics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatsAsk {
    /// Whose runs.
    pub tenant: TenantId,
    /// Those of this workflow; `None`: of all.
    pub workflow: Option<WorkflowId>,
    /// The first moment of the window, a whole hour.
    pub from: Timestamp,
    /// The first moment after it, a whole hour.
    pub to: Timestamp,
    /// How long a point of the series is.
    pub bucket: Bucket,
    /// The time.
    pub now: Timestamp,
}

/// So many errors are told.
pub(super) const MOST_ERRORS: usize = 10;
/// So many runs are shown.
pub(super) const MOST_RECENT: usize = 10;

#[cfg(any(test, feature = "testing"))]
mod in_memory {
    use std::collections::BTreeMap;

    use domain::{
        alert::ErrorPattern,
        run::Run,
        stats::{Durations, RecentRun, RecurringError, StatsPoint, Totals},
    };

    use super::*;
    use crate::store::memory::{Call, MemoryStore};

    impl Call {
        /// [`StatsStore::run_stats`].
        pub const RUN_STATS: Self = Self::read("run stats");
    }

    #[async_trait]
    impl StatsStore for MemoryStore {
        async fn run_stats(&self, ask: &StatsAsk) -> Result<RunStats, StoreError> {
            self.read(Call::RUN_STATS, |state| {
                let counts = |run: &&Run| {
                    run.status.is_terminal()
                        && !run.trigger.is_test()
                        && (ask.from..ask.to).contains(&run.created_at)
                        && ask.workflow.is_none_or(|workflow| workflow == run.workflow_id)
                };
                let of_tenant = state.runs.iter().filter(|((tenant, _), _)| *tenant == ask.tenant);
                stats(ask, of_tenant.map(|(_, run)| run).filter(counts).collect())
            })
            .await
        }
    }

    fn stats(ask: &StatsAsk, mut runs: Vec<&Run>) -> RunStats {
        let mut buckets: BTreeMap<Timestamp, Vec<&Run>> = BTreeMap::new();
        let mut errors: BTreeMap<ErrorPattern, u64> = BTreeMap::new();
        for run in &runs {
            buckets.entry(ask.bucket.start(run.created_at)).or_default().push(run);
            if let Some(error) = &run.error {
                let pattern = ErrorPattern::of(run.workflow_id, error.node_id.clone(), error);
                *errors.entry(pattern).or_default() += 1;
            }
        }
        let point = |(at, runs): (Timestamp, Vec<&Run>)| StatsPoint {
            at,
            totals: totals(&runs),
            durations: durations(&runs),
        };
        let mut errors: Vec<_> =
            errors.into_iter().map(|(pattern, runs)| RecurringError { pattern, runs }).collect();
        errors.sort_by_key(|error| std::cmp::Reverse(error.runs));
        errors.truncate(MOST_ERRORS);
        let (totals, all) = (totals(&runs), durations(&runs));
        runs.sort_by_key(|run| std::cmp::Reverse((run.created_at, run.id)));
        RunStats {
            from: ask.from,
            to: ask.to,
            bucket: ask.bucket,
            totals,
            durations: all,
            series: buckets.into_iter().map(point).collect(),
            errors,
            recent: runs.into_iter().take(MOST_RECENT).map(recent).collect(),
        }
    }

    fn totals(runs: &[&Run]) -> Totals {
        let mut totals = Totals::default();
        runs.iter().for_each(|run| totals.count(run.status));
        totals
    }

    fn durations(runs: &[&Run]) -> Option<Durations> {
        let took = |run: &&Run| Some(run.finished_at?.since(run.started_at?).as_millis());
        let mut took: Vec<_> = runs.iter().filter_map(took).collect();
        took.sort_unstable();
        let of = |percent: usize| {
            let place = (took.len() * percent).div_ceil(100).saturating_sub(1);
            took.get(place).map(|millis| u64::try_from(*millis).unwrap_or(u64::MAX))
        };
        Some(Durations { p50_ms: of(50)?, p95_ms: of(95)?, p99_ms: of(99)? })
    }

    fn recent(run: &Run) -> RecentRun {
        RecentRun {
            id: run.id,
            workflow_id: run.workflow_id,
            status: run.status,
            trigger: run.trigger.kind.clone(),
            created_at: run.created_at,
            finished_at: run.finished_at.unwrap_or_default(),
        }
    }
}
