//! `$run.resumeUrl('name')`.

use std::sync::Arc;

use domain::{iteration::Iteration, timestamp::Timestamp};
use minireipaz::auth::LinkSecrets;
use serde_json::{Value, json};

use super::{NOW, evaluate_as, fails, scope};
use crate::expr::{Expression, ResumeLinks, Scope, StepLinks};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn secrets() -> LinkSecrets {
    LinkSecrets::new(&SECRET.into(), None).unwrap()
}

fn linking() -> Arc<Scope> {
    let api = "https://flows.example/".parse().unwrap();
    let links = Arc::new(ResumeLinks { api, secrets: secrets() });
    let links = Some(StepLinks { links, iteration: Iteration::from(vec![7]) });
    Arc::new(Scope { links, ..Arc::into_inner(scope(json!([{"id": 7}]))).unwrap() })
}

fn evaluate(source: &str) -> Result<Value, String> {
    let scope = linking();
    evaluate_as(&scope, &Expression::compile(source, &scope.definition), 0)
}

#[test]
fn a_link_is_for_the_run_the_name_and_the_iteration_and_as_long_as_the_run_may_take() {
    let scope = linking();
    for (source, name) in [
        ("$run.resumeUrl('approved')", "approved"),
        ("$run.resumeUrl(`order ${$json.id} ✓`)", "order 7 ✓"),
        ("(({resumeUrl}) => resumeUrl('approved'))($run)", "approved"),
    ] {
        let url = evaluate(source).unwrap();
        let start = format!("https://flows.example/api/v1/runs/{}/resume?token=", scope.run.run_id);
        let token = url.as_str().unwrap().strip_prefix(&start).unwrap().to_owned();
        let (now, run) = (Timestamp::from_millis(NOW), scope.run.run_id);
        let link = secrets().read(&token, run, now).unwrap();
        assert_eq!((link.name.as_str(), link.scope.tenant), (name, scope.run.tenant.clone()), "{source}");
        assert_eq!(link.scope.iteration.counters(), [7]);
        let end = now.plus(scope.definition.timeout);
        assert!(secrets().read(&token, run, end).is_ok());
        assert!(secrets().read(&token, run, Timestamp::from_millis(end.as_millis() + 1)).is_err());
    }
    assert_eq!(
        evaluate("$run.resumeUrl('a')"),
        evaluate("$run.resumeUrl('a')"),
        "an attempt says the same again"
    );
}

#[test]
fn what_is_no_name_is_refused_and_the_run_shows_no_more_than_before() {
    for wrong in ["$run.resumeUrl()", "$run.resumeUrl(7)", "$run.resumeUrl('')", "$run.resumeUrl('a\\nb')"] {
        assert!(evaluate(wrong).unwrap_err().contains("name"), "{wrong}");
    }
    assert!(evaluate("$run.resumeUrl").unwrap_err().contains("function"));
    let shown = evaluate("JSON.stringify($run) + Object.keys($run)").unwrap();
    assert!(!shown.as_str().unwrap().contains("resumeUrl"), "{shown}");
    assert!(!evaluate("String($run.resumeUrl) + JSON.stringify($run)").unwrap().to_string().contains(SECRET));
}

#[test]
fn without_links_the_operator_is_told_what_to_set() {
    let told = fails(json!([{}]), "$run.resumeUrl('approved')");
    assert!(told.contains("PUBLIC_URL") && told.contains("LINK_SECRET"), "{told}");
}
