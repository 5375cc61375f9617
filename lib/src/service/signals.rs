//! Which signals the steps of a run wait for, and which they were given.

use serde::Deserialize;

use super::FoundRun;
use domain::{
    ids::{NodeId, SignalId},
    iteration::Iteration,
    run::{GivenSignal, WaitsFor},
};

/// The steps of a run that have to do with signals.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Signals(Vec<Signalled>);

/// A step that waits for a signal, or was given one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signalled {
    pub(super) node: NodeId,
    pub(super) iteration: Iteration,
    pub(super) waits_for: Option<String>,
    pub(super) given: Option<GivenSignal>,
}

/// What became of a signal that was sent to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Became {
    /// A step was given it.
    Given,
    /// The step was given another one.
    GivenAnother,
    /// The step waits still.
    Waits,
    /// The step does not wait any more: its time was up, or its run ended.
    Late,
    /// That step is not shown: a later iteration is.
    NotShown,
}

#[derive(Deserialize)]
struct RunForm {
    steps: Vec<StepForm>,
}

#[derive(Deserialize)]
struct StepForm {
    node_id: NodeId,
    #[serde(default)]
    iteration: Iteration,
    #[serde(default)]
    waits_for: Option<WaitsFor>,
    #[serde(default)]
    signal: Option<GivenSignal>,
}

impl Signals {
    /// Those of a run; none when it cannot be read.
    pub(super) fn of(run: &FoundRun) -> Self {
        let steps = match run {
            FoundRun::Stored(found) => {
                let step = |step: &domain::run::Step| StepForm {
                    node_id: step.node_id.clone(),
                    iteration: step.iteration.clone(),
                    waits_for: step.waits_for.clone(),
                    signal: step.signal.clone(),
                };
                found.steps.iter().map(step).collect()
            }
            FoundRun::Live(run) => {
                serde_json::from_slice(&run.json).map_or_else(|_| Vec::new(), |RunForm { steps }| steps)
            }
        };
        Self(steps.into_iter().map(Signalled::from).collect())
    }

    /// The first step that waits for a signal of that name, of those that are meant.
    pub(super) fn waiting(&self, name: &str, is_meant: impl Fn(&Iteration) -> bool) -> Option<&Signalled> {
        let waits = |step: &&Signalled| step.waits_for.as_deref() == Some(name) && is_meant(&step.iteration);
        self.0.iter().find(waits)
    }

    /// Whether a step that is meant was given a signal of that name.
    pub(super) fn was_given(&self, name: &str, is_meant: impl Fn(&Iteration) -> bool) -> bool {
        let given = |step: &Signalled| step.given.as_ref().is_some_and(|given| given.name == name);
        self.0.iter().any(|step| given(step) && is_meant(&step.iteration))
    }

    /// Whether some step was given that signal.
    pub(super) fn has(&self, id: SignalId) -> bool {
        self.0.iter().any(|step| step.given.as_ref().is_some_and(|given| given.id == id))
    }

    /// The names of the signals that steps wait for.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.0.iter().filter_map(|step| step.waits_for.clone()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// What became of a signal that was sent to that step.
    pub(super) fn became(&self, node: &NodeId, iteration: &Iteration, id: SignalId) -> Became {
        if self.has(id) {
            return Became::Given;
        }
        match self.0.iter().find(|step| step.node == *node && step.iteration == *iteration) {
            None => Became::NotShown,
            Some(Signalled { given: Some(_), .. }) => Became::GivenAnother,
            Some(Signalled { waits_for: Some(_), .. }) => Became::Waits,
            Some(_) => Became::Late,
        }
    }
}

impl From<StepForm> for Signalled {
    fn from(StepForm { node_id, iteration, waits_for, signal }: StepForm) -> Self {
        let waits_for = waits_for.and_then(|waits_for| waits_for.signal);
        Self { node: node_id, iteration, waits_for, given: signal }
    }
}

#[cfg(test)]
mod tests {
    use domain::run::RunStatus;
    use serde_json::{Value, json};

    use super::*;
    use crate::{live::LiveRun, store::Head};

    const MINE: &str = "00000000-0000-7000-8000-000000000001";

    fn signals(steps: &Value) -> Signals {
        let head = Head { attempt: 1, revision: 7, status: RunStatus::Waiting };
        Signals::of(&FoundRun::Live(LiveRun { head, json: json!({ "steps": steps }).to_string().into() }))
    }

    #[test]
    fn what_became_of_a_signal_its_step_says() {
        let (node, mine) = (NodeId::parse("a").unwrap(), MINE.parse::<SignalId>().unwrap());
        let given = |id: &str| json!({"name": "go", "id": id, "at": "2026-01-01T00:00:00Z"});
        let other = "00000000-0000-7000-8000-000000000002";
        for (step, became) in [
            (json!({"node_id": "a", "signal": given(MINE)}), Became::Given),
            (json!({"node_id": "a", "iteration": [4], "signal": given(MINE)}), Became::Given),
            (json!({"node_id": "a", "signal": given(other)}), Became::GivenAnother),
            (json!({"node_id": "a", "waits_for": {"signal": "go"}}), Became::Waits),
            (json!({"node_id": "a", "waits_for": null}), Became::Late),
            (json!({"node_id": "a", "iteration": [1], "waits_for": {"signal": "go"}}), Became::NotShown),
            (json!({"node_id": "b", "waits_for": {"signal": "go"}}), Became::NotShown),
        ] {
            let found = signals(&json!([step])).became(&node, &Iteration::outside(), mine);
            assert_eq!(found, became, "{step}");
        }
    }

    #[test]
    fn the_first_step_that_waits_is_meant_and_the_names_are_told_once_each() {
        let steps = json!([
            {"node_id": "a", "waits_for": {"until": "2026-01-01T00:00:00Z"}},
            {"node_id": "b", "iteration": [2], "waits_for": {"signal": "go"}},
            {"node_id": "c", "waits_for": {"signal": "go"}},
            {"node_id": "d", "waits_for": {"signal": "pay"}},
        ]);
        let signals = signals(&steps);
        assert_eq!(signals.waiting("go", |_| true).unwrap().node.as_str(), "b");
        assert_eq!(signals.waiting("go", Iteration::is_outside).unwrap().node.as_str(), "c");
        assert_eq!(signals.waiting("stop", |_| true), None);
        assert_eq!(signals.names(), ["go", "pay"]);
    }
}
