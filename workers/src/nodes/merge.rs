//! `merge`: makes one list of items out of several inputs.

use std::{collections::HashMap, sync::Arc, time::Instant};

use domain::{
    definition::{Definition, Node},
    items::{Item, Items, MAIN, Ports},
    nodes::{
        merge::{Choice, Join, Mode, read},
        path::FieldPath,
    },
    run::NodeError,
    template::InvalidTemplate,
};
use serde_json::Value;

use super::{Pure, PureStep, Traits, compile_params, failed_as_a_whole, output::Output, read_evaluated};
use crate::{engine::Outcome, expr::Param, runner::timeout_error};

#[derive(Debug)]
pub(super) struct Merge(Param);

impl Merge {
    pub(super) fn compile(node: &Node, definition: &Definition) -> Result<Self, InvalidTemplate> {
        compile_params(node, definition).map(Self)
    }
}

impl Pure for Merge {
    fn traits(&self) -> Traits {
        Traits::of([&self.0])
    }

    fn run<'v>(&'v self, mut step: PureStep<'v>) -> Outcome {
        let params = self.0.evaluate(&mut step.evaluator, 0).map_err(Box::<NodeError>::from);
        let merged = params.and_then(|params| read_evaluated(&params, read)).and_then(|mode| {
            let inputs = Inputs::of(step.inputs);
            match mode {
                Mode::Choose(choice) => Ok(inputs.choose(choice)),
                Mode::Append => inputs.append(),
                Mode::ByPosition(join) => inputs.by_position(join),
                Mode::ByKey { left, right, join } => {
                    let late =
                        || (Instant::now() >= step.deadline).then(|| timeout_error(step.node.timeout).into());
                    inputs.by_key(&left, &right, join, late)
                }
            }
        });
        match merged {
            Ok(items) => Outcome::Succeeded(Ports::from([(MAIN.into(), items)])),
            Err(error) => failed_as_a_whole(step.node, error),
        }
    }
}

/// The inputs in their places: left, right, then whatever else there is.
struct Inputs {
    left: Items,
    right: Items,
    others: Vec<Items>,
}

impl Inputs {
    /// Edges without a name got one when the workflow was read, as long as places were free.
    fn of(inputs: &[(Option<String>, Items)]) -> Self {
        let named = |name: &str| -> Items {
            let mut found =
                inputs.iter().filter(|(input, _)| input.as_deref() == Some(name)).map(|(_, items)| items);
            match (found.next(), found.next()) {
                (None, _) => Items::default(),
                (Some(only), None) => Arc::clone(only),
                (Some(first), Some(second)) => Arc::new(
                    [first, second]
                        .into_iter()
                        .chain(found)
                        .flat_map(|items| items.iter().cloned())
                        .collect(),
                ),
            }
        };
        let is_other = |input: &Option<String>| !matches!(input.as_deref(), Some("left" | "right"));
        let others =
            inputs.iter().filter(|(input, _)| is_other(input)).map(|(_, items)| Arc::clone(items)).collect();
        Self { left: named("left"), right: named("right"), others }
    }

    fn all(&self) -> impl Iterator<Item = &Items> {
        [&self.left, &self.right].into_iter().chain(&self.others)
    }

    fn choose(&self, choice: Choice) -> Items {
        match choice {
            Choice::Left => Arc::clone(&self.left),
            Choice::Right => Arc::clone(&self.right),
            Choice::FirstNonEmpty => {
                self.all().find(|items| !items.is_empty()).map(Arc::clone).unwrap_or_default()
            }
        }
    }

    fn append(&self) -> Result<Items, Box<NodeError>> {
        let mut merged = Merged::default();
        for item in self.all().flat_map(|items| items.iter()) {
            merged.push(item.clone())?;
        }
        Ok(merged.finish())
    }

    /// The others count as further right inputs: fields of later ones win.
    fn by_position(&self, join: Join) -> Result<Items, Box<NodeError>> {
        let mut merged = Merged::default();
        let all: Vec<_> = self.all().collect();
        let longest = all.iter().map(|items| items.len()).max().unwrap_or(0);
        for index in 0..longest {
            let present = all.iter().filter(|items| index < items.len()).count();
            let wanted = match join {
                Join::Inner => present == all.len(),
                Join::Left => index < self.left.len(),
                Join::Outer => true,
                Join::Anti => index < self.left.len() && present == 1,
            };
            if wanted {
                let items = all.iter().filter_map(|items| items.get(index));
                merged.push(items.fold(Item::new(), |mut made, item| {
                    made.extend(item.clone());
                    made
                }))?;
            }
        }
        Ok(merged.finish())
    }

    fn by_key(
        &self,
        left_key: &FieldPath,
        right_key: &FieldPath,
        join: Join,
        late: impl Fn() -> Option<Box<NodeError>>,
    ) -> Result<Items, Box<NodeError>> {
        if !self.others.is_empty() {
            let message = "mode `by_key` joins two inputs, and more edges than that lead here";
            return Err(NodeError::new("invalid_inputs", message).into());
        }
        let mut rights: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, item) in self.right.iter().enumerate() {
            if let Some(key) = key_of(item, right_key) {
                rights.entry(key).or_default().push(index);
            }
        }
        let mut partnered = vec![false; self.right.len()];
        let mut merged = Merged::default();
        for left in self.left.iter() {
            if let Some(late) = late() {
                return Err(late);
            }
            let partners =
                key_of(left, left_key).and_then(|key| rights.get(&key)).map_or(&[][..], Vec::as_slice);
            for &partner in partners {
                partnered[partner] = true;
                if join != Join::Anti {
                    let mut made = left.clone();
                    made.extend(self.right[partner].clone());
                    merged.push(made)?;
                }
            }
            if partners.is_empty() && join != Join::Inner {
                merged.push(left.clone())?;
            }
        }
        if join == Join::Outer {
            for (right, _) in self.right.iter().zip(&partnered).filter(|(_, partnered)| !**partnered) {
                merged.push(right.clone())?;
            }
        }
        Ok(merged.finish())
    }
}

/// The key's value as JSON, so that `1` and `"1"` differ; whole numbers are the same however written. `null` is no key.
fn key_of(item: &Item, path: &FieldPath) -> Option<String> {
    match path.get(item)? {
        Value::Null => None,
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9.0e15 => {
                Some(format!("{:.0}", float + 0.0))
            }
            _ => Some(number.to_string()),
        },
        other => Some(other.to_string()),
    }
}

#[derive(Default)]
struct Merged(Output);

impl Merged {
    fn push(&mut self, item: Item) -> Result<(), Box<NodeError>> {
        self.0.push(MAIN, item)
    }

    fn finish(self) -> Items {
        self.0.into_ports().remove(MAIN).unwrap_or_default()
    }
}
