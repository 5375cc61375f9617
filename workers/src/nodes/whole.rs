//! Kinds that work on all items at once. Their parameters are evaluated once, with the first item.

use std::{ops::Range, time::Instant};

use domain::{
    definition::{Definition, Node},
    items::{Item, MAIN, Port},
    kinds::params::path::{FieldPath, PathError},
    limits::MAX_STEP_OUTPUT_BYTES,
    lineage::Origins,
    run::NodeError,
    template::InvalidTemplate,
};
use serde_json::Value;

use super::{
    Pure, PureStep, misfit,
    output::{CameFrom, OutputBuilder, measure_item, measure_value, within},
    prepared::{Prepared, ReadParams},
};
use crate::{
    engine::Outcome,
    expr::Param,
    step::{StepTask, failed_for_good, timed_out},
};

/// A node of such a kind.
#[derive(Debug)]
pub(super) struct Whole<P> {
    params: Prepared<P>,
    takes_long: bool,
    work: Work<P>,
}

/// What a kind does with its items.
type Work<P> = fn(&P, &mut Batch<'_>) -> Result<(), Stopped>;

/// All items of a step, and what becomes of them.
pub(super) struct Batch<'s> {
    pub(super) items: &'s [Item],
    pub(super) task: &'s StepTask,
    output: OutputBuilder<'s>,
    main: Port,
    copied: usize,
    deadline: Instant,
}

/// Why a step ends before it is done.
#[derive(Debug)]
pub(super) enum Stopped {
    /// Its time is up.
    Late,
    /// Something is wrong.
    Failed(Box<NodeError>),
}

impl From<Box<NodeError>> for Stopped {
    fn from(error: Box<NodeError>) -> Self {
        Self::Failed(error)
    }
}

impl From<NodeError> for Stopped {
    fn from(error: NodeError) -> Self {
        Self::Failed(error.into())
    }
}

/// A path that does not fit its item.
impl From<PathError> for Stopped {
    fn from(error: PathError) -> Self {
        Self::Failed(misfit(&error))
    }
}

impl<P: Clone> Whole<P> {
    pub(super) fn compile(
        node: &Node,
        definition: &Definition,
        read: ReadParams<P>,
        work: Work<P>,
    ) -> Result<Self, InvalidTemplate> {
        Ok(Self { params: Prepared::compile(node, definition, read)?, takes_long: false, work })
    }

    /// The same, of a kind that may take milliseconds for a few items.
    pub(super) fn taking_long(self) -> Self {
        Self { takes_long: true, ..self }
    }
}

impl<P: Clone + std::fmt::Debug + Send + Sync> Pure for Whole<P> {
    fn params<'p>(&'p self, visit: &mut dyn FnMut(&'p Param)) {
        self.params.visit(visit);
    }

    fn evaluates(&self, _: &StepTask) -> Range<usize> {
        0..1
    }

    fn takes_long(&self) -> bool {
        self.takes_long
    }

    fn run<'v>(&'v self, mut step: PureStep<'v>) -> Outcome {
        let params = match self.params.of(&mut step.evaluator, 0) {
            Ok(params) => params,
            Err(error) => return failed_for_good(step.scope.without_env(error)),
        };
        let mut batch = Batch {
            items: &step.scope.input,
            task: step.task,
            output: OutputBuilder::of(step.node, &step.task.inputs),
            main: MAIN.into(),
            copied: 0,
            deadline: step.deadline,
        };
        match (self.work)(&params, &mut batch) {
            Ok(()) => Outcome::Succeeded(batch.output.finish()),
            Err(Stopped::Late) => timed_out(step.node.timeout),
            Err(Stopped::Failed(error)) => failed_for_good(step.scope.without_env(error)),
        }
    }
}

impl Batch<'_> {
    /// Whether there is time left.
    pub(super) fn in_time(&self) -> Result<(), Stopped> {
        if Instant::now() < self.deadline { Ok(()) } else { Err(Stopped::Late) }
    }

    /// An item leaves as it came.
    pub(super) fn pass(&mut self, index: usize) -> Result<(), Stopped> {
        self.in_time()?;
        Ok(self.output.push(&self.main, self.items[index].clone(), CameFrom::Item(index))?)
    }

    /// An item leaves that was made of some that came.
    pub(super) fn emit(&mut self, item: Item, members: &[usize]) -> Result<(), Stopped> {
        self.in_time()?;
        let inputs = &self.task.inputs;
        let origins: Origins = members.iter().flat_map(|&index| inputs.origins(index)).collect();
        Ok(self.output.push(&self.main, item, CameFrom::Origins(origins))?)
    }

    /// A value for an item that is being made: no more is copied than may leave.
    pub(super) fn copy(&mut self, value: &Value) -> Result<Value, Stopped> {
        self.in_time()?;
        self.account(measure_value(value)?)?;
        Ok(value.clone())
    }

    /// As [`Self::copy`], for an item within the one that is being made.
    pub(super) fn copy_item(&mut self, item: &Item) -> Result<Item, Stopped> {
        self.in_time()?;
        self.account(measure_item(item)?)?;
        Ok(item.clone())
    }

    /// Counts what goes into an item that is being made, in bytes.
    pub(super) fn account(&mut self, bytes: usize) -> Result<(), Stopped> {
        self.copied = self.copied.saturating_add(bytes);
        Ok(within("MAX_STEP_OUTPUT_BYTES", "bytes", self.copied, MAX_STEP_OUTPUT_BYTES)?)
    }

    /// Refuses a field that no item has: most likely it is misspelt.
    pub(super) fn require(&self, field: &FieldPath) -> Result<(), Stopped> {
        if self.items.is_empty() || self.items.iter().any(|item| field.get(item).is_some()) {
            return Ok(());
        }
        let message = format!("no item has a field `{field}`; check its path");
        Err(NodeError::new("field_not_found", message).into())
    }
}
