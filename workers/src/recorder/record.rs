//! What the store must be told, and how many records become one batch for it.

use std::collections::{HashMap, hash_map::Entry};

use domain::{
    dead_letter::DeadLetter,
    ids::{RunId, TenantId},
    run::{Run, Step},
};
use minireipaz::store::{Facts, StepFact};
use serde_json::Value;

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
    /// Where its input is.
    pub(crate) input: InputAt,
    /// Steps that changed.
    pub(crate) steps: Vec<StepRecord>,
}

/// Where a run's input is. It never changes and may be large, so a run that is told of thousands of times has it in the
/// row of its first commit and in that of its end; between them the journal has it, with the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InputAt {
    /// In the record.
    Here,
    /// In the header of the run.
    Header,
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
    places: HashMap<RunId, Place>,
    /// Records that were refused.
    pub(crate) letters: Vec<DeadLetter>,
}

/// Where a run is, and where its steps are, by their ordinals: a loop may bring any number of them in one batch.
#[derive(Debug)]
struct Place {
    run: usize,
    steps: HashMap<u32, usize>,
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
                place.insert(Place { run: self.runs.len(), steps: ordinals(&row.steps) });
                self.runs.push(row);
            }
            Entry::Occupied(mut place) => {
                let place = place.get_mut();
                let before = &mut self.runs[place.run];
                if row.run.attempt > before.run.attempt {
                    place.steps = ordinals(&row.steps);
                    *before = row;
                } else if row.run.attempt == before.run.attempt {
                    before.go_on_as(row.run, row.input);
                    for step in row.steps {
                        match place.steps.entry(step.ordinal) {
                            Entry::Occupied(known) => before.steps[*known.get()] = step,
                            Entry::Vacant(new) => {
                                new.insert(before.steps.len());
                                before.steps.push(step);
                            }
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

    /// The runs whose inputs the journal has.
    pub(crate) fn without_input(&self) -> Vec<RunId> {
        let without = self.runs.iter().filter(|row| row.input == InputAt::Header);
        without.map(|row| row.run.id).collect()
    }

    /// The runs, each with all that was added of it.
    pub(crate) fn into_runs(self) -> impl Iterator<Item = RunRecord> {
        self.runs.into_iter()
    }

    /// What the store takes. Of a run whose input is found nowhere the steps alone: it has ended, and the row of its end,
    /// which is newer, has the input.
    pub(crate) fn into_facts(self, mut inputs: HashMap<RunId, Value>) -> (Facts, Vec<DeadLetter>) {
        let mut facts = Facts::default();
        for RunRecord { tenant, mut run, input, steps } in self.runs {
            facts.steps.extend(steps.into_iter().map(|StepRecord { revision, ordinal, step }| StepFact {
                tenant: tenant.clone(),
                run_id: run.id,
                run_attempt: run.attempt,
                revision,
                ordinal,
                step,
            }));
            if input == InputAt::Header {
                let Some(found) = inputs.remove(&run.id) else { continue };
                run.input = found;
            }
            facts.runs.push((tenant, run));
        }
        (facts, self.letters)
    }
}

impl RunRecord {
    /// The run as a later commit left it.
    fn go_on_as(&mut self, run: Run, input: InputAt) {
        let before = std::mem::replace(&mut self.run, run);
        if input == InputAt::Here {
            self.input = InputAt::Here;
        } else if self.input == InputAt::Here {
            self.run.input = before.input;
        }
    }
}

fn ordinals(steps: &[StepRecord]) -> HashMap<u32, usize> {
    steps.iter().enumerate().map(|(place, step)| (step.ordinal, place)).collect()
}
