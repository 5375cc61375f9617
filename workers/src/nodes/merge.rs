//! `merge`: makes one list of items out of several inputs.

use std::{collections::HashMap, ops::Range, sync::Arc, time::Instant};

use domain::{
    definition::{Definition, Node},
    items::{Item, MAIN, Output, Port, Ports},
    kinds::{
        merge::{Choice, Join, Keys, Mode, Params},
        params::path::FieldPath,
    },
    lineage::{Lineage, Origin},
    number,
    run::NodeError,
    template::InvalidTemplate,
};
use serde_json::Value;

use super::{
    Pure, PureStep, compile_params,
    output::{CameFrom, OutputBuilder},
    read_evaluated,
};
use crate::{
    engine::Outcome,
    expr::Param,
    step::{Input, Inputs, StepTask, failed_for_good, timeout_error},
};

#[derive(Debug)]
pub(super) struct Merge(Param);

impl Merge {
    pub(super) fn compile(node: &Node, definition: &Definition) -> Result<Self, InvalidTemplate> {
        compile_params(node, definition).map(Self)
    }
}

impl Pure for Merge {
    fn params<'p>(&'p self, visit: &mut dyn FnMut(&'p Param)) {
        visit(&self.0);
    }

    fn evaluates(&self, _: &StepTask) -> Range<usize> {
        0..1
    }

    fn run<'v>(&'v self, mut step: PureStep<'v>) -> Outcome {
        let params = self.0.evaluate(&mut step.evaluator, 0).map_err(Box::<NodeError>::from);
        let merged =
            params.and_then(|params| read_evaluated(&params, Params::read_object)).and_then(|params| {
                if params.mode == Mode::Choose
                    && let Some(only) = chosen_input(&step.task.inputs, params.input)
                {
                    return Ok(whole(only));
                }
                let sides = Sides::of(&step.task.inputs);
                let mut merged =
                    Merged { main: MAIN.into(), output: OutputBuilder::of(step.node, &step.task.inputs) };
                match (params.mode, params.by_key) {
                    (Mode::Choose, _) => {
                        sides.chosen(params.input).iter().try_for_each(|one| merged.push(&[*one]))?;
                    }
                    (Mode::ByPosition, _) => sides.by_position(params.join, &mut merged)?,
                    (Mode::ByKey, Some(keys)) => {
                        let late = || {
                            (Instant::now() >= step.deadline).then(|| timeout_error(step.node.timeout).into())
                        };
                        sides.by_key(&keys, params.join, &mut merged, late)?;
                    }
                    (Mode::Append, _) | (Mode::ByKey, None) => sides.append(&mut merged)?,
                }
                Ok(merged.finish())
            });
        match merged {
            Ok(output) => Outcome::Succeeded(output),
            Err(error) => failed_for_good(step.scope.without_env(error)),
        }
    }
}

/// The input that is all of the chosen side, if one is.
fn chosen_input(inputs: &Inputs, choice: Choice) -> Option<&Input> {
    let of = |name: &str| -> Vec<_> {
        inputs.0.iter().filter(|input| input.name.as_deref() == Some(name)).collect()
    };
    let (left, right) = (of("left"), of("right"));
    let side = match choice {
        Choice::Left => left,
        Choice::Right => right,
        Choice::FirstNonEmpty if !left.is_empty() => left,
        Choice::FirstNonEmpty if !right.is_empty() => right,
        Choice::FirstNonEmpty => inputs.0.iter().take(1).collect(),
    };
    if let [only] = side.as_slice() { Some(only) } else { None }
}

/// An input's items as they are: shared, not copied.
fn whole(input: &Input) -> Output {
    let main: Port = MAIN.into();
    let origin = |(item, _): (u32, &Item)| vec![Origin { input: input.place, item }];
    let origins: Vec<_> = (0u32..).zip(input.items.iter()).map(origin).collect();
    Output {
        ports: Ports::from([(Arc::clone(&main), Arc::clone(&input.items))]),
        lineage: Lineage::from([(main, Arc::new(origins))]),
        ..Output::default()
    }
}

/// An item that came in, and where from.
type Incoming<'i> = (&'i Item, Origin);

/// The inputs in their places: left, right, then whatever else there is.
struct Sides<'i> {
    left: Vec<Incoming<'i>>,
    right: Vec<Incoming<'i>>,
    others: Vec<Vec<Incoming<'i>>>,
}

impl<'i> Sides<'i> {
    /// Edges without a name got one when the workflow was read, as long as places were free.
    fn of(inputs: &'i Inputs) -> Self {
        let mut sides = Self { left: Vec::new(), right: Vec::new(), others: Vec::new() };
        for input in &inputs.0 {
            let origin = |(item, found): (u32, &'i Item)| (found, Origin { input: input.place, item });
            let incoming = (0u32..).zip(input.items.iter()).map(origin);
            match input.name.as_deref() {
                Some("left") => sides.left.extend(incoming),
                Some("right") => sides.right.extend(incoming),
                _ => sides.others.push(incoming.collect()),
            }
        }
        sides
    }

    fn all(&self) -> impl Iterator<Item = &Vec<Incoming<'i>>> {
        [&self.left, &self.right].into_iter().chain(&self.others)
    }

    fn chosen(&self, choice: Choice) -> &[Incoming<'i>] {
        match choice {
            Choice::Left => &self.left,
            Choice::Right => &self.right,
            Choice::FirstNonEmpty => self.all().find(|items| !items.is_empty()).map_or(&[], Vec::as_slice),
        }
    }

    fn append(&self, merged: &mut Merged<'_>) -> Result<(), Box<NodeError>> {
        self.all().flatten().try_for_each(|one| merged.push(&[*one]))
    }

    /// The others count as further right inputs: fields of later ones win.
    fn by_position(&self, join: Join, merged: &mut Merged<'_>) -> Result<(), Box<NodeError>> {
        let all: Vec<_> = self.all().collect();
        let longest = all.iter().map(|items| items.len()).max().unwrap_or(0);
        for index in 0..longest {
            let present: Vec<_> = all.iter().filter_map(|items| items.get(index).copied()).collect();
            let wanted = match join {
                Join::Inner => present.len() == all.len(),
                Join::Left => index < self.left.len(),
                Join::Outer => true,
                Join::Anti => index < self.left.len() && present.len() == 1,
            };
            if wanted {
                merged.push(&present)?;
            }
        }
        Ok(())
    }

    fn by_key(
        &self,
        keys: &Keys,
        join: Join,
        merged: &mut Merged<'_>,
        late: impl Fn() -> Option<Box<NodeError>>,
    ) -> Result<(), Box<NodeError>> {
        if !self.others.is_empty() {
            let message = "mode `by_key` joins two inputs, and more edges than that lead here";
            return Err(NodeError::new("invalid_inputs", message).into());
        }
        let (left_key, right_key) = (&keys.left, keys.right.as_ref().unwrap_or(&keys.left));
        let mut rights: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, (item, _)) in self.right.iter().enumerate() {
            if let Some(key) = key_of(item, right_key) {
                rights.entry(key).or_default().push(index);
            }
        }
        let mut partnered = vec![false; self.right.len()];
        for left in &self.left {
            if let Some(late) = late() {
                return Err(late);
            }
            let partners =
                key_of(left.0, left_key).and_then(|key| rights.get(&key)).map_or(&[][..], Vec::as_slice);
            for &partner in partners {
                partnered[partner] = true;
                if join != Join::Anti {
                    merged.push(&[*left, self.right[partner]])?;
                }
            }
            if partners.is_empty() && join != Join::Inner {
                merged.push(&[*left])?;
            }
        }
        if join == Join::Outer {
            for (right, _) in self.right.iter().zip(&partnered).filter(|(_, partnered)| !**partnered) {
                merged.push(&[*right])?;
            }
        }
        Ok(())
    }
}

/// The key's value as JSON, so that `1` and `"1"` differ; whole numbers are the same however written. `null` is no key.
fn key_of(item: &Item, path: &FieldPath) -> Option<String> {
    match path.get(item)? {
        Value::Null => None,
        Value::Number(number) => Some(number::text(number).into_owned()),
        other => Some(other.to_string()),
    }
}

struct Merged<'s> {
    main: Port,
    output: OutputBuilder<'s>,
}

impl Merged<'_> {
    /// One item of several; fields of later ones win.
    fn push(&mut self, parts: &[Incoming<'_>]) -> Result<(), Box<NodeError>> {
        let Some(((first, _), rest)) = parts.split_first() else { return Ok(()) };
        let mut made = (*first).clone();
        rest.iter().for_each(|(item, _)| made.extend((*item).clone()));
        let origins = parts.iter().map(|(_, origin)| *origin).collect();
        self.output.push(&self.main, made, CameFrom::Origins(origins))
    }

    fn finish(self) -> Output {
        self.output.finish()
    }
}
