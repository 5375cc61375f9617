//! What every store does with claims.

use minireipaz::store::{Claim, Store};

use super::{suite::for_every_store, tenant, workflow_id};

for_every_store![of_many_that_claim_a_version_at_most_one_is_told_that_it_is_alone];

async fn of_many_that_claim_a_version_at_most_one_is_told_that_it_is_alone(store: &dyn Store) {
    let key = (tenant(), workflow_id().0);
    let claim = |version| Claim { version, id: uuid::Uuid::new_v4(), content: uuid::Uuid::new_v4() };
    for version in 0..5 {
        let claims: Vec<_> = (0..8).map(|_| claim(version)).collect();
        let alone = futures_util::future::join_all(claims.iter().map(|claim| store.claim(&key, claim))).await;
        let alone: Vec<_> = alone.into_iter().map(Result::unwrap).collect();
        assert!(alone.iter().filter(|alone| **alone).count() <= 1, "{alone:?}");
        // Whoever comes later is not alone, until the others have stepped back.
        let late = claim(version);
        assert!(!store.claim(&key, &late).await.unwrap());
        for claim in &claims {
            store.withdraw(&key, claim).await.unwrap();
        }
        let again = Claim { id: uuid::Uuid::new_v4(), ..late };
        assert!(store.claim(&key, &again).await.unwrap(), "the same content is no rival");
        assert!(!store.claim(&key, &claim(version)).await.unwrap());
    }
    assert!(store.claim(&(tenant(), key.1), &claim(0)).await.unwrap(), "another tenant's workflow");
}
