//! A request to a hook starts its run.

use std::time::Duration;

use serde_json::Value;

use super::FoundHook;
use crate::service::{
    Caller, FoundRun, Runs, StartRunError, Started, TestRun,
    accept::{Asking, HookStart, Way},
};
use crate::store::StoreError;
use domain::{
    ids::RunId,
    items::Item,
    kinds::webhook,
    run::{Extent, Pins, Trigger},
};

/// What a request is recognised by when it is sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// What its sender calls it, or its signature.
    pub name: String,
    /// For how long it is the same one; `None`: for ever.
    pub within: Option<Duration>,
}

impl Runs {
    /// Starts the run of a request to a hook. One that was sent before is the run that it has started then.
    ///
    /// # Errors
    /// When the workflow cannot be started now, or a part does not answer.
    pub async fn start_by_hook(
        &self,
        caller: &Caller,
        hook: &FoundHook,
        item: Item,
        delivered: Option<Delivered>,
    ) -> Result<Started, StartRunError> {
        let asking = asking(hook, item);
        let Some(Delivered { name, within }) = delivered else {
            return self.accept(caller, None, asking).await;
        };
        let id = |turn: Option<i64>| {
            // No client's idempotency key has line breaks, so none is one of these.
            let turn = turn.map(|turn| turn.to_string()).unwrap_or_default();
            let kind = if hook.is_test { "test" } else { "webhook" };
            let key = format!("{kind}\n{}\n{turn}\n{name}", hook.node);
            RunId::for_idempotency_key(&caller.tenant, hook.workflow, &key)
        };
        let Some(window) =
            within.and_then(|within| i64::try_from(within.as_millis()).ok()).filter(|ms| *ms > 0)
        else {
            return self.accept(caller, Some(id(None)), asking).await;
        };
        let now = self.clock.now().as_millis();
        let turn = now.div_euclid(window);
        // It may have come shortly before this turn began.
        let before = (caller.tenant.clone(), id(Some(turn - 1)));
        let found = self.store.get_at_any_slot(&before).await?.transpose().map_err(StoreError::from)?;
        if let Some(found) = found.filter(|found| now - found.run.created_at.as_millis() < window) {
            let id = found.run.id;
            let run = self.newest(&(before.0, id), FoundRun::stored(found)).await;
            return Ok(Started { id, run, replayed: true });
        }
        self.accept(caller, Some(id(Some(turn))), asking).await
    }
}

fn asking(hook: &FoundHook, item: Item) -> Asking {
    let FoundHook { workflow, node, version, is_test, concurrency, .. } = hook;
    let (trigger, way) = if *is_test {
        let test = TestRun {
            document: None,
            extent: Extent::All,
            trigger: Some(node.clone()),
            pins: Pins::default(),
        };
        (Trigger::test(), Way::Test { version: Some(*version), test: Box::new(test) })
    } else {
        let start = HookStart { version: *version, concurrency: concurrency.clone() };
        (Trigger::at(webhook::DECLARATION.name, node.clone()), Way::Hook(start))
    };
    Asking { workflow_id: *workflow, input: Value::Object(item), trigger, way, may_differ: true }
}
