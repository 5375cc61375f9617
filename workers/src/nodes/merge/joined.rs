//! What several items become.

use domain::{
    definition::Node,
    items::{Item, MAIN, Output, Port},
    kinds::merge::Clash,
    lineage::Origin,
    run::NodeError,
};

use crate::{
    nodes::output::{CameFrom, OutputBuilder},
    step::Inputs,
};

/// An item that came in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Incoming<'i> {
    pub(super) item: &'i Item,
    pub(super) origin: Origin,
    /// The number of its input, from 1.
    pub(super) input: usize,
}

/// The items that leave.
pub(super) struct Joined<'s> {
    main: Port,
    output: OutputBuilder<'s>,
    clash: Clash,
    late: &'s dyn Fn() -> Result<(), Box<NodeError>>,
}

impl<'s> Joined<'s> {
    /// None yet. `late` is an error once the step's time is up.
    pub(super) fn new(
        node: &Node,
        inputs: &'s Inputs,
        clash: Clash,
        late: &'s dyn Fn() -> Result<(), Box<NodeError>>,
    ) -> Self {
        Self { main: MAIN.into(), output: OutputBuilder::of(node, inputs), clash, late }
    }

    /// Whether there is time left: asked for each item that is looked at.
    pub(super) fn in_time(&self) -> Result<(), Box<NodeError>> {
        (self.late)()
    }

    /// An item as it came.
    pub(super) fn push_plain(&mut self, one: Incoming<'_>) -> Result<(), Box<NodeError>> {
        self.output.push(&self.main, one.item.clone(), CameFrom::Origins(vec![one.origin]))
    }

    /// One item of several, or of one that found no other.
    pub(super) fn push(&mut self, parts: &[Incoming<'_>]) -> Result<(), Box<NodeError>> {
        let made = match self.clash {
            Clash::Right => parts
                .iter()
                .flat_map(|part| part.item)
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            Clash::Left => {
                let mut made = Item::new();
                for (name, value) in parts.iter().flat_map(|part| part.item) {
                    if !made.contains_key(name) {
                        made.insert(name.clone(), value.clone());
                    }
                }
                made
            }
            Clash::Suffix => parts
                .iter()
                .flat_map(|part| {
                    part.item.iter().map(|(name, value)| (format!("{name}_{}", part.input), value.clone()))
                })
                .collect(),
        };
        let origins = parts.iter().map(|part| part.origin).collect();
        self.output.push(&self.main, made, CameFrom::Origins(origins))
    }

    pub(super) fn finish(self) -> Output {
        self.output.finish()
    }
}
