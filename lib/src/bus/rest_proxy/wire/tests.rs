use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

#[test]
fn codes_are_classified_as_confluent_documents_them() {
    let server = Failure::Server { retry_after: None };
    for (code, expected) in [
        (400, Failure::Permanent),
        (40002, Failure::Permanent),
        (40101, Failure::Permanent),
        (40301, Failure::Permanent),
        (404, Failure::Permanent),
        (40401, Failure::Permanent),
        (40402, Failure::Permanent),
        (40403, server),
        (40404, server),
        (408, Failure::Connection),
        (413, Failure::Permanent),
        (415, Failure::Permanent),
        (42206, Failure::Permanent),
        (429, Failure::RateLimited { retry_after: None }),
        (42901, Failure::RateLimited { retry_after: None }),
        (500, server),
        (50002, Failure::Permanent),
        (50003, server),
        (503, server),
        (50302, server),
        (0, Failure::Permanent),
        (-1, Failure::Permanent),
    ] {
        assert_eq!(failure(code, None), expected, "{code}");
    }
}

#[test]
fn v3_reports_are_read_one_after_another_until_the_stream_breaks() {
    let body = concat!(
        r#"{"error_code":200,"cluster_id":"c","topic_name":"t","partition_id":3,"offset":42,"key":{"type":"STRING","size":6}}"#,
        "\r\n",
        r#"{"error_code":400,"message":"Bad Request: data=1 is not a base64 string."}{"partition_id":0,"offset":7}"#,
        r#"{"error_code":200,"off"#
    );
    let bad = Problem { code: 400, message: "Bad Request: data=1 is not a base64 string.".into() };
    assert_eq!(
        reports(ProduceApi::V3, body.as_bytes()),
        [Report::Stored, Report::Failed(bad), Report::Stored]
    );
}

#[test]
fn v2_reports_are_read_from_their_list() {
    let body = br#"{"offsets":[{"partition":2,"offset":100,"error_code":null,"error":null},
        {"partition":null,"offset":null,"error_code":50003,"error":"later"},{}],"key_schema_id":null}"#;
    let reports = reports(ProduceApi::V2, body);
    assert_eq!(reports[0], Report::Stored);
    assert_eq!(reports[1], Report::Failed(Problem { code: 50003, message: "later".into() }));
    assert!(matches!(&reports[2], Report::Failed(Problem { code: UNKNOWN, .. })));
}

#[test]
fn a_reply_of_strimzis_bridge_is_read_record_by_record() {
    let body = br#"{"offsets":[{"partition":2,"offset":100},{"error_code":500,"message":"later"},
        {"partition":0,"offset":"?"},{"partition":0,"offset":0}]}"#;
    let reports = reports(ProduceApi::V2, body);
    assert_eq!((&reports[0], &reports[3]), (&Report::Stored, &Report::Stored));
    assert_eq!(reports[1], Report::Failed(Problem { code: 500, message: "later".into() }));
    assert!(matches!(&reports[2], Report::Failed(Problem { code: UNKNOWN, .. })));
}

fn field() -> impl Strategy<Value = (String, Value)> {
    let name = prop::sample::select(vec!["error_code", "offset", "partition", "message", "error", "x"]);
    let value = prop_oneof![
        Just(json!(null)),
        Just(json!(200)),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z]{0,4}".prop_map(Value::from),
        Just(json!({"offset": 1})),
    ];
    (name.prop_map(str::to_owned), value)
}

proptest! {
    #[test]
    fn a_record_counts_as_stored_only_if_its_own_report_says_so(
        lines in prop::collection::vec(prop::collection::vec(field(), 0..4), 0..6),
    ) {
        let lines: Vec<Value> = lines.into_iter().map(|line| Value::Object(line.into_iter().collect())).collect();
        let v3 = lines.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
        let v2 = json!({ "offsets": lines }).to_string();
        for (api, body) in [(ProduceApi::V3, v3), (ProduceApi::V2, v2)] {
            let reports = reports(api, body.as_bytes());
            prop_assert_eq!(reports.len(), lines.len());
            for (report, line) in reports.iter().zip(&lines) {
                let said = line["error_code"] == 200 || line["error_code"].is_null() && line["offset"].is_i64();
                if *report == Report::Stored {
                    prop_assert!(said, "{}", line);
                }
            }
        }
    }

    #[test]
    fn no_reply_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        for api in [ProduceApi::V2, ProduceApi::V3] {
            let _ = (reports(api, &body), problem(&body));
        }
    }
}

#[test]
fn bodies_hold_the_records_in_their_order() {
    let records = [&b"{\"a\":1}"[..], b"{\"b\":2}"];
    assert_eq!(body(ProduceApi::V3, records.into_iter()), b"{\"a\":1}\n{\"b\":2}\n");
    assert_eq!(body(ProduceApi::V2, records.into_iter()), b"{\"records\":[{\"a\":1},{\"b\":2}]}");
}
