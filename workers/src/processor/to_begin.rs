//! Runs that wait to begin, which are in the journal only: how much of it they take, by tenant.
//!
//! A run waits while its tenant's runs take more than they may, or while others of its tenant wait. It has a timer
//! ([`Lane::Begin`]) that is due since it was accepted and fires once there is room, so nothing is kept of it in memory
//! and nothing has to be read of it when the worker starts. Together they take as much of the disk as they may; a run
//! of a tenant that has its part of that ([`Shares`]) fails: to send its batch back would stop others' runs.
//!
//! A run that waits for a seat of its group (`seating`) takes as much of the journal, but stands in nobody's way: only
//! once it has its seat do others of its tenant come after it.

use std::collections::HashMap;

use domain::{ids::TenantId, run::NodeError};
use metrics::gauge;
use minireipaz::{fair::Shares, telemetry::names};
use serde_json::json;

use crate::journal::{JournalError, Snapshot};

/// What a run takes of the journal beside its header and its document.
pub(super) const ROW_BYTES: usize = 256;

/// What a run waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaits {
    /// Its tenant has no room, or others of it wait for that.
    Room,
    /// As many of its group sit as may.
    Seat,
}

pub(super) struct ToBegin {
    bytes: Shares<TenantId>,
    /// How many wait for room.
    for_room: HashMap<TenantId, usize>,
    runs: usize,
}

impl ToBegin {
    /// What the journal holds.
    pub(super) fn open(limit: usize, snapshot: &Snapshot) -> Result<Self, JournalError> {
        let mut all = Self::empty(limit);
        for row in snapshot.waiting_to_begin()? {
            let (tenant, bytes) = row?;
            all.add(&tenant, bytes_of(bytes), Awaits::Room);
        }
        for row in snapshot.waiting_for_a_seat()? {
            let (tenant, bytes) = row?;
            all.add(&tenant, bytes_of(bytes), Awaits::Seat);
        }
        Ok(all)
    }

    fn empty(limit: usize) -> Self {
        Self { bytes: Shares::halves(limit), for_room: HashMap::new(), runs: 0 }
    }

    /// How much of the journal they take.
    pub(super) const fn taken(&self) -> usize {
        self.bytes.taken()
    }

    /// Whether runs of that tenant wait for room.
    pub(super) fn has(&self, tenant: &TenantId) -> bool {
        self.for_room.contains_key(tenant)
    }

    /// A run waits now; of so many bytes, at least 1.
    pub(super) fn add(&mut self, tenant: &TenantId, bytes: usize, awaits: Awaits) {
        self.bytes.take(tenant, bytes.max(1));
        self.runs += 1;
        if awaits == Awaits::Room {
            self.goes_on(tenant);
        }
    }

    /// A run that waited for a seat has it, and waits for room.
    pub(super) fn goes_on(&mut self, tenant: &TenantId) {
        *self.for_room.entry(tenant.clone()).or_default() += 1;
    }

    /// A run does not wait any more.
    pub(super) fn remove(&mut self, tenant: &TenantId, bytes: usize, awaits: Awaits) {
        self.bytes.give_back(tenant, bytes.max(1));
        self.runs = self.runs.saturating_sub(1);
        if awaits == Awaits::Room
            && let Some(runs) = self.for_room.get_mut(tenant)
        {
            *runs -= 1;
            if *runs == 0 {
                self.for_room.remove(tenant);
            }
        }
    }

    /// Why no more of the tenant's runs may wait; `None`: more may.
    pub(super) fn refusal(&self, tenant: &TenantId) -> Option<NodeError> {
        (!self.bytes.has_room(tenant)).then(|| {
            let (own, limit) = (self.bytes.of(tenant), self.bytes.limit());
            let message = format!(
                "the tenant's runs that wait to begin take {own} bytes, its part of the {limit} that all may take \
                 (WORKER_MAX_QUEUED_BYTES); start it again once some of them have begun"
            );
            let details = json!({ "limit": "WORKER_MAX_QUEUED_BYTES", "most": limit });
            NodeError::new("limit", message).with_details(details)
        })
    }

    pub(super) fn report(&self) {
        #[expect(clippy::cast_precision_loss, reason = "gauges")]
        {
            gauge!(names::WORKER_RUNS_TO_BEGIN).set(self.runs as f64);
            gauge!(names::WORKER_RUNS_TO_BEGIN_BYTES).set(self.taken() as f64);
        }
    }
}

/// Bytes as the journal counts them.
pub(super) fn bytes_of(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> TenantId {
        TenantId::parse(name).unwrap()
    }

    #[test]
    fn a_tenant_with_its_part_of_the_journal_is_told_the_limit_and_another_has_room() {
        let (busy, other) = (tenant("busy"), tenant("other"));
        let mut waiting = ToBegin::empty(1_000);
        waiting.add(&busy, 499, Awaits::Room);
        assert_eq!(waiting.refusal(&busy), None);
        waiting.add(&busy, 1, Awaits::Room);
        let error = waiting.refusal(&busy).unwrap();
        assert!(error.message.contains("500 bytes") && error.message.contains("of the 1000"), "{error:?}");
        assert_eq!(waiting.refusal(&other), None);
        waiting.remove(&busy, 499, Awaits::Room);
        assert!(waiting.has(&busy) && waiting.refusal(&busy).is_none());
        waiting.remove(&busy, 1, Awaits::Room);
        assert!(!waiting.has(&busy));
        assert_eq!((waiting.runs, waiting.taken()), (0, 0));
    }

    #[test]
    fn who_waits_for_a_seat_takes_its_bytes_and_keeps_nobody_from_beginning() {
        let busy = tenant("busy");
        let mut waiting = ToBegin::empty(1_000);
        waiting.add(&busy, 600, Awaits::Seat);
        assert!(!waiting.has(&busy) && waiting.refusal(&busy).is_some());
        waiting.goes_on(&busy);
        assert!(waiting.has(&busy));
        waiting.remove(&busy, 600, Awaits::Room);
        assert!(!waiting.has(&busy));
        waiting.add(&busy, 10, Awaits::Seat);
        waiting.remove(&busy, 10, Awaits::Seat);
        assert_eq!((waiting.runs, waiting.taken()), (0, 0));
    }
}
