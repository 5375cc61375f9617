//! Which of the runs that are due are in the next question.

use std::collections::HashMap;

use domain::{ids::TenantId, run::RunKey};
use tokio::time::Instant;

/// Most runs that one question asks about; the others are next.
const MAX_ASKED: usize = 500;

/// Most runs of one tenant in it: a question takes the longer the more it asks, and all who wait for its answer pay.
const MAX_OF_TENANT: usize = 100;

/// The runs to ask about, of those that are due: one of each tenant, then a second one of each, and so on; of a
/// tenant those first that have been due for longest, and so among tenants.
pub(super) fn chosen(mut due: Vec<(Instant, &RunKey)>) -> Vec<RunKey> {
    due.sort_unstable();
    let mut before: HashMap<&TenantId, usize> = HashMap::new();
    let mut ranked: Vec<(usize, &RunKey)> = Vec::with_capacity(due.len());
    for (_, key) in due {
        let rank = before.entry(&key.0).or_default();
        if *rank < MAX_OF_TENANT {
            ranked.push((*rank, key));
        }
        *rank += 1;
    }
    // Stable: of one rank who is due for longest stays first.
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().take(MAX_ASKED).map(|(_, key)| key.clone()).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::ids::RunId;
    use uuid::Uuid;

    use super::*;

    fn keys(tenant: &str, count: u128) -> Vec<RunKey> {
        let tenant = TenantId::parse(tenant).unwrap();
        (0..count).map(|n| (tenant.clone(), RunId(Uuid::from_u128(n)))).collect()
    }

    #[test]
    fn a_tenant_with_thousands_of_runs_neither_keeps_anothers_out_nor_makes_the_question_long() {
        let (busy, other) = (keys("busy", 2_000), keys("other", 1));
        let (early, now) = (Instant::now(), Instant::now() + Duration::from_secs(1));
        let due = busy.iter().map(|key| (early, key)).chain([(now, &other[0])]);
        let asked = chosen(due.collect());
        assert!(asked.contains(&other[0]));
        assert_eq!(asked.len(), MAX_OF_TENANT + 1);
    }

    #[test]
    fn who_has_been_due_for_longest_is_asked_about_first_also_where_tenants_are_many() {
        let tenants: Vec<_> = (0..MAX_ASKED + 20).map(|n| keys(&format!("t{n}"), 2)).collect();
        let began = Instant::now();
        let at = |n: usize| began + Duration::from_millis(n as u64);
        let due = tenants.iter().enumerate().flat_map(|(n, own)| own.iter().map(move |key| (at(n), key)));
        let asked = chosen(due.rev().collect());
        assert_eq!(asked.len(), MAX_ASKED);
        let first: Vec<_> = tenants[..MAX_ASKED].iter().map(|own| own[0].clone()).collect();
        assert_eq!(asked, first);
    }
}
