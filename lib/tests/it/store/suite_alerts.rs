//! What every store does with alerts and with heartbeats.

use std::time::Duration;

use domain::{
    alert::{Acknowledgement, AlertReport, ErrorPattern},
    heartbeat::{Heartbeat, OpenBreaker, TopicLag},
    ids::{AlertId, TenantId},
    run::NodeError,
    timestamp::Timestamp,
};
use minireipaz::store::{PageRequest, Store};
use serde_json::json;
use uuid::Uuid;

use super::{at, number, suite::for_every_store, tenant, workflow_id};

for_every_store![
    what_several_workers_have_seen_is_one_alert,
    an_alert_is_over_when_it_was_not_seen_for_long_enough,
    who_says_first_that_they_know_is_remembered,
    alerts_are_listed_last_raised_first_page_by_page,
    the_newest_alert_about_a_pattern_is_found,
    a_worker_is_known_by_what_it_said_last,
];

const CALM: Duration = Duration::from_secs(60);

fn report(tenant: &TenantId, id: u128, raised: i64, seen: i64, count: u64) -> AlertReport {
    let error = NodeError::new("http_status", "x").with_details(json!({"status": 503, "host": "a.example"}));
    AlertReport {
        tenant: tenant.clone(),
        id: AlertId(Uuid::from_u128(id)),
        reporter: Uuid::nil(),
        pattern: ErrorPattern::of(workflow_id(), None, &error),
        message: format!("it's \"{count}\""),
        raised_at: at(raised),
        last_seen_at: at(seen),
        count,
        calm: CALM,
        announced_at: None,
    }
}

async fn what_several_workers_have_seen_is_one_alert(store: &dyn Store) {
    let tenant = tenant();
    let one = report(&tenant, 1, 1_000, 5_000, 12);
    let two = AlertReport {
        reporter: Uuid::from_u128(2),
        announced_at: Some(at(2_500)),
        pattern: one.pattern.clone(),
        ..report(&tenant, 1, 2_000, 9_000, 4)
    };
    let older = AlertReport { last_seen_at: at(3_000), count: 10, ..one.clone() };
    for reports in [vec![one.clone()], vec![two, older], vec![one.clone()]] {
        store.report(&reports).await.unwrap();
    }
    let found = store.alert(&tenant, one.id, at(10_000)).await.unwrap().unwrap();
    assert_eq!((found.raised_at, found.last_seen_at, found.count), (at(1_000), at(9_000), 16));
    assert_eq!((found.message.as_str(), &found.pattern), ("it's \"4\"", &one.pattern));
    assert_eq!((found.announced_at, found.cleared_at), (Some(at(2_500)), None));
    assert_eq!(store.alert(&super::tenant(), one.id, at(10_000)).await.unwrap(), None);
}

async fn an_alert_is_over_when_it_was_not_seen_for_long_enough(store: &dyn Store) {
    let tenant = tenant();
    let seen = report(&tenant, 1, 0, 1_000, 10);
    store.report(std::slice::from_ref(&seen)).await.unwrap();
    let page = PageRequest { limit: 10, after: None };
    for (now, open) in [(61_000, 1), (61_001, 0)] {
        let alert = store.alert(&tenant, seen.id, at(now)).await.unwrap().unwrap();
        assert_eq!(alert.cleared_at, (open == 0).then_some(at(61_000)), "{now}");
        let found = store.alerts(&tenant, &page, true, at(now)).await.unwrap();
        assert_eq!(found.items.len(), open, "{now}");
        assert_eq!(store.alerts(&tenant, &page, false, at(now)).await.unwrap().items, [alert]);
    }
}

async fn who_says_first_that_they_know_is_remembered(store: &dyn Store) {
    let tenant = tenant();
    let seen = report(&tenant, 1, 0, 1_000, 10);
    store.report(std::slice::from_ref(&seen)).await.unwrap();
    for (by, when) in [("grace", 3_000), ("ada", 2_000), ("lin", 4_000)] {
        let known = Acknowledgement { tenant: tenant.clone(), id: seen.id, by: by.to_owned(), at: at(when) };
        store.acknowledge(&known).await.unwrap();
    }
    let found = store.alert(&tenant, seen.id, at(5_000)).await.unwrap().unwrap();
    assert_eq!((found.acknowledged_by.as_deref(), found.acknowledged_at), (Some("ada"), Some(at(2_000))));
    assert_eq!(found.count, 10);
}

async fn alerts_are_listed_last_raised_first_page_by_page(store: &dyn Store) {
    let tenant = tenant();
    let raised = [(1, 10), (2, 30), (3, 20), (4, 20)];
    let reports: Vec<_> = raised.iter().map(|(id, raised)| report(&tenant, *id, *raised, 40, 10)).collect();
    store.report(&reports).await.unwrap();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = store.alerts(&tenant, &PageRequest { limit: 2, after }, true, at(50)).await.unwrap();
        found.extend(page.items.iter().map(|alert| alert.id.0.as_u128()));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(found, [2, 4, 3, 1]);
}

async fn the_newest_alert_about_a_pattern_is_found(store: &dyn Store) {
    let tenant = tenant();
    let one = report(&tenant, 1, 10, 20, 10);
    let two = AlertReport { pattern: one.pattern.clone(), ..report(&tenant, 2, 30, 40, 10) };
    let other = report(&tenant, 3, 50, 60, 10);
    store.report(&[two, one.clone(), other]).await.unwrap();
    let newest = store.newest_alert(&tenant, one.pattern.id(&tenant), at(70)).await.unwrap();
    assert_eq!(newest.unwrap().id.0.as_u128(), 2);
    assert_eq!(store.newest_alert(&tenant, Uuid::from_u128(9), at(70)).await.unwrap(), None);
}

async fn a_worker_is_known_by_what_it_said_last(store: &dyn Store) {
    let name = format!("http://worker-{}", number());
    let beat = |millis: i64, rows: u64| Heartbeat {
        worker: name.clone(),
        at: at(millis),
        started_at: at(0),
        version: "0.1.0".to_owned(),
        active_runs: 3,
        backlog_rows: rows,
        backlog_bytes: 7 * rows,
        unrecorded_ms: 250,
        topics: vec![TopicLag { topic: "tasks".to_owned(), lag_ms: 12, handled_at: at(millis) }],
        breakers: vec![OpenBreaker {
            tenant: TenantId::parse("acme").unwrap(),
            destination: "https://shop.example".to_owned(),
            until: at(9_000),
        }],
    };
    for beat in [beat(10, 1), beat(30, 3), beat(20, 2)] {
        store.beat(&beat).await.unwrap();
    }
    let known = async |since: Timestamp| {
        let mut beats = store.heartbeats(since).await.unwrap();
        beats.retain(|beat| beat.worker == name);
        beats
    };
    assert_eq!(known(at(30)).await, [beat(30, 3)]);
    assert!(known(at(31)).await.is_empty());
}
