//! What every store does with dead letters that people look at.

use domain::{
    dead_letter::{DeadLetter, Handling, SHOWN_CHARS},
    ids::{LetterId, TenantId},
};
use minireipaz::store::{Handled, PageRequest, Store};
use uuid::Uuid;

use super::{at, suite::for_every_store, tenant};

for_every_store![
    letters_are_listed_last_refused_first_page_by_page_each_once,
    a_letter_that_somebody_has_handled_leaves_the_list_and_can_be_read,
    a_tenant_never_sees_anothers_letters,
];

fn letter(tenant: &TenantId, record: &str, millis: i64) -> DeadLetter {
    DeadLetter::new("worker", "it's \"why\"", record.as_bytes(), tenant.as_str(), at(millis))
}

async fn listed(store: &dyn Store, tenant: &TenantId, limit: u32) -> Vec<LetterId> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = store.letters(Some(tenant), &PageRequest { limit, after }).await.unwrap();
        found.extend(page.items.iter().map(|head| head.id));
        match page.next {
            Some(next) => after = Some(next),
            None => return found,
        }
    }
}

async fn letters_are_listed_last_refused_first_page_by_page_each_once(store: &dyn Store) {
    let tenant = tenant();
    let long = "ü".repeat(3 * SHOWN_CHARS);
    let letters: Vec<_> = (0..7).map(|n| letter(&tenant, &format!("{n}{long}"), i64::from(n / 2))).collect();
    store.bury(&letters).await.unwrap();
    store.bury(&letters[2..5]).await.unwrap();
    let mut expected: Vec<_> = letters.iter().map(|letter| (letter.at, letter.id())).collect();
    expected.sort_by(|a, b| b.cmp(a));
    let expected: Vec<_> = expected.into_iter().map(|(_, id)| id).collect();
    assert_eq!(listed(store, &tenant, 3).await, expected);
    let page = store.letters(Some(&tenant), &PageRequest { limit: 1, after: None }).await.unwrap();
    let (head, whole) = (&page.items[0], &letters[6]);
    assert_eq!((head.id, head.at, &head.reason), (whole.id(), whole.at, &whole.reason));
    assert_eq!(head.bytes as usize, whole.record.len());
    assert_eq!(head.beginning, whole.record.chars().take(SHOWN_CHARS).collect::<String>());
    assert_eq!(store.letter(Some(&tenant), whole.id()).await.unwrap().as_ref(), Some(whole));
}

async fn a_letter_that_somebody_has_handled_leaves_the_list_and_can_be_read(store: &dyn Store) {
    let tenant = tenant();
    let letters = [letter(&tenant, "a", 1), letter(&tenant, "b", 2)];
    store.bury(&letters).await.unwrap();
    let handled = Handled { handling: Handling::Dismissed, by: "ada", at: at(3) };
    store.handle_letter(Some(&tenant), letters[1].id(), &handled).await.unwrap();
    // What is recorded late does not bring it back.
    store.bury(&letters).await.unwrap();
    assert_eq!(listed(store, &tenant, 10).await, [letters[0].id()]);
    assert_eq!(store.letter(Some(&tenant), letters[1].id()).await.unwrap().unwrap(), letters[1]);
}

async fn a_tenant_never_sees_anothers_letters(store: &dyn Store) {
    let (mine, other) = (tenant(), tenant());
    let theirs = letter(&other, "x", 1);
    let nobodys = DeadLetter { tenant: String::new(), ..theirs.clone() };
    store.bury(&[theirs.clone(), nobodys.clone()]).await.unwrap();
    assert!(listed(store, &mine, 10).await.is_empty());
    assert_eq!(store.letter(Some(&mine), theirs.id()).await.unwrap(), None);
    assert_eq!(store.letter(Some(&mine), nobodys.id()).await.unwrap(), None);
    assert_eq!(store.letter(None, nobodys.id()).await.unwrap(), Some(nobodys));
    assert_eq!(store.letter(Some(&other), LetterId(Uuid::from_u128(7))).await.unwrap(), None);
}
