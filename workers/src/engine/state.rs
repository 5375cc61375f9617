//! A run, as the fold of its events.

use std::sync::Arc;

use domain::{
    definition::Definition,
    items::{Items, Ports},
    run::{NodeError, RunStatus},
    timestamp::Timestamp,
};

use super::{
    command::Timer,
    header::RunHeader,
    illegal::Illegal,
    node::{NodeRun, NodeState},
};

/// A run: what it was started with, and all that has happened since.
#[derive(Debug, Clone)]
pub struct RunState {
    pub(super) header: Arc<RunHeader>,
    pub(super) definition: Arc<Definition>,
    pub(super) progress: Progress,
}

/// The part that changes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Progress {
    pub(super) phase: Phase,
    pub(super) revision: u64,
    pub(super) nodes: Vec<NodeRun>,
    /// Nodes that are neither done, failed, skipped nor cancelled.
    pub(super) unsettled: usize,
    /// Nodes with an attempt under way.
    pub(super) running: usize,
    /// Nodes that have begun or were skipped: the next ordinal.
    pub(super) begun: u32,
}

/// Where the run is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Phase {
    /// Not begun.
    Queued,
    /// Begun.
    Started {
        /// When.
        at: Timestamp,
    },
    /// Over.
    Ended {
        /// When it began, if it did.
        started_at: Option<Timestamp>,
        /// How it ended.
        status: RunStatus,
        /// Why, when it did not succeed.
        error: Option<Box<NodeError>>,
        /// When it ended.
        at: Timestamp,
    },
}

impl RunState {
    /// A run to which nothing has happened yet.
    #[must_use]
    pub fn new(header: impl Into<Arc<RunHeader>>, definition: impl Into<Arc<Definition>>) -> Self {
        let definition = definition.into();
        let nodes: Vec<_> = definition
            .nodes
            .iter()
            .map(|node| NodeRun::new(u32::try_from(node.incoming.len()).unwrap_or(u32::MAX)))
            .collect();
        let progress = Progress {
            phase: Phase::Queued,
            revision: 0,
            unsettled: nodes.len(),
            nodes,
            running: 0,
            begun: 0,
        };
        Self { header: header.into(), definition, progress }
    }

    /// What it was started with.
    #[must_use]
    pub const fn header(&self) -> &Arc<RunHeader> {
        &self.header
    }

    /// What it runs.
    #[must_use]
    pub const fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    /// How many events were applied.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.progress.revision
    }

    /// Where it is. `waiting`: nothing runs, and a timer will go on with it.
    #[must_use]
    pub fn status(&self) -> RunStatus {
        match &self.progress.phase {
            Phase::Queued => RunStatus::Queued,
            Phase::Ended { status, .. } => *status,
            Phase::Started { .. } if self.progress.running > 0 => RunStatus::Running,
            Phase::Started { .. } => {
                let retrying = |node: &NodeRun| matches!(node.state, NodeState::Retrying { .. });
                if self.nodes().iter().any(retrying) { RunStatus::Waiting } else { RunStatus::Running }
            }
        }
    }

    /// Whether only timers can go on with it: it may be dropped from memory and folded again when one fires.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        self.status() == RunStatus::Waiting
    }

    /// Whether it has ended.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        matches!(self.progress.phase, Phase::Ended { .. })
    }

    /// When it must have ended.
    #[must_use]
    pub fn deadline(&self) -> Timestamp {
        self.header.created_at.plus(self.definition.timeout)
    }

    /// Its nodes, by the definition's index.
    #[must_use]
    pub fn nodes(&self) -> &[NodeRun] {
        &self.progress.nodes
    }

    /// The attempts that are under way: node and attempt.
    pub fn running(&self) -> impl Iterator<Item = (usize, u32)> {
        self.nodes().iter().enumerate().filter_map(|(node, run)| match run.state {
            NodeState::Running { attempt } => Some((node, attempt)),
            _ => None,
        })
    }

    /// The timers that have to be set.
    pub fn timers(&self) -> impl Iterator<Item = (Timer, Timestamp)> {
        let live = matches!(self.progress.phase, Phase::Started { .. });
        let retries = self.nodes().iter().enumerate().filter_map(move |(node, run)| match run.state {
            NodeState::Retrying { next, due } if live => Some((Timer::Retry { node, attempt: next }, due)),
            _ => None,
        });
        live.then(|| (Timer::Deadline, self.deadline())).into_iter().chain(retries)
    }

    /// The items that a node is given: its edges that deliver, in edge order, each with the input it leads to.
    #[must_use]
    pub fn inputs(&self, node: usize) -> Vec<(Option<&str>, Items)> {
        let Some(found) = self.definition.nodes.get(node) else { return Vec::new() };
        found
            .incoming
            .iter()
            .filter_map(|&edge| {
                let edge = &self.definition.edges[edge];
                let items = delivered(self.output(edge.source)?, &edge.port)?;
                Some((edge.input.as_deref(), Arc::clone(items)))
            })
            .collect()
    }

    /// A node's items by port, once it is settled and has some.
    #[must_use]
    pub fn output(&self, node: usize) -> Option<&Arc<Ports>> {
        self.nodes().get(node)?.output()
    }

    pub(super) const fn ensure_not_ended(&self) -> Result<(), Illegal> {
        match &self.progress.phase {
            Phase::Ended { status, .. } => Err(Illegal::Terminal(*status)),
            Phase::Queued | Phase::Started { .. } => Ok(()),
        }
    }

    pub(super) const fn ensure_started(&self) -> Result<(), Illegal> {
        match &self.progress.phase {
            Phase::Queued => Err(Illegal::NotStarted),
            Phase::Started { .. } => Ok(()),
            Phase::Ended { status, .. } => Err(Illegal::Terminal(*status)),
        }
    }
}

/// What an edge from that port brings: nothing unless there is at least one item.
pub(super) fn delivered<'o>(output: &'o Ports, port: &str) -> Option<&'o Items> {
    output.get(port).filter(|items| !items.is_empty())
}
