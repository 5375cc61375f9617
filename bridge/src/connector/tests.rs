use std::time::Duration;

use http::Method;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::connector::{BodyFormat, OnError, OnNull};

fn variables() -> BTreeMap<String, String> {
    BTreeMap::from([("SECRET".to_owned(), "s3cret".to_owned()), ("BASE".to_owned(), "http://h:1".to_owned())])
}

fn parsed(extra: &Value) -> Result<ConnectorConfig, Vec<String>> {
    let mut config = BTreeMap::from([
        ("connector.class".to_owned(), json!(CLASS)),
        ("topics".to_owned(), json!("a, b")),
        ("http.api.url".to_owned(), json!("${env:BASE}/x/${topic}")),
    ]);
    for (key, value) in extra.as_object().unwrap() {
        config.insert(key.clone(), value.clone());
    }
    config.retain(|_, value| !value.is_null());
    parse("sink", config, &variables())
}

#[test]
fn what_is_not_said_is_as_in_the_real_connector() {
    let c = parsed(&json!({})).unwrap();
    assert_eq!(
        (c.topics.as_slice(), c.method, c.batch_max),
        (&["a".to_owned(), "b".to_owned()][..], Method::POST, 1)
    );
    assert_eq!((c.max_retries, c.backoff), (5, Duration::from_secs(3)));
    assert_eq!(
        (c.on_null, c.on_error, c.error_topic.as_str()),
        (OnNull::Ignore, OnError::Fail, "error-sink")
    );
    assert!(c.retry_on.contains(404) && c.basic.is_none() && !c.tolerate_bad_records);
    let text = BodyFormat::Text { prefix: String::new(), separator: ",".into(), suffix: String::new() };
    assert_eq!(c.body, text);
}

#[test]
fn the_address_takes_the_topic_and_the_variables() {
    assert_eq!(parsed(&json!({})).unwrap().url_for("a").unwrap().as_str(), "http://h:1/x/a");
}

#[test]
fn headers_are_split_at_the_separator_and_kept_secret() {
    let c =
        parsed(&json!({ "headers": "Content-Type:application/json|Authorization: Bearer ${env:SECRET}" }))
            .unwrap();
    assert_eq!(c.headers["authorization"], "Bearer s3cret");
    assert_eq!(c.headers["content-type"], "application/json");
    assert!(!format!("{c:?}").contains("s3cret"), "a configuration in a log shows no secret");
    let other = parsed(&json!({ "headers": "A:1;B:x|y", "header.separator": ";" })).unwrap();
    assert_eq!(other.headers["b"], "x|y");
}

#[test]
fn unknown_unsupported_missing_and_wrong_keys_are_told_all_at_once() {
    let problems = parsed(&json!({
        "topics": null, "htp.api.url": "x", "regex.patterns": "a", "batch.max.size": 0, "auth.type": "OAUTH2",
        "behavior.on.null.values": "delete", "headers": "X-Key ${env:SECRET}", "retry.on.status.codes": "abc",
    }))
    .unwrap_err();
    let all = problems.join("\n");
    for part in [
        "topics is missing",
        "htp.api.url is not a key of",
        "regex.patterns is a key of the real connector",
        "batch.max.size is \"0\", not a number from 1 to 100000",
        "auth.type is \"OAUTH2\", not supported; use one of NONE, BASIC",
        "behavior.on.null.values is \"delete\"",
        "headers: number 1 is not of the form Name:Value",
        "retry.on.status.codes",
    ] {
        assert!(all.contains(part), "{part} is not in {all}");
    }
    assert!(!all.contains("s3cret"));
}

#[test]
fn contradictions_are_errors() {
    let cases = [
        json!({ "request.body.format": "json", "batch.json.as.array": false, "batch.max.size": 2 }),
        json!({ "request.body.format": "json", "batch.prefix": "[" }),
        json!({ "batch.json.as.array": "true" }),
        json!({ "auth.type": "BASIC", "connection.user": "u" }),
        json!({ "connection.user": "u", "connection.password": "p" }),
        json!({ "http.api.url": "${env:BASE}/${key}" }),
        json!({ "http.api.url": "http://u:p@h/" }),
        json!({ "http.api.url": "ftp://h/" }),
        json!({ "reporter.error.topic.name": "a" }),
        json!({ "http.api.url": "${env:MISSING}/" }),
        json!({ "topics": " , " }),
        json!({ "name": "other" }),
    ];
    for case in cases {
        assert_eq!(parsed(&case).map_err(|problems| problems.len()).err(), Some(1), "{case}");
    }
}

#[test]
fn keys_that_only_connect_needs_do_no_harm() {
    let connect = json!({
        "value.converter": "org.apache.kafka.connect.storage.StringConverter",
        "reporter.bootstrap.servers": "${env:NOT_SET_HERE}", "confluent.topic.bootstrap.servers": "kafka:9092",
        "tasks.max": 3, "errors.tolerance": "all",
    });
    assert!(parsed(&connect).is_ok());
}

/// Keys that the three forms share, own, leave to Connect or do not know.
fn key() -> impl Strategy<Value = String> {
    let known = vec![
        "topics",
        "http.api.url",
        "http.url",
        "http.api.base.url",
        "headers",
        "header.separator",
        "batch.max.size",
        "batch.separator",
        "batching.enabled",
        "request.body.format",
        "batch.json.as.array",
        "auth.type",
        "http.authorization.type",
        "http.headers.authorization",
        "http.headers.additional",
        "connection.user",
        "max.retries",
        "retry.backoff.ms",
        "retry.on.status.codes",
        "errors.tolerance",
        "transforms",
        "transforms.t.type",
        "predicates",
        "predicates.t.type",
        "api1.topics",
        "api1.http.request.headers",
        "bearer.token",
        "api.key.name",
        "http.timeout",
        "value.converter",
        "consumer.override.x",
    ];
    prop_oneof![8 => prop::sample::select(known).prop_map(str::to_owned), 1 => "[a-z.]{0,12}"]
}

fn value() -> impl Strategy<Value = Value> {
    let texts = vec![
        "a",
        "a,b",
        "http://h/${topic}",
        "${env:BASE}/x",
        "${env:SECRET}",
        "${env:",
        "A:1|B:${env:SECRET}",
        "t",
        "",
        "true",
        "static",
        "none",
        "all",
        "400-",
        "json",
        "NONE",
        "BEARER",
        "BASIC",
    ];
    prop_oneof![
        6 => prop::sample::select(texts).prop_map(Value::from),
        1 => ".{0,12}".prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(json!({"a": 1})),
    ]
}

proptest! {
    #[test]
    fn every_file_is_read_or_refused_without_a_secret(
        class in prop::sample::select(vec![CLASS, MANAGED_CLASS, AIVEN_CLASS, "other"]),
        keys in prop::collection::btree_map(key(), value(), 0..14),
    ) {
        let mut config = keys;
        config.insert("connector.class".to_owned(), json!(class));
        match parse("sink", config.clone(), &variables()) {
            Ok(connector) => {
                prop_assert!(!connector.topics.is_empty() && connector.batch_max > 0, "{:?}", config);
                prop_assert!(connector.url_for("a").is_ok(), "{:?}", config);
                let shown = format!("{:?}", connector.headers);
                prop_assert!(!shown.contains("s3cret"));
            }
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                prop_assert!(!problems.join(" ").contains("s3cret"), "{:?}", problems);
            }
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_text(&bytes, Path::new("x.json"), &variables());
    }
}
