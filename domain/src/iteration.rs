//! Iterations: how often the loops around a node have begun. Together with the node it names a step.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A path of counters from 0, one for each loop around a node, the outermost first; empty outside loops.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, utoipa::ToSchema)]
#[serde(from = "Vec<u32>")]
#[schema(value_type = Vec<u32>)]
pub struct Iteration(
    // `None` is the empty path: steps are compared all the time, most of them are outside loops, and comparing nothing
    // at the address of an empty box costs a call of `memcmp` that takes the processor hundreds of cycles.
    Option<Box<[u32]>>,
);

impl Iteration {
    /// The iteration of every node outside loops.
    #[must_use]
    pub const fn outside() -> Self {
        Self(None)
    }

    /// Whether it is that of a node outside loops.
    #[must_use]
    pub const fn is_outside(&self) -> bool {
        self.0.is_none()
    }

    /// The first iteration of a loop inside this one.
    #[must_use]
    pub fn inner(&self) -> Self {
        Self(Some(self.counters().iter().copied().chain([0]).collect()))
    }

    /// The one after it, of the innermost loop.
    #[must_use]
    pub fn next(&self) -> Self {
        let mut next = self.clone();
        if let Some(last) = next.0.as_mut().and_then(|counters| counters.last_mut()) {
            *last = last.saturating_add(1);
        }
        next
    }

    /// How often the innermost loop has begun before; 0 outside loops.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.counters().last().copied().unwrap_or(0)
    }

    /// The counters, the outermost loop's first.
    #[must_use]
    pub const fn counters(&self) -> &[u32] {
        match &self.0 {
            Some(counters) => counters,
            None => &[],
        }
    }
}

impl From<Vec<u32>> for Iteration {
    fn from(counters: Vec<u32>) -> Self {
        Self((!counters.is_empty()).then(|| counters.into()))
    }
}

impl Serialize for Iteration {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.counters().serialize(serializer)
    }
}

/// `2` or `2.0`: nothing outside loops.
impl fmt::Display for Iteration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, counter) in self.counters().iter().enumerate() {
            let dot = if depth == 0 { "" } else { "." };
            write!(f, "{dot}{counter}")?;
        }
        Ok(())
    }
}

/// A text that is no path of counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an iteration is one counter a loop, such as 2 or 0.3")]
pub struct InvalidIteration;

/// What [`Iteration`] is shown as; the empty text is none.
impl FromStr for Iteration {
    type Err = InvalidIteration;

    fn from_str(text: &str) -> Result<Self, InvalidIteration> {
        let counter = |counter: &str| {
            let digits = counter.bytes().all(|digit| digit.is_ascii_digit());
            counter.parse().ok().filter(|_| digits).ok_or(InvalidIteration)
        };
        text.split('.').map(counter).collect::<Result<Vec<u32>, _>>().map(Self::from)
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
        assert_eq!(Iteration::outside().next(), Iteration::outside());
        assert_eq!((at(&[2]).inner(), at(&[2, 0]).next()), (at(&[2, 0]), at(&[2, 1])));
        assert_eq!((Iteration::outside().inner(), at(&[2, 7]).count()), (at(&[0]), 7));
        assert_eq!(serde_json::to_string(&at(&[3])).unwrap(), "[3]");
        assert_eq!(("2.0".parse(), "7".parse()), (Ok(at(&[2, 0])), Ok(at(&[7]))));
        for text in ["", ".", "1.", "+1", "-1", "1..2", "a", "4294967296", "1 "] {
            assert_eq!(text.parse::<Iteration>(), Err(InvalidIteration), "{text}");
        }
    }
}
