//! What the store must be told, and how many records become one batch for it.

use std::collections::{HashMap, hash_map::Entry};

use domain::{
    dead_letter::DeadLetter,
    ids::{RunId, TenantId},
    run::{Run, Step},
};
use minireipaz::store::{Facts, StepFact};

/// What the store must be told: one row of the outbox, in which [`crate::journal::codec`] writes it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Record {
    /// What a commit changed of a run.
    Run(Box<RunRecord>),
    /// A record that was refused.
    Dead(Box<DeadLetter>),
    /// A row of the outbox that cannot be read, and the end of the run that it tells of. It is made when a row is read,
    /// and never written.
    Lost(Box<RunRecord>, Box<DeadLetter>),
}

impl Record {
    /// Whose it is; `None`: nobody knows whose the refused record was.
    pub(crate) fn tenant(&self) -> Option<TenantId> {
        match self {
            Self::Run(row) | Self::Lost(row, _) => Some(row.tenant.clone()),
            Self::Dead(letter) => TenantId::parse(&letter.tenant).ok(),
        }
    }
}

/// A run as a commit left it, with the steps that it changed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RunRecord {
    /// Whose.
    pub(crate) tenant: TenantId,
    /// The run.
    pub(crate) run: Run,
    /// Steps that changed.
    pub(crate) steps: Vec<StepRecord>,
}

/// A step of a [`RunRecord`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StepRecord {
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
    runs: Vec<RunRecord>,
    places: HashMap<RunId, usize>,
    /// Records that were refused.
    pub(crate) letters: Vec<DeadLetter>,
}

impl Gathered {
    /// Adds a row; rows come in the order of their commits.
    pub(crate) fn add(&mut self, record: Record) {
        let row = match record {
            Record::Dead(letter) => return self.letters.push(*letter),
            Record::Run(row) => *row,
            Record::Lost(row, letter) => {
                self.letters.push(*letter);
                *row
            }
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

    /// The runs, each with all that was added of it.
    pub(crate) fn into_runs(self) -> impl Iterator<Item = RunRecord> {
        self.runs.into_iter()
    }

    /// What the store takes.
    pub(crate) fn into_facts(self) -> (Facts, Vec<DeadLetter>) {
        let mut facts = Facts::default();
        for RunRecord { tenant, run, steps } in self.runs {
            facts.steps.extend(steps.into_iter().map(|StepRecord { revision, ordinal, step }| StepFact {
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
