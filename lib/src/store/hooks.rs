//! How often addresses of webhooks were exchanged.

use std::collections::HashMap;

use async_trait::async_trait;
use domain::{ids::NodeId, timestamp::Timestamp, workflow::WorkflowKey};

use super::StoreError;

/// How often the address of a hook was exchanged, and when last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// How often.
    pub number: u32,
    /// When last.
    pub at: Timestamp,
    /// Until when the address before it is taken too; `None`: it is not.
    pub previous_until: Option<Timestamp>,
}

impl Rotation {
    /// Whether the address of that number is taken at `now`.
    #[must_use]
    pub fn takes(&self, number: u32, now: Timestamp) -> bool {
        number == self.number
            || number.checked_add(1) == Some(self.number)
                && self.previous_until.is_some_and(|until| now < until)
    }
}

/// How often addresses of webhooks were exchanged. What was written here is in force: no event says it.
#[async_trait]
pub trait HookStore: Send + Sync + 'static {
    /// Those of a workflow's hooks whose addresses were exchanged, by node.
    async fn rotations(&self, key: &WorkflowKey) -> Result<HashMap<NodeId, Rotation>, StoreError>;

    /// Exchanges the address of a hook. One of a lower number than is known changes nothing.
    async fn rotate(&self, key: &WorkflowKey, node: &NodeId, rotation: &Rotation) -> Result<(), StoreError>;
}

#[cfg(any(test, feature = "testing"))]
mod in_memory {
    use super::*;
    use crate::store::memory::{Call, MemoryStore, keep_newest};

    #[expect(missing_docs, reason = "the trait says what they are")]
    impl Call {
        pub const ROTATIONS: Self = Self::read("rotations");
        pub const ROTATE: Self = Self::write("rotate");
    }

    #[async_trait]
    impl HookStore for MemoryStore {
        async fn rotations(&self, key: &WorkflowKey) -> Result<HashMap<NodeId, Rotation>, StoreError> {
            self.read(Call::ROTATIONS, |state| {
                let of_workflow = state.hooks.iter().filter(|((of, _), _)| of == key);
                of_workflow.map(|((_, node), rotation)| (node.clone(), *rotation)).collect()
            })
            .await
        }

        async fn rotate(
            &self,
            key: &WorkflowKey,
            node: &NodeId,
            rotation: &Rotation,
        ) -> Result<(), StoreError> {
            self.write(Call::ROTATE, |state| {
                let hook = (key.clone(), node.clone());
                keep_newest(&mut state.hooks, hook, *rotation, |rotation| rotation.number);
                Ok(())
            })
            .await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_before_is_taken_for_as_long_as_was_said_and_none_before_that() {
        let at = Timestamp::from_millis;
        let rotation = Rotation { number: 3, at: at(0), previous_until: Some(at(100)) };
        assert!(rotation.takes(3, at(1_000)) && rotation.takes(2, at(99)));
        assert!(!rotation.takes(2, at(100)) && !rotation.takes(1, at(1)) && !rotation.takes(4, at(1)));
        let at_once = Rotation { previous_until: None, ..rotation };
        assert!(!at_once.takes(2, at(1)) && !at_once.takes(u32::MAX, at(1)));
    }
}
