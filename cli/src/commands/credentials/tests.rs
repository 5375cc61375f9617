use std::fs;

use super::*;
use crate::fake::Fake;

const ID: &str = "01970000-0000-7000-8000-000000000003";

fn stored(version: u32, status: &str) -> Value {
    json!({
        "id": ID, "name": "Shop", "type": "http_bearer", "hosts": ["api.shop.example"], "version": version,
        "status": status, "key": "dev", "created_at": "2026-11-20T10:00:00.000Z",
        "updated_at": "2026-11-20T10:00:00.000Z",
    })
}

#[tokio::test]
async fn values_come_from_a_file_and_go_to_the_server_alone() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("values.json");
    fs::write(&file, r#"{"token": "hush"}"#).unwrap();
    let fake = Fake::new()
        .on("POST /credentials", 201, &stored(1, "ready"))
        .on(&format!("GET /credentials/{ID}"), 200, &stored(4, "ready"))
        .on(&format!("PUT /credentials/{ID}"), 200, &stored(5, "ready"))
        .start()
        .await;
    execute(CredentialsCommand::Create {
        kind: CredentialType::HttpBearer,
        name: "Shop".to_owned(),
        hosts: vec!["api.shop.example".to_owned()],
        values: ValuesArgs { values: Some(file.clone()) },
        server: fake.args(),
    })
    .await
    .unwrap();
    execute(CredentialsCommand::Rotate {
        id: ID.parse().unwrap(),
        values: ValuesArgs { values: Some(file) },
        server: fake.args(),
    })
    .await
    .unwrap();
    let requests = fake.requests();
    let expected = json!({
        "name": "Shop", "type": "http_bearer", "values": {"token": "hush"}, "hosts": ["api.shop.example"],
    });
    assert_eq!(requests[0].body, expected);
    assert_eq!(
        (&requests[2].body, requests[2].headers["if-match"].to_str().unwrap()),
        (&json!({"values": {"token": "hush"}}), "\"4\"")
    );
}

#[tokio::test]
async fn all_credentials_are_resealed_by_an_empty_change_of_each() {
    let list = json!({"items": [stored(4, "ready")], "next_cursor": null});
    let fake = Fake::new()
        .on("GET /credentials", 200, &list)
        .on(&format!("PUT /credentials/{ID}"), 200, &stored(5, "ready"))
        .start()
        .await;
    execute(CredentialsCommand::Reseal { server: fake.args() }).await.unwrap();
    let last = fake.requests().pop().unwrap();
    assert_eq!((last.body, last.headers["if-match"].to_str().unwrap()), (json!({}), "\"4\""));
}

#[tokio::test]
async fn a_credential_that_is_not_good_ends_the_command_with_a_code() {
    let line = format!("POST /credentials/{ID}/test");
    let bad = json!({"ok": false, "status": 401, "error": null});
    let fake = Fake::new().on(&line, 200, &bad).start().await;
    let address = Some("https://api.shop.example/me".parse().unwrap());
    let command = CredentialsCommand::Test { id: ID.parse().unwrap(), address, server: fake.args() };
    assert!(matches!(execute(command).await, Err(Failure::Run)));
    assert_eq!(fake.requests()[0].body, json!({"url": "https://api.shop.example/me"}));
}

#[tokio::test]
async fn a_credential_is_deleted_by_its_id_and_by_force_if_it_is_said() {
    let line = format!("DELETE /credentials/{ID}");
    let fake = Fake::new().on(&line, 204, &Value::Null).start().await;
    let command = CredentialsCommand::Delete { id: ID.parse().unwrap(), force: true, server: fake.args() };
    execute(command).await.unwrap();
    assert_eq!(fake.requests()[0].query, "force=true");
}
