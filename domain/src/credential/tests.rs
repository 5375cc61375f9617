use serde_json::{Map, Value, json};
use url::Url;

use super::*;

fn object(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

fn read(kind: CredentialType, values: Value) -> Result<CredentialValues, Vec<(String, String)>> {
    let told = |violations: Vec<crate::violation::Violation>| {
        violations.into_iter().map(|one| (one.path, one.code.to_string())).collect()
    };
    CredentialValues::read(kind, &object(values)).map_err(told)
}

fn examples() -> Vec<(CredentialType, Value)> {
    let url = "https://id.example/token";
    vec![
        (CredentialType::HttpBasic, json!({"username": "ada", "password": "{{ no template }} : ü\n"})),
        (CredentialType::HttpBearer, json!({"token": "hush-1"})),
        (CredentialType::HttpHeader, json!({"name": "X-Api-Key", "value": "Token hush-2"})),
        (CredentialType::HttpQuery, json!({"name": "api key", "value": "hush-3"})),
        (
            CredentialType::OAuth2,
            json!({"grant": "client_credentials", "token_url": url, "client_id": "me", "client_secret": "hush-4"}),
        ),
        (
            CredentialType::OAuth2,
            json!({
                "grant": "authorization_code", "token_url": url, "authorize_url": "http://127.0.0.1:8/a?b=c",
                "client_id": "me", "client_auth": "body", "scope": "a b", "audience": "x", "client_secret": null,
            }),
        ),
        (CredentialType::Hmac, json!({"secret": "hush-5"})),
        (CredentialType::Jwt, json!({"algorithm": "HS256", "key": "hush-6", "issuer": "i"})),
    ]
}

#[test]
fn values_of_every_type_are_read_as_their_schema_says_and_never_show_in_debug() {
    for (kind, values) in examples() {
        let schema = kind.describe().schema;
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        assert!(validator.is_valid(&values), "{kind}: {values}");
        let read = read(kind, values).unwrap();
        assert_eq!(read.kind(), kind);
        let shown = format!("{read:?}");
        assert!(!shown.contains("hush") && !shown.contains("template"), "{shown}");
    }
    assert!(CredentialType::ALL.iter().all(|kind| examples().iter().any(|(other, _)| other == kind)));
}

#[test]
fn what_is_wrong_is_told_by_its_place_and_without_the_value() {
    for (kind, values, wrong) in [
        (CredentialType::HttpBasic, json!({"username": "a:b", "password": ""}), vec!["username", "password"]),
        (CredentialType::HttpBearer, json!({"token": "hush\nhush"}), vec!["token"]),
        (CredentialType::HttpBearer, json!({"token": 7, "tokn": "hush"}), vec!["token", "tokn"]),
        (CredentialType::HttpHeader, json!({"name": "Host", "value": "hush"}), vec!["name"]),
        (CredentialType::HttpHeader, json!({"name": "hush hush", "value": " hush"}), vec!["name", "value"]),
        (
            CredentialType::OAuth2,
            json!({"grant": "hush", "token_url": "http://hush.example", "client_id": "a"}),
            vec!["grant", "token_url"],
        ),
        (
            CredentialType::OAuth2,
            json!({"grant": "authorization_code", "token_url": "https://u:hush@a", "client_id": "a"}),
            vec!["token_url", "authorize_url"],
        ),
        (
            CredentialType::OAuth2,
            json!({"grant": "client_credentials", "token_url": "https://a", "client_id": "a"}),
            vec!["client_secret"],
        ),
        (CredentialType::Jwt, json!({"algorithm": "none", "key": "hush"}), vec!["algorithm"]),
    ] {
        let violations = CredentialValues::read(kind, &object(values.clone())).unwrap_err();
        let paths: Vec<_> = violations.iter().map(|one| one.path.trim_start_matches("values.")).collect();
        assert_eq!(paths, wrong, "{kind} {values}");
        assert!(violations.iter().all(|one| !one.message.contains("hush")), "{violations:?}");
    }
    let large = json!({"token": "x".repeat(crate::limits::MAX_CREDENTIAL_BYTES)});
    assert_eq!(read(CredentialType::HttpBearer, large).unwrap_err(), [("values".into(), "limit".into())]);
}

#[test]
fn a_type_is_its_name() {
    for kind in CredentialType::ALL {
        assert_eq!(kind.as_str().parse(), Ok(kind));
        assert_eq!(serde_json::to_value(kind).unwrap(), json!(kind.as_str()));
    }
    assert!("hush".parse::<CredentialType>().is_err());
}

#[test]
fn a_credential_is_shown_to_its_hosts_alone() {
    let hosts = |list: &[&str]| Hosts(list.iter().map(|host| host.parse().unwrap()).collect());
    let url = |text: &str| Url::parse(text).unwrap();
    assert!(hosts(&[]).allow(&url("http://anywhere.example/")));
    let bound = hosts(&["API.example.com", "*.Bücher.example", "h.example:8443", "[::1]", "10.0.0.1:80"]);
    for allowed in [
        "https://api.example.com/x",
        "http://api.example.com:99/",
        "https://a.xn--bcher-kva.example/",
        "https://a.b.bücher.example./",
        "https://h.example:8443/",
        "http://[::1]:7/",
        "http://10.0.0.1/",
    ] {
        assert!(bound.allow(&url(allowed)), "{allowed}");
    }
    for refused in [
        "https://example.com/",
        "https://api.example.com.evil.example/",
        "https://evil-api.example.com/",
        "https://bücher.example/",
        "https://abücher.example/",
        "https://h.example/",
        "https://10.0.0.1/",
        "http://10.0.0.2/",
    ] {
        assert!(!bound.allow(&url(refused)), "{refused}");
    }
    for wrong in
        ["", "*", "*.", "a b", "https://a.example", "a.example/x", "a:b", "u@a", "*.10.0.0.1", "a.*.b"]
    {
        assert!(wrong.parse::<HostPattern>().is_err(), "{wrong}");
    }
    let written = serde_json::to_string(&bound).unwrap();
    assert_eq!(serde_json::from_str::<Hosts>(&written).unwrap(), bound);
}

#[test]
fn what_a_document_names_is_found_wherever_it_stands() {
    let id = "018f3c3e-0000-7000-8000-00000000000A";
    let document = json!({
        "nodes": [
            {"data": {"params": {"credential": id}}},
            {"data": {"params": {"auth": {"credential": id.to_lowercase()}, "credentials": "x"}}},
            {"data": {"params": {"credential": "none", "x": [{"credential": "018f3c3e-0000-7000-8000-00000000000b"}]}}},
        ],
    });
    let named: Vec<_> = named_in(&document).into_iter().map(|id| id.to_string()).collect();
    assert_eq!(named, ["018f3c3e-0000-7000-8000-00000000000a", "018f3c3e-0000-7000-8000-00000000000b"]);
}
