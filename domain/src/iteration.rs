//! Iterations: how often the loops around a node have begun. Together with the node it names a step.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A path of counters from 0, one for each loop around a node, the outermost first; empty outside loops.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(transparent)]
#[schema(value_type = Vec<u32>)]
pub struct Iteration(Box<[u32]>);

impl Iteration {
    /// The iteration of every node outside loops.
    #[must_use]
    pub fn outside() -> Self {
        Self::default()
    }

    /// Whether it is that of a node outside loops.
    #[must_use]
    pub const fn is_outside(&self) -> bool {
        self.0.is_empty()
    }

    /// The counters, the outermost loop's first.
    #[must_use]
    pub const fn counters(&self) -> &[u32] {
        &self.0
    }
}

impl From<Vec<u32>> for Iteration {
    fn from(counters: Vec<u32>) -> Self {
        Self(counters.into())
    }
}

/// `2` or `2.0`: nothing outside loops.
impl fmt::Display for Iteration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, counter) in self.0.iter().enumerate() {
            let dot = if depth == 0 { "" } else { "." };
            write!(f, "{dot}{counter}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iterations_are_in_the_order_in_which_they_ran() {
        let at = |counters: &[u32]| Iteration::from(counters.to_vec());
        assert!(at(&[1]) < at(&[2]) && at(&[1, 7]) < at(&[2, 0]) && at(&[2, 0]) < at(&[2, 1]));
        assert_eq!(at(&[2, 0]).to_string(), "2.0");
        assert_eq!(Iteration::outside().to_string(), "");
        assert_eq!(serde_json::to_string(&at(&[3])).unwrap(), "[3]");
    }
}
