//! What every store does with credentials.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use domain::{
    credential::{Credential, CredentialKey, CredentialStatus, CredentialType, Grant},
    ids::{CredentialId, TenantId},
    workflow::DocumentText,
};
use minireipaz::{
    credentials::{CredentialKeys, Purpose},
    store::{PageRequest, Store, StoredCredential, StoredTokens, WorkflowChange},
};
use serde_json::json;

use super::{at, suite::for_every_store, tenant, workflow, workflow_id};

for_every_store![
    the_newest_version_is_read_as_it_was_sealed_and_an_older_one_never_comes_back,
    a_deleted_credential_is_hidden_and_stays_so,
    of_tokens_the_newest_generation_is_true_whatever_comes_late,
    credentials_are_listed_newest_first_page_by_page_with_whether_they_can_be_used,
    a_tenant_never_sees_anothers_credential,
    those_workflows_use_a_credential_whose_newest_versions_name_it,
];

fn keys() -> CredentialKeys {
    format!("k1:{}", BASE64_STANDARD.encode([1; 32])).parse().unwrap()
}

fn id() -> CredentialId {
    CredentialId::at(at(0), rand::random())
}

fn credential(tenant: &TenantId, id: CredentialId, version: u32, grant: Option<Grant>) -> StoredCredential {
    let plain = format!("values {version} \0 '\\");
    StoredCredential {
        id,
        name: format!("O'Brien \\ 😀 {version}"),
        kind: if grant.is_some() { CredentialType::OAuth2 } else { CredentialType::HttpBearer },
        hosts: serde_json::from_value(json!(["api.example.com", "*.example.org:8443"])).unwrap(),
        grant,
        version,
        sealed: keys().seal(Purpose::Values, &(tenant.clone(), id), plain.as_bytes()),
        created_at: at(0),
        updated_at: at(i64::from(version)),
    }
}

fn tokens(key: &CredentialKey, generation: u32, refused: bool) -> StoredTokens {
    let sealed = keys().seal(Purpose::Tokens, key, format!("tokens {generation}").as_bytes());
    StoredTokens { generation, refused, sealed }
}

async fn found(store: &dyn Store, key: &CredentialKey) -> Option<StoredCredential> {
    store.credential(key).await.unwrap().map(Result::unwrap)
}

async fn listed(store: &dyn Store, tenant: &TenantId, limit: u32) -> Vec<Credential> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = store.list_credentials(tenant, &PageRequest { limit, after }).await.unwrap();
        assert!(page.unreadable.is_empty(), "{:?}", page.unreadable);
        found.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return found,
        }
    }
}

async fn the_newest_version_is_read_as_it_was_sealed_and_an_older_one_never_comes_back(store: &dyn Store) {
    let key = (tenant(), id());
    let versions: Vec<_> = (1..=3).map(|version| credential(&key.0, key.1, version, None)).collect();
    for n in [0, 2, 1, 0] {
        store.save_credential(&key.0, &versions[n]).await.unwrap();
    }
    let newest = found(store, &key).await.unwrap();
    assert_eq!(newest, versions[2]);
    assert_eq!(keys().open(Purpose::Values, &key, &newest.sealed).unwrap(), b"values 3 \0 '\\");
    assert_eq!(store.count_credentials(&key.0).await.unwrap(), 1);
}

async fn a_deleted_credential_is_hidden_and_stays_so(store: &dyn Store) {
    let key = (tenant(), id());
    let saved = credential(&key.0, key.1, 1, None);
    store.save_credential(&key.0, &saved).await.unwrap();
    store.delete_credential(&key, 2, at(9)).await.unwrap();
    store.save_credential(&key.0, &saved).await.unwrap();
    assert_eq!(found(store, &key).await, None);
    assert!(listed(store, &key.0, 10).await.is_empty());
    assert_eq!(store.count_credentials(&key.0).await.unwrap(), 0);
}

async fn of_tokens_the_newest_generation_is_true_whatever_comes_late(store: &dyn Store) {
    let key = (tenant(), id());
    assert_eq!(store.tokens(&key).await.unwrap(), None);
    let (first, second, refused) = (tokens(&key, 1, false), tokens(&key, 2, false), tokens(&key, 3, true));
    for stored in [&second, &first] {
        store.save_tokens(&key, stored).await.unwrap();
        assert_eq!(store.tokens(&key).await.unwrap(), Some(second.clone()));
    }
    store.save_tokens(&key, &refused).await.unwrap();
    assert_eq!(store.tokens(&key).await.unwrap(), Some(refused));
}

async fn credentials_are_listed_newest_first_page_by_page_with_whether_they_can_be_used(store: &dyn Store) {
    let tenant = tenant();
    let code = Some(Grant::AuthorizationCode);
    let mut expected = Vec::new();
    for (version, grant, refused, status) in [
        (5, None, None, CredentialStatus::Ready),
        (4, code, None, CredentialStatus::NeedsConsent),
        (3, code, Some(true), CredentialStatus::NeedsConsent),
        (2, code, Some(false), CredentialStatus::Ready),
        (1, Some(Grant::ClientCredentials), None, CredentialStatus::Ready),
    ] {
        let saved = credential(&tenant, id(), version, grant);
        store.save_credential(&tenant, &saved).await.unwrap();
        if let Some(refused) = refused {
            let key = (tenant.clone(), saved.id);
            store.save_tokens(&key, &tokens(&key, 1, !refused)).await.unwrap();
            store.save_tokens(&key, &tokens(&key, 2, refused)).await.unwrap();
        }
        let summary = saved.summary(refused);
        assert_eq!((summary.status, &*summary.key), (status, "k1"));
        expected.push(summary);
    }
    for limit in [1, 2, 5, 200] {
        assert_eq!(listed(store, &tenant, limit).await, expected, "pages of {limit}");
    }
}

async fn a_tenant_never_sees_anothers_credential(store: &dyn Store) {
    let (owner, other) = ((tenant(), id()), tenant());
    let saved = credential(&owner.0, owner.1, 1, None);
    store.save_credential(&owner.0, &saved).await.unwrap();
    store.save_tokens(&owner, &tokens(&owner, 1, false)).await.unwrap();
    let theirs = (other.clone(), owner.1);
    assert_eq!(found(store, &theirs).await, None);
    assert_eq!(store.tokens(&theirs).await.unwrap(), None);
    assert!(listed(store, &other, 10).await.is_empty());
    store.delete_credential(&theirs, 9, at(1)).await.unwrap();
    assert_eq!(found(store, &owner).await, Some(saved));
}

async fn those_workflows_use_a_credential_whose_newest_versions_name_it(store: &dyn Store) {
    let (tenant, used, other) = (tenant(), id(), id());
    let save = async |name: &str, version: u32, flow, params: serde_json::Value| {
        let mut saved = workflow(flow, version, at(i64::from(version)));
        saved.summary.name = name.to_owned();
        let document = json!({"name": name, "nodes": [{"id": "a", "data": {"params": params}}]}).to_string();
        saved.document = DocumentText::parse(document).unwrap();
        let changed = WorkflowChange::Saved { tenant: tenant.clone(), workflow: saved };
        store.save(&[changed]).await.unwrap();
    };
    let upper = used.to_string().to_uppercase();
    let [b, a, old, text] = [(); 4].map(|()| workflow_id());
    save("b", 1, b, json!({"credential": used})).await;
    save("a", 1, a, json!({"auth": {"credential": upper}})).await;
    save("old", 1, old, json!({"credential": used})).await;
    save("old", 2, old, json!({"credential": other})).await;
    save("text", 1, text, json!({"note": format!("\"credential\":\"{used}\""), "other": used})).await;
    let using = async |id: CredentialId, most| {
        let used = store.used_by(&(tenant.clone(), id), most).await.unwrap();
        used.into_iter().map(|one| (one.name, one.workflow_id)).collect::<Vec<_>>()
    };
    assert_eq!(using(used, 10).await, [("a".to_owned(), a), ("b".to_owned(), b)]);
    assert_eq!(using(used, 1).await, [("a".to_owned(), a)]);
    assert_eq!(using(other, 10).await, [("old".to_owned(), old)]);
    assert!(using(id(), 10).await.is_empty());
    assert!(store.used_by(&(super::tenant(), used), 10).await.unwrap().is_empty());
}
