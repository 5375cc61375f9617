//! Who called the playground.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;

/// A call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Call {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) idempotency_key: Option<String>,
}

/// The last calls, oldest first.
#[derive(Debug, Default)]
pub(super) struct Calls(Mutex<VecDeque<Call>>);

const KEPT: usize = 20_000;

impl Calls {
    pub(super) fn add(&self, call: Call) {
        let mut calls = self.lock();
        if calls.len() == KEPT {
            calls.pop_front();
        }
        calls.push_back(call);
    }

    /// All calls, or those to one path.
    pub(super) fn list(&self, path: Option<&str>) -> Vec<Call> {
        self.lock().iter().filter(|call| path.is_none_or(|path| call.path == path)).cloned().collect()
    }

    /// How often this caller has called this path.
    pub(super) fn count(&self, path: &str, key: &str) -> usize {
        let calls = self.lock();
        calls.iter().filter(|call| call.path == path && call.idempotency_key.as_deref() == Some(key)).count()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Call>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
