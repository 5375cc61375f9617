//! The example that each kind declares is what it makes.

use std::sync::Arc;

use domain::{
    definition::Definition,
    ids::{TenantId, WorkflowId},
    items::input_items,
    kinds::Kind,
    run::RunEnd,
    workflow::DocumentText,
};
use minireipaz::clock::SystemClock;
use serde_json::{Value, json};

use super::{attempt, ports};
use crate::{
    engine::{Call, Outcome, Wake, Woken},
    runner::{Attempt, Runner, RunnerSettings},
    step::{Callee, Callees, Uncallable},
};

/// The server that examples call.
const SHOP: &str = "https://shop.example";

#[tokio::test]
async fn every_kinds_example_gives_what_it_says() {
    let server = wiremock::MockServer::start().await;
    let price = wiremock::ResponseTemplate::new(200).set_body_json(json!({"sku": "A1", "price": 12.5}));
    let called = wiremock::Mock::given(wiremock::matchers::path("/prices/A1"));
    called.respond_with(price).expect(1).mount(&server).await;
    let mut settings = RunnerSettings::default();
    settings.http.allow = "127.0.0.1".parse().unwrap();
    let runner = Runner::with_store(settings, Arc::new(SystemClock), Arc::new(Echo), None).unwrap();
    for kind in Kind::ALL {
        let example = &kind.declaration().example;
        let params = example.params.replace(SHOP, &server.uri());
        let (params, input, output): (Value, Value, Value) =
            (json(&params), json(example.input), json(example.output));
        let outcome = match runner.run(prepared(*kind, params.clone(), &input)).await {
            Outcome::Later(_) => {
                let mut woken = prepared(*kind, params, &input);
                woken.task.woken = Some(Wake::Moment.into());
                runner.run(woken).await
            }
            Outcome::Calling(calling) => {
                let mut woken = prepared(*kind, params, &input);
                let ended = calling.calls.iter().map(|call| (call.run, Arc::new(echoed(call).to_value())));
                woken.task.woken = Some(Woken { by: Wake::Runs, ended: ended.collect() });
                woken.task.kept = calling.kept.map(Arc::new);
                runner.run(woken).await
            }
            outcome => outcome,
        };
        match outcome {
            Outcome::Succeeded(made) => assert_eq!(ports(&made), output, "{}", kind.name()),
            Outcome::Failed(failed) => {
                assert_eq!((*kind, failed.error.code.as_str()), (Kind::Fail, "failed"), "{:?}", failed.error);
            }
            other => panic!("{}: {other:?}", kind.name()),
        }
    }
}

/// Every workflow is there, and gives what it is given.
struct Echo;

#[async_trait::async_trait]
impl Callees for Echo {
    async fn newest(&self, _: &TenantId, _: WorkflowId) -> Result<Arc<Callee>, Uncallable> {
        let document = json!({"name": "Echo", "nodes": [{"id": "start", "type": "manual"}]});
        let document = DocumentText::parse(document.to_string()).unwrap();
        let definition = Arc::new(Definition::new(&document.read().unwrap()).unwrap());
        Ok(Arc::new(Callee { version: 1, document, hash: [0; 32], definition }))
    }
}

/// What becomes of such a run.
fn echoed(call: &Call) -> RunEnd {
    let input = &call.start.as_ref().unwrap().header.input;
    RunEnd::Succeeded(input_items(input).unwrap())
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// An attempt of a node of that kind. A trigger is given the input as the run's.
fn prepared(kind: Kind, params: Value, input: &Value) -> Attempt {
    let node = json!({"type": kind.name(), "data": {"params": params}});
    if kind.declaration().trigger {
        let mut attempt = attempt(&json!({"type": "noop"}), &[]);
        attempt.task.step.node = 0;
        attempt.task.run =
            Arc::new(crate::engine::RunHeader { input: input.clone(), ..(*attempt.task.run).clone() });
        return attempt;
    }
    match input {
        Value::Object(sides) => {
            let sides: Vec<_> =
                sides.iter().map(|(name, list)| (Some(name.as_str()), list.clone())).collect();
            attempt(&node, &sides)
        }
        list => attempt(&node, &[(None, list.clone())]),
    }
}
