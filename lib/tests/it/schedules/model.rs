//! What a schedule must do, by going through its occurrences one by one.

use std::{collections::BTreeSet, time::Duration};

use domain::{
    kinds::schedule::Misfire,
    schedule::{Schedule, ScheduleKey},
    timestamp::Timestamp,
};
use serde_json::Value;

/// What is started no later than this is in time.
const LATEST: Duration = Duration::from_mins(2);

/// A schedule of a workflow, and what must have been started by now.
pub(super) struct Model {
    pub(super) key: ScheduleKey,
    pub(super) version: u32,
    pub(super) schedule: Option<Schedule>,
    /// The earliest moment of which nobody has decided.
    first: Option<Timestamp>,
    /// What was started: the planned moment and the version.
    pub(super) started: BTreeSet<(Timestamp, u32)>,
}

impl Model {
    pub(super) fn new(key: ScheduleKey, params: &Value, now: Timestamp) -> Self {
        let mut model = Self { key, version: 0, schedule: None, first: None, started: BTreeSet::new() };
        model.save(Some(params), now);
        model
    }

    /// When somebody must look next.
    pub(super) fn due(&self) -> Option<Timestamp> {
        Some(self.schedule.as_ref()?.due_at(&self.key, self.first?))
    }

    /// A version is saved with these parameters, or paused.
    pub(super) fn save(&mut self, params: Option<&Value>, now: Timestamp) {
        if let Some(schedule) = &self.schedule {
            let planned: Vec<_> = self.undecided(schedule).take_while(|planned| *planned <= now).collect();
            let starts = self.policy(schedule, &planned, now);
            self.started.extend(starts.into_iter().map(|planned| (planned, self.version)));
        }
        self.version += 1;
        self.schedule =
            params.map(|params| Schedule::read(params.as_object().unwrap(), "params", now).unwrap());
        self.first = self.schedule.as_ref().and_then(|schedule| schedule.next_after(now));
    }

    /// Somebody looks; `notes`: and what he has decided is kept.
    pub(super) fn look(&mut self, now: Timestamp, notes: bool) {
        let Some(schedule) = &self.schedule else { return };
        let is_due = |planned: &Timestamp| schedule.due_at(&self.key, *planned) <= now;
        let due: Vec<_> = self.undecided(schedule).take_while(is_due).collect();
        let starts = self.policy(schedule, &due, now);
        if let Some(last) = due.last().filter(|_| notes) {
            self.first = schedule.next_after(*last);
        }
        self.started.extend(starts.into_iter().map(|planned| (planned, self.version)));
    }

    fn undecided<'s>(&self, schedule: &'s Schedule) -> impl Iterator<Item = Timestamp> + use<'s> {
        std::iter::successors(self.first, |last| schedule.next_after(*last))
    }

    fn policy(&self, schedule: &Schedule, due: &[Timestamp], now: Timestamp) -> Vec<Timestamp> {
        let is_late = |planned: &Timestamp| schedule.due_at(&self.key, *planned) < now.minus(LATEST);
        let (late, in_time): (Vec<_>, Vec<_>) = due.iter().copied().partition(is_late);
        let young = |planned: &Timestamp| *planned >= now.minus(schedule.catch_up);
        let mut starts: Vec<Timestamp> = match schedule.misfire {
            Misfire::Skip => Vec::new(),
            Misfire::FireOnce if !in_time.is_empty() => Vec::new(),
            Misfire::FireOnce => late.last().copied().filter(young).into_iter().collect(),
            Misfire::FireAll => late.into_iter().filter(young).collect(),
        };
        starts.extend(in_time);
        starts
    }
}
