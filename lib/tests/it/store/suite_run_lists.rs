//! What every store does with lists of runs.

use domain::{
    ids::{RunId, TenantId},
    run::{Run, RunStatus, RunSummary},
    timestamp::Timestamp,
};
use minireipaz::store::{Cursor, Page, PageRequest, RunStore, Store};

use super::{at, facts, run, suite::for_every_store, tenant, workflow_id};

for_every_store![
    a_list_shows_each_run_once_page_by_page_even_at_equal_moments,
    a_run_that_was_accepted_twice_is_listed_once,
];

pub(super) async fn all_pages(store: &dyn Store, tenant: &TenantId, of: &Run, limit: u32) -> Vec<RunSummary> {
    let (mut runs, mut after) = (Vec::new(), None);
    loop {
        let Page { items, unreadable, next } =
            RunStore::list(store, tenant, of.workflow_id, &PageRequest { limit, after }).await.unwrap();
        let entries = items.len() + unreadable.len();
        assert!(entries <= limit as usize);
        assert!(next.is_none() || entries == limit as usize, "only the last page is short");
        runs.extend(items);
        match next {
            Some(next) => after = Some(next),
            None => return runs,
        }
    }
}

async fn a_list_shows_each_run_once_page_by_page_even_at_equal_moments(store: &dyn Store) {
    let tenant = tenant();
    let workflow = workflow_id();
    let mut runs: Vec<Run> = (0..25).map(|n| run(workflow, at(n / 10), RunStatus::Queued, 1)).collect();
    // Ids whose order as text, as a number and by their halves differ.
    for (n, run) in runs.iter_mut().enumerate().take(8) {
        let n = n as u128;
        run.id.0 =
            uuid::Uuid::from_u128(((n % 3) << 124) | ((7 - n) << 60) | rand::random::<u64>() as u128 >> 8);
    }
    store.record(&facts(&tenant, &runs.iter().collect::<Vec<_>>())).await.unwrap();
    // Some have many rows, one of them more than a read of a page takes.
    for revision in 2..20 {
        let again = Run { revision, status: RunStatus::Running, ..runs[24].clone() };
        store.record(&facts(&tenant, &[&again, &Run { revision, ..runs[3].clone() }])).await.unwrap();
    }
    let elsewhere = run(workflow_id(), at(1), RunStatus::Queued, 1);
    store.record(&facts(&tenant, &[&elsewhere])).await.unwrap();

    let mut expected: Vec<(Timestamp, uuid::Uuid)> =
        runs.iter().map(|run| (run.created_at, run.id.0)).collect();
    expected.sort_unstable_by(|a, b| b.cmp(a));
    for limit in [1, 4, 25, 200] {
        let found = all_pages(store, &tenant, &runs[0], limit).await;
        let places: Vec<_> = found.iter().map(|run| (run.created_at, run.id.0)).collect();
        assert_eq!(places, expected, "pages of {limit}");
    }
    let newest = all_pages(store, &tenant, &runs[0], 7).await;
    let moved = newest.iter().find(|run| run.id == runs[24].id).unwrap();
    assert_eq!(moved.status, RunStatus::Running);
    let after = Some(Cursor { at: at(-1), id: uuid::Uuid::max() });
    let end = RunStore::list(store, &tenant, workflow, &PageRequest { limit: 5, after }).await.unwrap();
    assert_eq!(end, Page { items: Vec::new(), unreadable: Vec::new(), next: None });
}

async fn a_run_that_was_accepted_twice_is_listed_once(store: &dyn Store) {
    let (tenant, workflow) = (tenant(), workflow_id());
    let named = RunId::for_idempotency_key(&tenant, workflow, "order-1");
    let row = |moment, status, revision| Run { id: named, ..run(workflow, at(moment), status, revision) };
    let other = run(workflow, at(2), RunStatus::Succeeded, 3);
    let listed = async || {
        let runs = all_pages(store, &tenant, &other, 2).await;
        runs.into_iter()
            .filter(|run| run.id == named)
            .map(|run| (run.created_at, run.status))
            .collect::<Vec<_>>()
    };
    store.record(&facts(&tenant, &[&other])).await.unwrap();
    // A request that was sent again to another process, which had not seen the first: a third moment is worse than two.
    for moment in [1, 3, 4] {
        store.record(&facts(&tenant, &[&row(moment, RunStatus::Queued, 0)])).await.unwrap();
    }
    assert_eq!(listed().await.len(), 1);
    store.record(&facts(&tenant, &[&row(1, RunStatus::Succeeded, 5)])).await.unwrap();
    assert_eq!(listed().await, [(at(1), RunStatus::Succeeded)]);
}
