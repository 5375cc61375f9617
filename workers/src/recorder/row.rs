//! What one row of the outbox holds, and how many rows become one batch for the store.

use std::collections::{HashMap, hash_map::Entry};

use domain::{
    event::DeadLetter,
    ids::{RunId, TenantId},
    run::{Run, Step},
};
use minireipaz::store::{Facts, StepFact};
use serde::{Deserialize, Serialize};

/// A row of the outbox. Its form is as durable as the journal's: change it by adding a variant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Row {
    /// What a commit changed of a run.
    #[serde(rename = "run")]
    Run(Box<RunRow>),
    /// A record that was refused.
    #[serde(rename = "dead")]
    Dead(Box<DeadLetter>),
}

/// A run as a commit left it, with the steps that it changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunRow {
    /// Whose.
    pub(crate) tenant: TenantId,
    /// The run.
    pub(crate) run: Run,
    /// Steps that changed.
    pub(crate) steps: Vec<StepRow>,
}

/// A step of a [`RunRow`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StepRow {
    /// The run's revision at which it became this.
    pub(crate) revision: u64,
    /// Its place among the run's steps; it stands for the node.
    pub(crate) ordinal: u32,
    /// The step.
    pub(crate) step: Step,
}

/// Rows on their way to the store: of each run and each step only the newest.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    runs: Vec<RunRow>,
    places: HashMap<RunId, usize>,
    /// Records that were refused.
    pub(crate) letters: Vec<DeadLetter>,
}

impl Gathered {
    /// Adds a row; rows come in the order of their commits.
    pub(crate) fn add(&mut self, row: Row) {
        let row = match row {
            Row::Dead(letter) => return self.letters.push(*letter),
            Row::Run(row) => *row,
        };
        match self.places.entry(row.run.id) {
            Entry::Vacant(place) => {
                place.insert(self.runs.len());
                self.runs.push(row);
            }
            Entry::Occupied(place) => {
                let before = &mut self.runs[*place.get()];
                if row.run.attempt > before.run.attempt {
                    *before = row;
                } else if row.run.attempt == before.run.attempt {
                    before.run = row.run;
                    for step in row.steps {
                        match before.steps.iter_mut().find(|known| known.ordinal == step.ordinal) {
                            Some(known) => *known = step,
                            None => before.steps.push(step),
                        }
                    }
                }
            }
        }
    }

    /// How many of the runs have ended.
    pub(crate) fn ended(&self) -> u64 {
        self.runs.iter().filter(|row| row.run.status.is_terminal()).count() as u64
    }

    /// What the store takes.
    pub(crate) fn into_facts(self) -> (Facts, Vec<DeadLetter>) {
        let mut facts = Facts::default();
        for RunRow { tenant, run, steps } in self.runs {
            facts.steps.extend(steps.into_iter().map(|StepRow { revision, ordinal, step }| StepFact {
                tenant: tenant.clone(),
                run_id: run.id,
                run_attempt: run.attempt,
                revision,
                ordinal,
                step,
            }));
            facts.runs.push((tenant, run));
        }
        (facts, self.letters)
    }
}
