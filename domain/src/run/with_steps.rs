//! A run with its steps, within the limit of an answer.

use serde::{Deserialize, Serialize};

use super::{Run, Step};
use crate::{
    ids::NodeId,
    iteration::Iteration,
    measure::{output_bytes, value_bytes_within},
};

/// A run with its steps, in the order in which they began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RunWithSteps {
    /// The run.
    #[serde(flatten)]
    pub run: Run,
    /// Its steps.
    pub steps: Vec<Step>,
    /// Outputs that are `null` here because all of them together are above the limit of an answer (16 MiB,
    /// `MAX_ANSWER_BYTES`): the largest. Missing when there are none. `GET /api/v1/runs/{id}?node=…` gives those of one
    /// node; the run's own output is what its last nodes gave.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

impl RunWithSteps {
    /// All of a run.
    #[must_use]
    pub const fn whole(run: Run, steps: Vec<Step>) -> Self {
        Self { run, steps, left_out: Vec::new() }
    }

    /// The run without the outputs that an answer leaves out that has at most `most` bytes of them.
    #[must_use]
    pub fn within(mut self, most: usize) -> Self {
        let run =
            self.run.output.as_ref().map_or(0, |output| value_bytes_within(output, usize::MAX).unwrap_or(0));
        let of_step = |step: &Step| {
            step.output.as_ref().map_or(0, |ports| output_bytes(&ports.clone().into()) - NO_LINEAGE)
        };
        let sizes: Vec<usize> = std::iter::once(run).chain(self.steps.iter().map(of_step)).collect();
        for (place, _) in left_out(&sizes, most).iter().enumerate().filter(|(_, out)| **out) {
            let bytes = sizes[place];
            let (node_id, iteration) = match place.checked_sub(1).and_then(|step| self.steps.get_mut(step)) {
                Some(step) => {
                    step.output = None;
                    (Some(step.node_id.clone()), step.iteration.clone())
                }
                None => {
                    self.run.output = None;
                    (None, Iteration::default())
                }
            };
            self.left_out.push(LeftOut { node_id, iteration, bytes });
        }
        self
    }
}

/// What a plain lineage is written as, though it is not.
const NO_LINEAGE: usize = "{}".len();

/// An output that an answer leaves out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LeftOut {
    /// The node whose step it is of; `null`: the run's own.
    pub node_id: Option<NodeId>,
    /// Which iteration of the loops around the node; missing outside loops.
    #[serde(default, skip_serializing_if = "Iteration::is_outside")]
    pub iteration: Iteration,
    /// How large it is, as compact JSON.
    pub bytes: usize,
}

/// Which of outputs of these sizes an answer leaves out: the largest, until the others are at most `most` together.
#[must_use]
pub fn left_out(sizes: &[usize], most: usize) -> Vec<bool> {
    let mut all: usize = sizes.iter().sum();
    let mut left_out = vec![false; sizes.len()];
    if all <= most {
        return left_out;
    }
    let mut largest_first: Vec<usize> = (0..sizes.len()).collect();
    largest_first.sort_by_key(|place| std::cmp::Reverse(sizes[*place]));
    for place in largest_first {
        if all <= most {
            break;
        }
        all -= sizes[place];
        left_out[place] = true;
    }
    left_out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_leaves_out_the_largest_outputs_and_no_more_than_it_must() {
        assert_eq!(left_out(&[5, 3, 2], 10), [false; 3]);
        assert_eq!(left_out(&[5, 3, 3], 10), [true, false, false]);
        assert_eq!(left_out(&[3, 0, 9, 8], 5), [false, false, true, true]);
        assert_eq!(left_out(&[11], 10), [true]);
        assert!(left_out(&[], 0).is_empty());
    }
}
