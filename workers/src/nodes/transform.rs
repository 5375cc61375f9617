//! Kinds that make of each item, and the parameters for it, another one.

use std::time::{Duration, Instant};

use domain::{
    definition::{Definition, Node},
    items::{Item, MAIN, Port},
    kinds::params::{At, Reader, fields::Keep, path::FieldPath},
    run::NodeError,
    template::InvalidTemplate,
    timestamp::Timestamp,
};
use serde_json::{Map, Value};

use super::{Pure, PureStep, items::each_item, misfit, prepared::Prepared};
use crate::{engine::Outcome, expr::Param, step::timeout_error};

/// What such a kind does.
pub(super) trait Transform: Send + Sync + std::fmt::Debug + 'static {
    /// Its evaluated parameters.
    type Params: Clone + std::fmt::Debug + Send + Sync;
    /// Whether it takes milliseconds.
    const HEAVY: bool;
    /// Reads its parameters.
    fn read(object: &Map<String, Value>, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self::Params>;
    /// Makes an item of an item.
    fn transform(params: Self::Params, item: &Item, context: Context) -> Result<Item, Box<NodeError>>;
}

/// When an item is worked on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    /// The moment of the attempt.
    pub(super) now: Timestamp,
    pub(super) time: TimeLeft,
}

/// The time that an attempt has.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimeLeft {
    pub(super) deadline: Instant,
    pub(super) limit: Duration,
}

impl TimeLeft {
    /// An error once the time is up.
    pub(super) fn check(self) -> Result<(), Box<NodeError>> {
        if Instant::now() < self.deadline { Ok(()) } else { Err(timeout_error(self.limit).into()) }
    }
}

/// A node of such a kind.
#[derive(Debug)]
pub(super) struct EachItem<T: Transform> {
    params: Prepared<T::Params>,
    main: Port,
}

impl<T: Transform> EachItem<T> {
    pub(super) fn compile(node: &Node, definition: &Definition) -> Result<Self, InvalidTemplate> {
        Ok(Self { params: Prepared::compile(node, definition, T::read)?, main: MAIN.into() })
    }
}

impl<T: Transform> Pure for EachItem<T> {
    fn params<'p>(&'p self, visit: &mut dyn FnMut(&'p Param)) {
        self.params.visit(visit);
    }

    fn takes_long(&self) -> bool {
        T::HEAVY
    }

    fn run<'v>(&'v self, step: PureStep<'v>) -> Outcome {
        let time = TimeLeft { deadline: step.deadline, limit: step.node.timeout };
        let context = Context { now: step.scope.now, time };
        each_item(step, |evaluator, index, item| {
            let params = self.params.of(evaluator, index)?.into_owned();
            T::transform(params, item, context).map(|made| Some((&self.main, made)))
        })
    }
}

/// The item with a value more.
pub(super) fn placed(
    item: &Item,
    keep: &Keep,
    into: &FieldPath,
    value: Value,
) -> Result<Item, Box<NodeError>> {
    let mut made = keep.of(item).map_err(|error| misfit(&error))?;
    into.set(&mut made, value).map_err(|error| misfit(&error))?;
    Ok(made)
}
