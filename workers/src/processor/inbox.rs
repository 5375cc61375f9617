//! What reaches the processor, in fair turns: the outcomes of a tenant's steps, however large and many, hold up
//! another's for no longer than one commit.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::Duration,
};

use domain::ids::TenantId;
use minireipaz::fair::FairTurns;

use super::Input;

/// What an input costs beside its bytes.
const INPUT_COST: usize = 256;

pub(super) struct Inbox {
    inputs: Receiver<Input>,
    /// By tenant; what is no tenant's is a stream of its own.
    turns: FairTurns<Option<TenantId>, (Input, usize)>,
}

impl Inbox {
    pub(super) fn new(inputs: Receiver<Input>) -> Self {
        Self { inputs, turns: FairTurns::default() }
    }

    /// Waits until there is something, but no longer than this; `false` when nothing will come any more.
    pub(super) fn wait(&mut self, longest: Duration) -> bool {
        if !self.turns.is_empty() {
            return true;
        }
        match self.inputs.recv_timeout(longest) {
            Ok(input) => {
                self.put(input);
                true
            }
            Err(RecvTimeoutError::Timeout) => true,
            Err(RecvTimeoutError::Disconnected) => false,
        }
    }

    /// What comes next, past all that waits.
    pub(super) fn receive(&self, longest: Duration) -> Result<Input, RecvTimeoutError> {
        self.inputs.recv_timeout(longest)
    }

    /// Whose turn it is, with about how many bytes it has.
    pub(super) fn next(&mut self) -> Option<(Input, usize)> {
        while let Ok(input) = self.inputs.try_recv() {
            self.put(input);
        }
        self.turns.pop()
    }

    pub(super) fn put(&mut self, input: Input) {
        let (tenant, bytes) = match &input {
            Input::Finished { tenant, bytes, .. } => (Some(tenant.clone()), *bytes),
            // It was read already: what is left to do is little.
            Input::Returned(returned) => (Some(returned.tenant.clone()), 0),
            Input::ErrorRun(found) => (Some(found.tenant().clone()), found.bytes()),
            Input::Delivery(delivery) => (None, delivery.admission.bytes()),
            _ => (None, 0),
        };
        self.turns.push(tenant, (input, bytes), (bytes + INPUT_COST) as u64);
    }

    /// Whether nothing waits; what is under way to it is not known.
    pub(super) const fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// All that waits.
    pub(super) fn take_all(&mut self) -> Vec<Input> {
        std::iter::from_fn(|| self.turns.pop()).map(|(input, _)| input).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use domain::ids::RunId;

    use super::*;
    use crate::engine::StepKey;

    fn finished(tenant: &str, bytes: usize) -> Input {
        Input::Finished {
            tenant: TenantId::parse(tenant).unwrap(),
            run: RunId(uuid::Uuid::nil()),
            run_attempt: 1,
            step: StepKey::outside(0),
            attempt: 1,
            outcome: None,
            bytes,
        }
    }

    #[test]
    fn a_small_outcome_is_not_behind_the_large_ones_of_another_tenant() {
        let (sender, receiver) = mpsc::channel();
        let mut inbox = Inbox::new(receiver);
        for _ in 0..100 {
            sender.send(finished("busy", 4 << 20)).unwrap();
        }
        inbox.next();
        sender.send(finished("other", 10)).unwrap();
        sender.send(Input::Wake).unwrap();
        let next: Vec<_> = (0..3).filter_map(|_| inbox.next()).collect();
        let other =
            |input: &Input| matches!(input, Input::Finished { tenant, .. } if tenant.as_str() == "other");
        assert!(next.iter().any(|(input, _)| other(input)), "{next:?}");
        assert!(next.iter().any(|(input, _)| matches!(input, Input::Wake)), "{next:?}");
        assert_eq!(inbox.take_all().len(), 98);
        assert!(inbox.is_empty());
    }
}
