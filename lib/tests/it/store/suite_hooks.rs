//! Exchanged addresses of webhooks.

use domain::ids::NodeId;
use minireipaz::store::{HookStore, Rotation};

use super::{at, suite::for_every_store, tenant, workflow_id};

for_every_store!(the_newest_exchange_of_each_webhook_is_told_and_those_of_others_are_not);

async fn the_newest_exchange_of_each_webhook_is_told_and_those_of_others_are_not(store: &impl HookStore) {
    let key = (tenant(), workflow_id());
    let [one, two] = ["one", "größe 'two'"].map(|id| NodeId::parse(id).unwrap());
    assert!(store.rotations(&key).await.unwrap().is_empty());
    let rotation = |number: u32, overlap: Option<i64>| Rotation {
        number,
        at: at(i64::from(number)),
        previous_until: overlap.map(at),
    };
    for (node, rotation) in [
        (&one, rotation(1, None)),
        (&one, rotation(2, Some(500))),
        (&one, rotation(1, Some(900))),
        (&two, rotation(1, None)),
        (&two, rotation(1, Some(700))),
    ] {
        store.rotate(&key, node, &rotation).await.unwrap();
    }
    for other in [(tenant(), key.1), (key.0.clone(), workflow_id())] {
        store.rotate(&other, &one, &rotation(9, None)).await.unwrap();
    }
    let found = store.rotations(&key).await.unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!((found[&one], found[&two]), (rotation(2, Some(500)), rotation(1, Some(700))));
}
