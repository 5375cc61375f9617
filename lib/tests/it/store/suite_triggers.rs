//! What every store does with triggers that start runs by themselves.

use domain::{
    event::WorkflowDeleted,
    ids::{NodeId, TenantId, WorkflowId},
    schedule::{Missed, ScheduleKey},
    timestamp::Timestamp,
};
use minireipaz::store::{Next, PageRequest, Store, TriggerRow, TriggerState, WorkflowChange};
use serde_json::json;

use super::{at, suite::for_every_store, tenant, workflow, workflow_id};

for_every_store![
    a_trigger_comes_back_as_it_was_put_and_an_older_row_never_hides_a_newer_one,
    what_is_due_is_found_whoevers_it_is_those_first_that_wait_for_longest,
    of_one_tenant_a_quarter_of_what_is_asked_for_is_found_at_once,
    triggers_are_listed_by_when_they_are_due_page_by_page_without_those_that_are_gone,
    where_a_workflow_stands_is_told_without_reading_it,
];

fn trigger(tenant: &TenantId, workflow: WorkflowId, node: &str, due: Option<i64>) -> TriggerRow {
    TriggerRow {
        key: ScheduleKey { tenant: tenant.clone(), workflow, node: NodeId::parse(node).unwrap() },
        workflow_version: 1,
        revision: 0,
        state: TriggerState::Active,
        params: json!({"cron": "0 9 * * *", "timezone": "Europe/Berlin"}).as_object().unwrap().clone(),
        since: at(0),
        next: due.map(|due| Next { planned: at(due), due: at(due + 1) }),
        started: None,
        missed: None,
    }
}

async fn due(store: &dyn Store, tenant: &TenantId, until: Timestamp, limit: usize) -> Vec<String> {
    let found = store.due_triggers(until, limit).await.unwrap();
    let own = found.into_iter().filter(|row| row.key.tenant == *tenant);
    own.map(|row| row.key.node.to_string()).collect()
}

async fn a_trigger_comes_back_as_it_was_put_and_an_older_row_never_hides_a_newer_one(store: &dyn Store) {
    let (tenant, flow) = (tenant(), workflow_id());
    let one = TriggerRow {
        started: Some(at(-5)),
        missed: Some(Missed { first: at(-9), last: at(-7) }),
        ..trigger(&tenant, flow, "größe 1", Some(100))
    };
    let moved = TriggerRow { revision: 1, next: None, ..one.clone() };
    let paused = TriggerRow { workflow_version: 2, state: TriggerState::Paused, ..one.clone() };
    let other = trigger(&tenant, flow, "other", Some(5));
    store.put_triggers(&[one.clone(), other.clone()]).await.unwrap();
    let of = async || {
        let mut found = store.triggers_of(&[(tenant.clone(), flow)]).await.unwrap();
        found.sort_by(|a, b| a.key.cmp(&b.key));
        found
    };
    assert_eq!(of().await, [one.clone(), other.clone()]);
    store.put_triggers(std::slice::from_ref(&paused)).await.unwrap();
    store.put_triggers(&[moved]).await.unwrap();
    store.put_triggers(&[one]).await.unwrap();
    assert_eq!(of().await, [paused, other]);
    assert_eq!(store.triggers_of(&[(super::tenant(), flow)]).await.unwrap(), []);
}

async fn what_is_due_is_found_whoevers_it_is_those_first_that_wait_for_longest(store: &dyn Store) {
    let (acme, flow) = (tenant(), workflow_id());
    let rows = [("b", Some(20)), ("a", Some(10)), ("c", Some(30)), ("never", None)];
    let rows = rows.map(|(node, due)| trigger(&acme, flow, node, due));
    store.put_triggers(&rows).await.unwrap();
    assert_eq!(due(store, &acme, at(10), 4_000).await, [""; 0], "it is put off by a millisecond");
    assert_eq!(due(store, &acme, at(11), 4_000).await, ["a"]);
    assert_eq!(due(store, &acme, at(500), 4_000).await, ["a", "b", "c"]);
    // One that was moved on is not due any more, though its earlier row is stored still.
    let moved = TriggerRow { revision: 1, ..trigger(&acme, flow, "a", Some(1_000)) };
    store.put_triggers(&[moved]).await.unwrap();
    assert_eq!(due(store, &acme, at(500), 4_000).await, ["b", "c"]);
}

async fn of_one_tenant_a_quarter_of_what_is_asked_for_is_found_at_once(store: &dyn Store) {
    let (many, one, flow) = (tenant(), tenant(), workflow_id());
    let mut rows: Vec<_> =
        (0..50).map(|n| trigger(&many, flow, &n.to_string(), Some(-900_000_000 + n))).collect();
    rows.push(trigger(&one, flow, "late", Some(-800_000_000)));
    store.put_triggers(&rows).await.unwrap();
    let until = at(-700_000_000);
    assert_eq!(due(store, &many, until, 40).await.len(), 10);
    assert_eq!(due(store, &one, until, 40).await, ["late"]);
}

async fn triggers_are_listed_by_when_they_are_due_page_by_page_without_those_that_are_gone(
    store: &dyn Store,
) {
    let (acme, flow, second) = (tenant(), workflow_id(), workflow_id());
    let mut rows: Vec<_> =
        (0..5).map(|n| trigger(&acme, flow, &format!("n{n}"), Some(100 - 10 * n))).collect();
    rows.push(trigger(&acme, second, "same", Some(60)));
    rows.push(trigger(&acme, flow, "ended", None));
    rows.push(TriggerRow { state: TriggerState::Gone, ..trigger(&acme, flow, "gone", None) });
    rows.push(trigger(&tenant(), flow, "others", Some(1)));
    store.put_triggers(&rows).await.unwrap();
    let listed = async |workflow, limit| {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = store.list_triggers(&acme, workflow, &PageRequest { limit, after }).await.unwrap();
            found.extend(page.items.iter().map(|row| (row.due(), row.key.node.to_string())));
            match page.next {
                Some(next) => after = Some(next),
                None => return found,
            }
        }
    };
    let all = listed(None, 2).await;
    assert!(all.is_sorted_by_key(|(due, _)| *due), "{all:?}");
    assert_eq!(all.len(), 7);
    assert_eq!(all.last().unwrap().1, "ended", "what is never due comes last");
    assert_eq!(listed(None, 200).await, all);
    assert_eq!(listed(Some(second), 3).await, [(at(61), "same".to_owned())]);
}

async fn where_a_workflow_stands_is_told_without_reading_it(store: &dyn Store) {
    let (tenant, flow, gone, unknown) = (tenant(), workflow_id(), workflow_id(), workflow_id());
    let saved = |id, version| WorkflowChange::Saved {
        tenant: tenant.clone(),
        workflow: workflow(id, version, at(i64::from(version))),
    };
    let deleted = WorkflowDeleted { workflow_id: gone, version: 2, created_at: at(0), deleted_at: at(2) };
    let deleted = WorkflowChange::Deleted { tenant: tenant.clone(), deleted };
    for change in [saved(flow, 1), saved(flow, 3), saved(flow, 2), saved(gone, 1), deleted] {
        store.save(&[change]).await.unwrap();
    }
    let keys = [flow, gone, unknown].map(|id| (tenant.clone(), id));
    let found = store.standings(&keys).await.unwrap();
    let stands = |id| found.get(&(tenant.clone(), id)).map(|standing| (standing.version, standing.deleted));
    assert_eq!([stands(flow), stands(gone), stands(unknown)], [Some((3, false)), Some((2, true)), None]);
}
