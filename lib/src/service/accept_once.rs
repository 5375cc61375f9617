//! Accepting a run under an idempotency key: the same key is the same run.

use super::{
    Caller, FoundRun, Runs, StartRunError, Started,
    accept::Asking,
    idempotency::{Accepted, Asked, Fingerprint},
};
use crate::store::{Facts, Found, StoreError};
use domain::{
    concurrency::RunGroup,
    ids::{RunId, WorkflowId},
    run::{RunKey, RunWithSteps},
};

/// The ids that a run may have which a key stands for. They differ in their owner slots alone.
struct Ids {
    /// The one that follows from tenant, workflow and key.
    derived: RunId,
    /// The one that it has if it is started now.
    now: RunId,
    /// Whether what is in the input decides about that, so that any other may have been started.
    by_input: bool,
}

impl Runs {
    /// Concurrent requests with the same key take turns: the second finds what the first has accepted.
    pub(super) async fn accept_once(
        &self,
        caller: &Caller,
        derived: RunId,
        asking: Asking,
    ) -> Result<Started, StartRunError> {
        let way = asking.way.fingerprint();
        let may_differ = asking.may_differ;
        let asked = Asked { input: Fingerprint::of(&asking.input), version: asking.way.version() };
        let _turn = self.keys.turn(derived).await;
        // A run that was started stays the key's, whatever has become of its workflow.
        let chosen = self.choose(caller, &asking).await;
        let asking = match &chosen {
            Ok(chosen) => asking.beginning_at(chosen.trigger_node.clone()),
            Err(_) => asking,
        };
        let ids = match &chosen {
            Ok(chosen) => Ids {
                derived,
                now: asking.at_its_slot(derived, caller, chosen),
                by_input: chosen.concurrency.as_ref().is_some_and(|limit| limit.key.is_some()),
            },
            Err(_) => Ids { derived, now: derived, by_input: false },
        };
        match self.started_before(caller, asking.workflow_id, &ids).await {
            Ok(Some(Err(unreadable))) => return Err(StoreError::from(unreadable).into()),
            Ok(Some(Ok(found))) => {
                let known = (Fingerprint::of(&found.run.input), found.run.workflow_version);
                let id = found.run.id;
                // Pins and documents are not kept with a run: as far as this process remembers them they are compared.
                let same_way = self.recent.get(derived).is_none_or(|accepted| accepted.way == way);
                let is_same = may_differ || asked.is_for(known) && same_way;
                return if is_same && found.run.trigger.is_for_the_same(&asking.trigger) {
                    let run = self.newest(&(caller.tenant.clone(), id), FoundRun::stored(found)).await;
                    Ok(Started { id, run, replayed: true })
                } else {
                    Err(StartRunError::KeyReused(id))
                };
            }
            // What this process accepted it remembers, whether the store shows it yet or not.
            found => match (self.recent.get(derived), found) {
                (Some(known), _)
                    if !may_differ
                        && (known.way != way || !asked.is_for((known.input, known.workflow_version))) =>
                {
                    return Err(StartRunError::KeyReused(known.run));
                }
                (Some(Accepted { run: id, workflow_version, created_at, .. }), _) => {
                    let run = asking.accepted(id, workflow_version, created_at).queued();
                    let run = self.newest(&(caller.tenant.clone(), id), FoundRun::accepted(run)).await;
                    return Ok(Started { id, run, replayed: true });
                }
                (None, Err(error)) => return Err(error.into()),
                (None, Ok(_)) => {}
            },
        }
        let id = ids.now;
        let run = self.publish(caller, id, asking, chosen?).await?;
        let accepted = Accepted {
            run: id,
            input: asked.input,
            way,
            workflow_version: run.workflow_version,
            created_at: run.created_at,
        };
        self.recent.remember(derived, accepted);
        // Other processes look a key up in the store: they must not have to wait for the scheduler.
        let facts = Facts::of_runs(vec![(caller.tenant.clone(), run.clone())]);
        if let Err(error) = self.store.record(&facts).await {
            tracing::warn!(run.id = %id, %error, "run not visible yet: the scheduler will record it");
        }
        Ok(Started { id, run: FoundRun::accepted(run), replayed: false })
    }

    /// The run that the key has started, as the store has it.
    ///
    /// It is looked for at the owner slots that it may have, all at once: the one that it would have now, that of an input
    /// without a key of the workflow's limit, and that of a workflow without a limit. Where the slot follows from what is
    /// in the input, it is looked for at every slot: the same idempotency key with another input must be found, too.
    async fn started_before(
        &self,
        caller: &Caller,
        workflow: WorkflowId,
        ids: &Ids,
    ) -> Result<Option<Found<RunWithSteps>>, StoreError> {
        let without_key = ids.derived.at_slot(RunGroup::of(&caller.tenant, workflow, None).slot());
        let mut keys: Vec<RunKey> = Vec::with_capacity(3);
        for id in [ids.now, without_key, ids.derived] {
            let key = (caller.tenant.clone(), id);
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let mut found = self.store.get(&keys).await?;
        match keys.iter().find_map(|key| found.remove(key)) {
            None if ids.by_input => self.store.get_at_any_slot(&(caller.tenant.clone(), ids.derived)).await,
            found => Ok(found),
        }
    }
}
