//! Schedules: what is due is started, and what follows for them from a change of their workflow.
//!
//! The row of a schedule says which planned moment is next. Whoever looks at it decides about all that is due
//! ([`domain::schedule`]), asks for the runs as anybody does (`run.requested`), and only then moves the row on. So a crash
//! between the two decides again, and what was started then is recognised: the id, the input and the moment of acceptance of
//! an occurrence's run follow from the schedule and the planned moment. For the same reason any number of schedulers may look
//! at once. Of two that move a row the last one stays, which is as good, since each has started what it moved past.
//!
//! What was planned until a version was saved is the version's before: whoever finds a newer version, by its event or because
//! something is due, starts that first and then goes from version to version (`triggers`).

mod occurrence;
mod preview;
mod tick;
mod triggers;
mod view;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::SchedulerError;
use crate::{
    bus::EventBus,
    clock::Clock,
    store::{Store, TriggerRow, VersionKey, WorkflowChange},
};
use domain::workflow::WorkflowKey;
use occurrence::Occurrence;
pub use preview::{Preview, Previewed};
use triggers::{Triggers, Version};
pub use view::{MissedOccurrences, Trigger, TriggerKind};

/// Most events that are published in one request.
const PUBLISHED_AT_ONCE: usize = 500;

/// Most versions that a workflow's triggers are taken through at once; the next look goes on.
const VERSIONS_AT_ONCE: u32 = 50;

/// The use cases of schedules.
pub struct Schedules {
    store: Arc<dyn Store>,
    bus: Arc<dyn EventBus>,
    clock: Arc<dyn Clock>,
}

impl Schedules {
    /// The use cases over these parts.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, bus: Arc<dyn EventBus>, clock: Arc<dyn Clock>) -> Self {
        Self { store, bus, clock }
    }

    /// What follows from versions and deletions, which are stored. Gives how many occurrences were started.
    ///
    /// # Errors
    /// When not all of it is known to be durable.
    pub async fn changed(&self, changes: &[WorkflowChange]) -> Result<usize, SchedulerError> {
        let brought: Vec<Version> = changes.iter().map(Version::of).collect();
        let mut newest: HashMap<WorkflowKey, u32> = HashMap::new();
        for version in &brought {
            let known = newest.entry(version.workflow.clone()).or_default();
            *known = version.number.max(*known);
        }
        let keys: Vec<_> = newest.keys().cloned().collect();
        let rows = if keys.is_empty() { Vec::new() } else { self.store.triggers_of(&keys).await? };
        let (all, starts) = self.advanced(rows, brought, newest).await?;
        let rows: Vec<_> = all.into_values().flat_map(Triggers::into_changed).collect();
        self.start(&starts).await?;
        self.put(&rows).await?;
        Ok(starts.len())
    }

    /// The triggers of workflows after all versions up to the newest, and what was planned before. `brought` are versions
    /// that need not be read.
    async fn advanced(
        &self,
        rows: Vec<TriggerRow>,
        brought: Vec<Version>,
        newest: HashMap<WorkflowKey, u32>,
    ) -> Result<(HashMap<WorkflowKey, Triggers>, Vec<Occurrence>), SchedulerError> {
        let mut all: HashMap<WorkflowKey, Triggers> = HashMap::new();
        for row in rows {
            all.entry(row.workflow()).or_default().insert(row);
        }
        let mut versions: BTreeMap<(WorkflowKey, u32), Version> = BTreeMap::new();
        for version in brought {
            versions.insert((version.workflow.clone(), version.number), version);
        }
        let mut missing: Vec<VersionKey> = Vec::new();
        for (key, newest) in newest {
            // A workflow without a trigger until now has missed nothing.
            let Some(known) = all.get(&key).and_then(Triggers::version) else { continue };
            let until = newest.min(known.saturating_add(VERSIONS_AT_ONCE));
            let between = (known + 1..=until).map(|number| (key.clone(), number));
            missing.extend(between.filter(|version| !versions.contains_key(version)));
            // What lies further is not skipped to.
            versions.retain(|(of, number), _| *of != key || *number <= until);
        }
        if !missing.is_empty() {
            let found = self.store.at_versions(&missing).await?;
            versions.extend(found.into_iter().map(|(key, found)| (key.clone(), Version::found(key, found))));
        }
        let mut starts = Vec::new();
        for ((key, _), version) in versions {
            all.entry(key).or_default().take(version, &mut starts);
        }
        Ok((all, starts))
    }

    /// Asks for the runs of occurrences: when this returns, the bus has them for good.
    async fn start(&self, occurrences: &[Occurrence]) -> Result<(), SchedulerError> {
        let now = self.clock.now();
        for part in occurrences.chunks(PUBLISHED_AT_ONCE) {
            let events: Vec<_> =
                part.iter().map(|occurrence| occurrence.event(now)).collect::<Result<_, _>>()?;
            self.bus.publish(&events).await?;
        }
        occurrence::count(occurrences.len());
        Ok(())
    }

    async fn put(&self, rows: &[TriggerRow]) -> Result<(), SchedulerError> {
        if rows.is_empty() {
            return Ok(());
        }
        Ok(self.store.put_triggers(rows).await?)
    }
}
