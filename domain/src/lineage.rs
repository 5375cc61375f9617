//! Lineage: which item came from which. It stands beside the items, never in them.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An item of one of a step's inputs. Written as `[input, item]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// Which input: the place of its edge among the node's incoming edges, from 0.
    pub input: u32,
    /// Which item of that input, from 0.
    pub item: u32,
}

/// Where one item came from: nothing for one that was made from nothing, several for one that was merged.
pub type Origins = Vec<Origin>;

/// The origins of a step's items, by output port, in the order of the items.
///
/// A port that is missing here is the plain case: each of its items came from the item at the same place of the only
/// input that brought items.
pub type Lineage = BTreeMap<Arc<str>, Arc<Vec<Origins>>>;

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.input, self.item).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (input, item) = Deserialize::deserialize(deserializer)?;
        Ok(Self { input, item })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lineage_is_written_as_pairs_of_input_and_item() {
        let origins = vec![vec![], vec![Origin { input: 0, item: 2 }, Origin { input: 1, item: 0 }]];
        let lineage = Lineage::from([("main".into(), Arc::new(origins))]);
        let text = serde_json::to_string(&lineage).unwrap();
        assert_eq!(text, r#"{"main":[[],[[0,2],[1,0]]]}"#);
        assert_eq!(serde_json::from_str::<Lineage>(&text).unwrap(), lineage);
    }
}
