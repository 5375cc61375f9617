//! `respond`: what the run answers.

use domain::limits::{MAX_RESPONSE_BODY_BYTES, MAX_RESPONSE_HEADER_BYTES};

use super::*;

#[test]
fn respond_says_what_the_run_answers_and_passes_its_items_on() {
    let input = json!([{"id": 7, "status": 207, "tags": ["a", "b"]}, {"id": 8}]);
    for (params, expected) in [
        (json!({}), json!({"status": 200, "headers": {}, "body": null})),
        (
            json!({
                "status": "{{ $json.status }}",
                "headers": {"Location": "/orders/{{ $json.id }}", "x-tag": "{{ $json.tags }}", "x-none": null},
                "body": {"order": "{{ $json.id }}"},
            }),
            json!({
                "status": 207,
                "headers": {"location": ["/orders/7"], "x-tag": ["a", "b"]},
                "body": {"order": 7},
            }),
        ),
        (json!({"body": "done: {{ $json.id }}"}), json!({"status": 200, "headers": {}, "body": "done: 7"})),
    ] {
        let output = made("respond", params.clone(), input.clone());
        assert_eq!(json!(output.response), expected, "{params}");
        assert_eq!((ports(&output), output.lineage.len()), (json!({ "main": input }), 0));
    }
}

#[test]
fn what_would_break_an_answer_is_refused() {
    let input = json!([{"bad": "a\r\nset-cookie: b=c", "name": "content-length", "status": 99}]);
    for (params, said) in [
        (json!({"headers": {"x-a": "{{ $json.bad }}"}}), "control characters"),
        (json!({"headers": {"{{ $json.name }}": "5"}}), "set by the client itself"),
        (json!({"headers": {"{{ $json.bad }}": "5"}}), "not a header's name"),
        (json!({"status": "{{ $json.status }}"}), "200 to 599"),
    ] {
        let failed = fails("respond", json!({"params": params}), input.clone());
        assert_eq!(failed.error.code, "invalid_params", "{params}");
        assert!(failed.error.message.contains(said), "{params}: {}", failed.error.message);
    }
}

#[test]
fn an_answer_above_a_limit_fails_by_its_name() {
    let text = |bytes: usize| json!([{"text": "x".repeat(bytes)}]);
    let failed =
        fails("respond", json!({"params": {"body": "{{ $json.text }}"}}), text(MAX_RESPONSE_BODY_BYTES));
    assert!(failed.error.message.contains("MAX_RESPONSE_BODY_BYTES"), "{}", failed.error.message);
    let params = json!({"headers": {"x-a": "{{ $json.text }}"}});
    let failed = fails("respond", json!({ "params": params }), text(MAX_RESPONSE_HEADER_BYTES));
    assert_eq!(failed.error.code, "limit");
    assert!(failed.error.message.contains("MAX_RESPONSE_HEADER_BYTES"), "{}", failed.error.message);
}
