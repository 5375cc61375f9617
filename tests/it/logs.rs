//! A function's log, as machines read it.

use minireipaz::testing::soon;
use serde_json::Value;

use crate::{
    answers::{AWAY, Identity, SECRET},
    function::Function,
    request::Call,
};

const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[tokio::test]
async fn every_line_of_a_request_carries_its_trace_and_tenant_and_no_secret() {
    let identity = Identity::start().await;
    let variables = identity.variables(&format!("http://{AWAY}"), &format!("clickhouse://u:p4ss@{AWAY}/db"));
    let binary = env!("CARGO_BIN_EXE_workflows-index");
    let mut function = Function::start_with(binary, &variables, "debug").await;
    let token = identity.token("workflows:read");
    let list = Call::get("/api/v1/workflows").bearer(&token).header("traceparent", GIVEN);
    assert_eq!(function.send(&list).await.status, 503);

    let mut log = function.log.take().unwrap();
    let mut said = Vec::new();
    // The one that says what was answered is the last.
    let read = async {
        loop {
            let text = log.next_line().await.unwrap().expect("the function runs");
            let line: Value = serde_json::from_str(&text).unwrap();
            said.push(text);
            if line["trace_id"] == GIVEN[3..35] {
                assert_ne!(line["span_id"], GIVEN[36..52], "{line}");
                assert_eq!(
                    (&line["parent_id"], &line["request.id"]),
                    (&GIVEN[36..52].into(), &"same".into())
                );
            }
            if line["http.status"] == 503 {
                return line;
            }
        }
    };
    let answered = soon("it says what it answered", read).await;
    assert_eq!((&answered["tenant"], &answered["http.method"]), (&"local".into(), &"GET".into()));
    assert_eq!(answered["trace_id"], GIVEN[3..35]);
    let said = said.join("\n");
    assert!(said.contains("store_unavailable"), "{said}");
    for secret in [token.as_str(), SECRET, "p4ss"] {
        assert!(!said.contains(secret), "{said}");
    }
}
