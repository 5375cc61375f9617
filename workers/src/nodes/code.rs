//! `code`: runs a program of the author's over the items.

use std::ops::Range;

use domain::{
    definition::Node,
    items::{Item, MAIN, Port, name_of},
    kinds::{
        code::{Mode, Params},
        params::{At, Reader, program::Program},
    },
    run::NodeError,
    violation::Violations,
};
use serde_json::Value;

use super::{
    Pure, PureStep, Unready,
    items::each_item,
    output::{CameFrom, OutputBuilder},
};
use crate::{
    engine::Outcome,
    expr::{Expression, Form, Param},
    step::{Inputs, StepTask, failed_for_good},
};

#[derive(Debug)]
pub(super) struct Code {
    mode: Mode,
    program: Param,
    main: Port,
}

impl Code {
    pub(super) fn compile(node: &Node) -> Result<Self, Unready> {
        let mut violations = Violations::new();
        let mut reader = Reader::proven(&mut violations);
        let params = Params::read_object(&node.params, &At::root("params"), &mut reader);
        let Some(Params { mode, source: Program(source) }) = params else {
            return Err(Unready::Params(violations.into_vec()));
        };
        let program = Param::Expression(Expression::program(&source));
        Ok(Self { mode, program, main: MAIN.into() })
    }

    fn for_all(&self, step: PureStep<'_>) -> Outcome {
        let PureStep { node, task, scope, mut evaluator, .. } = step;
        let mut output = OutputBuilder::of(node, &task.inputs);
        if task.inputs.is_empty() {
            return Outcome::Succeeded(output.finish());
        }
        let given = self.program.evaluate(&mut evaluator, 0).map_err(|error| scope.without_env(error.into()));
        let pushed = given.and_then(|given| {
            let mut given = match given.into_owned() {
                Value::Object(given) => given,
                other => return Err(no_items("", &other)),
            };
            let from = given.remove("from");
            let items = items_of(given.remove("value").unwrap_or_default())?;
            let from = origins(&task.inputs, items.len(), from.as_ref());
            items.into_iter().zip(from).try_for_each(|(item, from)| output.push(&self.main, item, from))
        });
        match pushed {
            Ok(()) => Outcome::Succeeded(output.finish()),
            Err(error) => failed_for_good(error),
        }
    }

    fn for_each<'v>(&'v self, step: PureStep<'v>) -> Outcome {
        each_item(step, |evaluator, index, _| {
            let given = self.program.evaluate(evaluator, index).map_err(Box::<NodeError>::from)?;
            Ok(items_of(given.into_owned())?.into_iter().map(|made| (&self.main, made)))
        })
    }
}

impl Pure for Code {
    fn params<'p>(&'p self, visit: &mut dyn FnMut(&'p Param)) {
        visit(&self.program);
    }

    fn evaluates(&self, task: &StepTask) -> Range<usize> {
        match self.mode {
            Mode::All => 0..task.inputs.len().min(1),
            Mode::Each => 0..task.inputs.len(),
        }
    }

    fn form(&self) -> Form {
        match self.mode {
            Mode::All => Form::ProgramForAll,
            Mode::Each => Form::ProgramForEach,
        }
    }

    fn run<'v>(&'v self, step: PureStep<'v>) -> Outcome {
        match self.mode {
            Mode::All => self.for_all(step),
            Mode::Each => self.for_each(step),
        }
    }
}

/// The items that a value stands for.
fn items_of(value: Value) -> Result<Vec<Item>, Box<NodeError>> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Object(item) => Ok(vec![item]),
        Value::Array(list) => {
            let object = |(place, value)| match value {
                Value::Object(item) => Ok(item),
                other => Err(no_items(&format!("element {place} of "), &other)),
            };
            list.into_iter().enumerate().map(object).collect()
        }
        other => Err(no_items("", &other)),
    }
}

fn no_items(part: &str, value: &Value) -> Box<NodeError> {
    let message = format!(
        "{part}what the program gives is {}; an item is an object: return a list of objects, an object, or null for no \
         items",
        name_of(value)
    );
    Box::new(NodeError::new("code", message))
}

/// Where the items come from that a program gave for all: those that came in from themselves (`from` has their places);
/// if none did, all from the only item that came in, or from those in the same places if there are as many.
fn origins(inputs: &Inputs, count: usize, from: Option<&Value>) -> Vec<CameFrom> {
    let place = |place: &Value| place.as_u64().and_then(|place| usize::try_from(place).ok());
    let own = |place: Option<usize>| match place {
        Some(place) if place < inputs.len() => CameFrom::Item(place),
        _ => CameFrom::Nothing,
    };
    match from.and_then(Value::as_array) {
        Some(from) if from.iter().any(|from| place(from).is_some()) => {
            (0..count).map(|at| own(from.get(at).and_then(place))).collect()
        }
        _ if inputs.len() == 1 => vec![CameFrom::Item(0); count],
        _ if inputs.len() == count => (0..count).map(CameFrom::Item).collect(),
        _ => vec![CameFrom::Nothing; count],
    }
}
