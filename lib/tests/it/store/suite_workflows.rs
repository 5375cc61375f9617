//! What every store does with workflows.

use domain::{event::WorkflowDeleted, ids::TenantId, workflow::StoredWorkflow};
use minireipaz::store::{PageRequest, Store, WorkflowChange, WorkflowStore};

use super::{at, suite::for_every_store, tenant, workflow, workflow_id};

for_every_store![
    the_newest_version_is_read_and_an_older_one_never_comes_back,
    saving_a_version_again_changes_nothing,
    a_deleted_workflow_is_hidden_and_stays_so,
    any_version_that_was_saved_can_be_read,
    workflows_are_listed_newest_first_page_by_page,
    a_tenant_never_sees_anothers_workflow,
    a_document_comes_back_to_the_letter,
    changes_of_many_workflows_are_one_write,
];

async fn newest(store: &dyn Store, tenant: &TenantId, of: &StoredWorkflow) -> Option<StoredWorkflow> {
    let key = (tenant.clone(), of.summary.id);
    store.newest(std::slice::from_ref(&key)).await.unwrap().remove(&key).transpose().unwrap()
}

async fn listed(store: &dyn Store, tenant: &TenantId, limit: u32) -> Vec<(uuid::Uuid, u32)> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = WorkflowStore::list(store, tenant, &PageRequest { limit, after }).await.unwrap();
        assert!(page.next.is_none() || page.items.len() == limit as usize);
        found.extend(page.items.iter().map(|workflow| (workflow.id.0, workflow.version)));
        match page.next {
            Some(next) => after = Some(next),
            None => return found,
        }
    }
}

async fn save(store: &dyn Store, tenant: &TenantId, workflow: &StoredWorkflow) {
    let (tenant, workflow) = (tenant.clone(), workflow.clone());
    store.save(&[WorkflowChange::Saved { tenant, workflow }]).await.unwrap();
}

async fn delete(store: &dyn Store, tenant: &TenantId, deleted: WorkflowDeleted) {
    let tenant = tenant.clone();
    store.save(&[WorkflowChange::Deleted { tenant, deleted }]).await.unwrap();
}

fn tombstone(of: &StoredWorkflow, version: u32) -> WorkflowDeleted {
    WorkflowDeleted {
        workflow_id: of.summary.id,
        version,
        created_at: at(0),
        deleted_at: at(i64::from(version)),
    }
}

async fn the_newest_version_is_read_and_an_older_one_never_comes_back(store: &dyn Store) {
    let tenant = tenant();
    let id = workflow_id();
    let versions: Vec<_> = (1..=3).map(|v| workflow(id, v, at(i64::from(v)))).collect();
    for n in [0, 2, 1, 0] {
        save(store, &tenant, &versions[n]).await;
    }
    assert_eq!(newest(store, &tenant, &versions[0]).await.as_ref(), Some(&versions[2]));
    assert_eq!(listed(store, &tenant, 10).await, [(id.0, 3)]);
}

async fn saving_a_version_again_changes_nothing(store: &dyn Store) {
    let tenant = tenant();
    let saved = workflow(workflow_id(), 1, at(1));
    for _ in 0..3 {
        save(store, &tenant, &saved).await;
    }
    assert_eq!(newest(store, &tenant, &saved).await.as_ref(), Some(&saved));
    assert_eq!(listed(store, &tenant, 10).await.len(), 1);
}

async fn a_deleted_workflow_is_hidden_and_stays_so(store: &dyn Store) {
    let tenant = tenant();
    let saved = workflow(workflow_id(), 1, at(1));
    save(store, &tenant, &saved).await;
    delete(store, &tenant, tombstone(&saved, 2)).await;
    save(store, &tenant, &saved).await;
    delete(store, &tenant, tombstone(&saved, 2)).await;
    assert_eq!(newest(store, &tenant, &saved).await, None);
    assert!(listed(store, &tenant, 10).await.is_empty());
    // A tombstone may arrive before what it deletes.
    let late = workflow(workflow_id(), 1, at(1));
    delete(store, &tenant, tombstone(&late, 2)).await;
    save(store, &tenant, &late).await;
    assert_eq!(newest(store, &tenant, &late).await, None);
}

async fn changes_of_many_workflows_are_one_write(store: &dyn Store) {
    let (mine, other) = (tenant(), tenant());
    let id = workflow_id();
    let saved = |tenant: &TenantId, id, version| WorkflowChange::Saved {
        tenant: tenant.clone(),
        workflow: workflow(id, version, at(i64::from(version))),
    };
    let gone = workflow(workflow_id(), 1, at(1));
    let deleted = WorkflowChange::Deleted { tenant: mine.clone(), deleted: tombstone(&gone, 2) };
    let changes = [
        saved(&mine, id, 2),
        saved(&mine, id, 3),
        deleted,
        saved(&other, id, 7),
        saved(&mine, id, 1),
        saved(&mine, gone.summary.id, 1),
    ];
    store.save(&changes).await.unwrap();
    assert_eq!(listed(store, &mine, 10).await, [(id.0, 3)]);
    assert_eq!(listed(store, &other, 10).await, [(id.0, 7)]);
    assert_eq!(newest(store, &mine, &gone).await, None);
}

async fn workflows_are_listed_newest_first_page_by_page(store: &dyn Store) {
    let tenant = tenant();
    let mut expected = Vec::new();
    for n in 0..9 {
        let saved = workflow(workflow_id(), 1, at(n / 4));
        save(store, &tenant, &saved).await;
        expected.push((saved.summary.updated_at, saved.summary.id.0, 1));
    }
    // Saving one again moves it to the front.
    let (_, id, _) = expected.remove(0);
    let moved = workflow(domain::ids::WorkflowId(id), 2, at(50));
    save(store, &tenant, &moved).await;
    expected.push((at(50), id, 2));
    expected.sort_unstable_by(|a, b| b.cmp(a));
    let expected: Vec<_> = expected.into_iter().map(|(_, id, version)| (id, version)).collect();
    for limit in [1, 3, 9, 200] {
        assert_eq!(listed(store, &tenant, limit).await, expected, "pages of {limit}");
    }
}

async fn a_tenant_never_sees_anothers_workflow(store: &dyn Store) {
    let (owner, other) = (tenant(), tenant());
    let saved = workflow(workflow_id(), 1, at(1));
    save(store, &owner, &saved).await;
    assert_eq!(newest(store, &other, &saved).await, None);
    assert!(listed(store, &other, 10).await.is_empty());
    delete(store, &other, tombstone(&saved, 9)).await;
    assert_eq!(newest(store, &owner, &saved).await.as_ref(), Some(&saved));
}

async fn a_document_comes_back_to_the_letter(store: &dyn Store) {
    let tenant = tenant();
    let mut saved = workflow(workflow_id(), 1, at(1));
    saved.summary.name = "O'Brien \\ 😀\n".to_owned();
    let text = "{\"name\":\"O'Brien\",\"nodes\":[],\"z\":1.50,\"a\":{\"keep\":\"\\u00e4 order\"}}";
    saved.document = domain::workflow::DocumentText::parse(text.to_owned()).unwrap();
    save(store, &tenant, &saved).await;
    let found = newest(store, &tenant, &saved).await.unwrap();
    assert_eq!(found.document.as_str(), text);
    assert_eq!(found, saved);
}

async fn any_version_that_was_saved_can_be_read(store: &dyn Store) {
    let tenant = tenant();
    let ids = [workflow_id(), workflow_id(), workflow_id()];
    for version in [1, 3, 2] {
        save(store, &tenant, &workflow(ids[0], version, at(1))).await;
    }
    let gone = workflow(ids[1], 1, at(1));
    save(store, &tenant, &gone).await;
    delete(store, &tenant, tombstone(&gone, 2)).await;
    let (kept, deleted, none) = (ids[0], ids[1], ids[2]);
    let keys = [(kept, 1), (kept, 3), (kept, 4), (deleted, 1), (deleted, 2), (none, 1)];
    let keys = keys.map(|(id, version)| ((tenant.clone(), id), version));
    let mut found = store.at_versions(&keys).await.unwrap();
    for n in [0, 1, 3] {
        let ((_, id), version) = keys[n];
        assert_eq!(found.remove(&keys[n]), Some(Ok(workflow(id, version, at(1)))));
    }
    assert!(keys.iter().all(|key| !found.contains_key(key)), "{found:?}");
    assert!(store.at_versions(&[]).await.unwrap().is_empty());
}
