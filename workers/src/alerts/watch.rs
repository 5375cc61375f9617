//! Counting errors by their patterns, over a window that slides. Pure: time is an argument.
//!
//! How many patterns are told apart is bounded, and shared between tenants: one that meets a new error every time makes
//! room for it among its own.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use domain::{
    alert::ErrorPattern,
    ids::{RunId, TenantId, WorkflowId},
    timestamp::Timestamp,
};
use minireipaz::fair::Shares;

use super::AlertSettings;

/// So many patterns are told apart; of one tenant half of them at most.
pub(super) const MAX_PATTERNS: usize = 4_096;

/// An error came.
#[derive(Debug, Clone)]
pub(crate) struct Occurrence {
    pub(crate) tenant: TenantId,
    pub(crate) pattern: ErrorPattern,
    pub(crate) message: String,
    pub(crate) source: Source,
}

/// Where an error came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) run: RunId,
    /// How many runs are above it.
    pub(crate) depth: u32,
    /// What its workflow is called.
    pub(crate) workflow: String,
    /// Which workflow is to be started for an alert about it.
    pub(crate) alert_workflow: Option<WorkflowId>,
}

/// An alert as far as this worker has seen it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Episode {
    pub(super) raised_at: Timestamp,
    pub(super) last_seen_at: Timestamp,
    pub(super) count: u64,
    pub(super) message: String,
    pub(super) source: Source,
}

/// An alert of which there is something new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) tenant: TenantId,
    pub(super) pattern: ErrorPattern,
    pub(super) episode: Episode,
    /// It has not come for the length of the window.
    pub(super) over: bool,
}

#[derive(Debug)]
pub(super) struct Watch {
    threshold: usize,
    window: Duration,
    cool_down: Duration,
    shares: Shares<TenantId>,
    tenants: HashMap<TenantId, HashMap<ErrorPattern, Tracked>>,
}

#[derive(Debug, Default)]
struct Tracked {
    /// When it came last, as often as the threshold says.
    recent: VecDeque<Timestamp>,
    episode: Option<Episode>,
    /// The episode has something new.
    changed: bool,
    /// That it is over was told.
    told_over: bool,
}

impl Watch {
    /// Of a workflow's runs each worker sees its part, so its part of the threshold is enough.
    pub(super) fn new(settings: &AlertSettings, workers: usize) -> Self {
        let workers = u32::try_from(workers.max(1)).unwrap_or(u32::MAX);
        Self {
            threshold: settings.threshold.div_ceil(workers).max(1) as usize,
            window: settings.window,
            cool_down: settings.cool_down,
            shares: Shares::halves(MAX_PATTERNS),
            tenants: HashMap::new(),
        }
    }

    /// Counts an error; true when it raises an alert.
    pub(super) fn note(&mut self, occurrence: Occurrence, at: Timestamp) -> bool {
        let Occurrence { tenant, pattern, message, source } = occurrence;
        let known = self.tenants.get(&tenant).is_some_and(|patterns| patterns.contains_key(&pattern));
        if !known && !self.make_room(&tenant) {
            return false;
        }
        let (window, threshold) = (self.window, self.threshold);
        let longest = window.saturating_add(self.cool_down);
        let tracked = self.tenants.entry(tenant).or_default().entry(pattern).or_default();
        tracked.recent.push_back(at);
        while tracked.recent.len() > threshold {
            tracked.recent.pop_front();
        }
        if let Some(episode) =
            tracked.episode.as_mut().filter(|episode| at.since(episode.last_seen_at) <= longest)
        {
            episode.last_seen_at = episode.last_seen_at.max(at);
            episode.count += 1;
            (episode.message, episode.source) = (message, source);
            (tracked.changed, tracked.told_over) = (true, false);
            return false;
        }
        tracked.episode = None;
        let first = tracked.recent.front().copied().unwrap_or(at);
        if tracked.recent.len() < threshold || at.since(first) > window {
            return false;
        }
        let count = threshold as u64;
        tracked.episode = Some(Episode { raised_at: at, last_seen_at: at, count, message, source });
        (tracked.changed, tracked.told_over) = (true, false);
        true
    }

    /// What is new of alerts since the last time. What has been quiet for long is forgotten.
    pub(super) fn collect(&mut self, now: Timestamp) -> Vec<Change> {
        let (window, longest) = (self.window, self.window.saturating_add(self.cool_down));
        let mut changes = Vec::new();
        let Self { tenants, shares, .. } = self;
        tenants.retain(|tenant, patterns| {
            patterns.retain(|pattern, tracked| {
                let last = tracked.recent.back().copied().unwrap_or_default();
                if let Some(episode) = &tracked.episode {
                    let quiet = now.since(episode.last_seen_at);
                    let over = quiet > window;
                    if tracked.changed || over && !tracked.told_over {
                        let (tenant, pattern) = (tenant.clone(), pattern.clone());
                        changes.push(Change { tenant, pattern, episode: episode.clone(), over });
                        (tracked.changed, tracked.told_over) = (false, over);
                    }
                    if quiet > longest {
                        tracked.episode = None;
                    }
                }
                let stays = tracked.episode.is_some() || now.since(last) <= window;
                if !stays {
                    shares.give_back(tenant, 1);
                }
                stays
            });
            !patterns.is_empty()
        });
        changes
    }

    /// Room for one more pattern of the tenant: where it has none, its own that was quiet for longest goes, unless there is
    /// an alert about it.
    fn make_room(&mut self, tenant: &TenantId) -> bool {
        if !self.shares.has_room(tenant) {
            let Some(patterns) = self.tenants.get_mut(tenant) else { return false };
            let quiet = patterns.iter().filter(|(_, tracked)| tracked.episode.is_none());
            let quietest = quiet.min_by_key(|(_, tracked)| tracked.recent.back().copied());
            let Some(quietest) = quietest.map(|(pattern, _)| pattern.clone()) else { return false };
            patterns.remove(&quietest);
            self.shares.give_back(tenant, 1);
        }
        self.shares.take(tenant, 1);
        true
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
