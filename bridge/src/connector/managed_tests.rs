use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::super::{BodyFormat, ConnectorConfig, ErrorReport, MANAGED_CLASS, OnError, OnNull, parse::parse};

fn parsed(extra: &Value) -> Result<ConnectorConfig, Vec<String>> {
    let base = json!({
        "connector.class": MANAGED_CLASS, "name": "sink", "kafka.auth.mode": "SERVICE_ACCOUNT",
        "kafka.service.account.id": "${env:NOT_SET_HERE}", "topics": "a", "use.open.api.spec": "false",
        "http.api.base.url": "https://h/", "apis.num": "1", "api1.topics": "a", "api1.http.api.path": "/x/${topic}",
        "api1.forward.kafka.headers": "false",
    });
    let mut config: BTreeMap<String, Value> = serde_json::from_value(base).unwrap();
    for (key, value) in extra.as_object().unwrap() {
        config.insert(key.clone(), value.clone());
    }
    config.retain(|_, value| !value.is_null());
    parse("sink", config, &BTreeMap::from([("SECRET".to_owned(), "s3cret".to_owned())]))
}

#[test]
fn what_is_not_said_is_as_in_the_managed_connector() {
    let c = parsed(&json!({})).unwrap();
    assert_eq!(c.url_for("a").unwrap().as_str(), "https://h/x/a");
    assert_eq!((&c.body, c.batch_max), (&BodyFormat::JsonSingle, 1));
    assert_eq!((c.max_retries, c.backoff, c.on_error), (5, Duration::from_secs(3), OnError::Fail));
    assert_eq!((c.on_null, c.report_errors_as), (OnNull::Ignore, ErrorReport::ErrorString));
    assert_eq!((c.error_topic.as_str(), c.tolerate_bad_records), ("error-sink", true));
    assert!(c.retry_on.contains(404) && c.basic.is_none() && c.headers.is_empty());
}

#[test]
fn an_api_is_mapped_to_what_the_self_managed_form_says() {
    let c = parsed(&json!({
        "topics": "b,a", "api1.topics": "a, b", "api1.max.batch.size": "50", "api1.batch.json.as.array": "true",
        "api1.http.request.method": "PUT", "api1.retry.on.status.codes": "429,500-", "api1.max.retries": "5000",
        "api1.retry.backoff.ms": "10", "api1.http.request.timeout.ms": "20", "report.errors.as": "HTTP response",
        "api1.http.request.headers": "A:1;B:2", "api1.http.request.headers.separator": ";",
        "api1.http.request.sensitive.headers": "C:${env:SECRET}", "reporter.error.topic.name": "bad",
    }))
    .unwrap();
    assert_eq!(c.topics, ["a", "b"]);
    assert_eq!((&c.body, c.batch_max, c.method.as_str()), (&BodyFormat::JsonArray, 50, "PUT"));
    assert!(c.retry_on.contains(429) && !c.retry_on.contains(404));
    assert_eq!((c.max_retries, c.backoff), (5_000, Duration::from_millis(10)));
    assert_eq!((c.request_timeout, c.error_topic.as_str()), (Duration::from_millis(20), "bad"));
    assert_eq!((&c.headers["b"], &c.headers["c"]), (&"2".parse().unwrap(), &"s3cret".parse().unwrap()));
    assert_eq!(c.report_errors_as, ErrorReport::HttpResponse);
    assert!(!format!("{c:?}").contains("s3cret"), "a configuration in a log shows no secret");
}

#[test]
fn the_secret_goes_into_the_header_that_auth_type_asks_for() {
    let bearer = parsed(&json!({ "auth.type": "BEARER", "bearer.token": "${env:SECRET}" })).unwrap();
    assert_eq!(bearer.headers["authorization"], "Bearer s3cret");
    assert!(!format!("{bearer:?}").contains("s3cret"));
    let key = parsed(&json!({ "auth.type": "API_KEY", "api.key.value": "${env:SECRET}" })).unwrap();
    assert_eq!(key.headers["x-api-key"], "s3cret");
    let named = json!({ "auth.type": "API_KEY", "api.key.name": "Key", "api.key.value": "v" });
    assert_eq!(parsed(&named).unwrap().headers["key"], "v");
    let basic = json!({ "auth.type": "BASIC", "connection.user": "u", "connection.password": "p" });
    assert_eq!(parsed(&basic).unwrap().basic.unwrap().0, "u");
}

#[test]
fn what_the_bridge_does_not_do_is_refused_with_the_managed_keys_names() {
    let cases = [
        (json!({ "use.open.api.spec": null }), "use.open.api.spec has to be false"),
        (json!({ "apis.num": "2" }), "apis.num has to be 1"),
        (json!({ "api2.topics": "c" }), "api2.topics is not a key of HttpSinkV2"),
        (json!({ "api1.forward.kafka.headers": null }), "api1.forward.kafka.headers has to be false"),
        (json!({ "input.data.format": "AVRO" }), "input.data.format has to be JSON"),
        (json!({ "topics": "a,b" }), "topics and api1.topics differ"),
        (json!({ "api1.topics": null, "topics": null }), "api1.topics is missing"),
        (json!({ "api1.http.api.path": "x" }), "api1.http.api.path does not begin with /"),
        (
            json!({ "api1.http.api.path": "/${key}" }),
            "http.api.base.url with api1.http.api.path has a placeholder",
        ),
        (json!({ "api1.max.batch.size": 2 }), "api1.batch.json.as.array false needs api1.max.batch.size 1"),
        (json!({ "api1.max.retries": 5001 }), "api1.max.retries is \"5001\", not a number from 1 to 5000"),
        (json!({ "max.retries": 5 }), "max.retries is not a key of HttpSinkV2"),
        (json!({ "behavior.on.error": "log" }), "behavior.on.error is \"log\", not supported"),
        (json!({ "api1.behavior.on.null.values": "DELETE" }), "api1.behavior.on.null.values is \"DELETE\""),
        (json!({ "auth.type": "OAUTH2" }), "auth.type is \"OAUTH2\", not supported"),
        (json!({ "auth.type": "BEARER" }), "bearer.token is missing"),
        (
            json!({ "bearer.token": "${env:SECRET}" }),
            "bearer.token is given, and auth.type asks for something else",
        ),
        (json!({ "auth.type": "BEARER", "bearer.token": "${env:SECRET}\n" }), "bearer.token has characters"),
        (json!({ "api.key.location": "QUERY" }), "api.key.location is \"QUERY\", not supported"),
        (json!({ "api1.regex.patterns": "x" }), "api1.regex.patterns is a key of the real connector"),
        (json!({ "name": "other" }), "name in config differs"),
    ];
    for (case, said) in cases {
        let problems = parsed(&case).unwrap_err();
        let is_told = problems.iter().any(|problem| problem.starts_with(said));
        assert!(is_told && problems.len() == 1, "{case}: {problems:?}");
        assert!(!problems.join(" ").contains("s3cret"), "{problems:?}");
    }
}
