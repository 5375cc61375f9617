//! Whatever a connector sends.

use minireipaz::domain::{event::Event, run::RunStatus};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use super::rig::{Rig, SECRET, chain, recorded, run_of, set, task};

fn ten_steps() -> Value {
    let nodes: Vec<_> = (0..9).map(|n| set(&format!("n{n}"), &format!("f{n}"), json!(n))).collect();
    chain(&nodes)
}

#[tokio::test]
async fn a_task_is_run_and_recorded_with_its_steps_in_order() {
    let rig = Rig::start().await;
    let task = task(&ten_steps(), json!({"a": 1}));
    let receipt = rig.accept(std::slice::from_ref(&task)).await;
    assert_eq!(receipt, json!({"accepted": 1, "duplicates": 0, "dead_letters": 0}));
    let found = rig.end_of(&task).await;
    assert_eq!(found.run.status, RunStatus::Succeeded);
    let names: Vec<_> = found.steps.iter().map(|step| step.node_id.as_str()).collect();
    assert_eq!(names, ["start", "n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8"]);
    let output = found.run.output.unwrap();
    assert_eq!(output["n8"][0]["a"], 1);
    assert_eq!(output["n8"][0]["f8"], 8);
    assert_eq!(rig.store.statuses(run_of(&task)), [RunStatus::Succeeded], "computing needs one row a run");
    rig.stop().await;
}

#[tokio::test]
async fn every_shape_of_a_body_is_accepted() {
    let rig = Rig::start().await;
    let text = |task: &Event| serde_json::to_string(task).unwrap();
    let quoted = |text: &str| Value::from(text).to_string();
    let shapes: [fn(&[String]) -> String; 6] = [
        |texts| texts[0].clone() + &texts[1],
        |texts| format!("[{}]", texts.join(",")),
        |texts| texts.join("\n") + "\n",
        |texts| texts.join(","),
        |texts| json!(texts).to_string(),
        |texts| json!(texts.join("\n")).to_string(),
    ];
    for shape in shapes {
        let tasks = [task(&ten_steps(), json!({})), task(&ten_steps(), json!({}))];
        let body = shape(&tasks.iter().map(text).collect::<Vec<_>>());
        assert_eq!(rig.post(body.clone()).await.status(), StatusCode::OK, "{body}");
        for task in &tasks {
            assert_eq!(rig.end_of(task).await.run.status, RunStatus::Succeeded);
        }
    }
    let lone = task(&ten_steps(), Value::Null);
    assert_eq!(rig.post(quoted(&text(&lone))).await.status(), StatusCode::OK);
    rig.end_of(&lone).await;
    assert_eq!(rig.store.memory.dead_letters(), []);
    rig.stop().await;
}

#[tokio::test]
async fn records_that_cannot_be_read_become_dead_letters_and_their_neighbours_run() {
    let rig = Rig::start().await;
    let good = task(&ten_steps(), json!({}));
    let foreign = serde_json::to_string(&good).unwrap().replace("task.execute.v1", "task.execute.v99");
    let saved = json!({
        "specversion": "1.0", "id": "1", "source": "s", "type": "io.minireipaz.run.requested.v1",
        "time": "2026-01-01T00:00:00Z", "tenantid": "acme",
        "data": {"run_id": run_of(&good), "workflow_id": run_of(&good), "workflow_version": 1,
                 "trigger": {"kind": "manual"}, "created_at": "2026-01-01T00:00:00Z"},
    });
    let good_text = serde_json::to_string(&good).unwrap();
    let body =
        format!("[oops,{foreign},{saved},{{\"half\":,{good_text}]").replace("{\"half\":,", "{\"half\":},");
    let response = rig.post(body).await;
    assert_eq!(response.status(), StatusCode::OK, "a 4xx would stop the partition");
    let receipt: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!(receipt, json!({"accepted": 1, "duplicates": 0, "dead_letters": 4}));
    rig.end_of(&good).await;
    let letters = rig
        .until("four letters", async |store| {
            Some(store.memory.dead_letters()).filter(|letters| letters.len() == 4)
        })
        .await;
    let reasons: Vec<_> = letters.iter().map(|letter| letter.reason.as_str()).collect();
    for (reason, part) in
        reasons.iter().zip(["not JSON", "unknown event type", "is for the scheduler", "not JSON"])
    {
        assert!(reason.contains(part), "{reason}");
    }
    assert_eq!(letters[0].record, "oops");
    assert_eq!((letters[2].tenant.as_str(), letters[2].consumer.as_str()), ("acme", "worker"));
    rig.stop().await;
}

#[tokio::test]
async fn a_body_of_rubbish_fills_neither_memory_nor_disk() {
    let rig = Rig::start().await;
    let response = rig.post("x\n".repeat(5_000)).await;
    assert_eq!(response.status(), StatusCode::OK);
    let letters = rig
        .until("the letters", async |store| {
            Some(store.memory.dead_letters()).filter(|letters| letters.len() > 1_000)
        })
        .await;
    assert_eq!(letters.len(), 1_001);
    assert_eq!(letters[1_000].reason, "4000 more records of the same body cannot be read either");
    rig.stop().await;
}

#[tokio::test]
async fn a_workflow_that_cannot_run_fails_its_run_so_that_nobody_waits_for_it() {
    let rig = Rig::start().await;
    let broken = json!({"name": "x", "nodes": [{"id": "a", "type": "no_such_kind"}]});
    let task = task(&broken, json!({}));
    rig.accept(std::slice::from_ref(&task)).await;
    let found = rig.end_of(&task).await;
    let error = found.run.error.unwrap();
    assert_eq!((found.run.status, error.code.as_str()), (RunStatus::Failed, "invalid_workflow"));
    assert!(error.message.contains("no_such_kind"), "{}", error.message);
    assert_eq!(rig.accept(std::slice::from_ref(&task)).await["duplicates"], 1);
    let letters = rig.store.memory.dead_letters();
    assert_eq!(letters.len(), 1);
    assert!(letters[0].record.contains(&run_of(&task).to_string()), "{}", letters[0].record);
    rig.stop().await;
}

#[tokio::test]
async fn an_input_that_is_no_items_fails_the_run() {
    let rig = Rig::start().await;
    let task = task(&ten_steps(), json!([1]));
    rig.accept(std::slice::from_ref(&task)).await;
    let error = rig.end_of(&task).await.run.error.unwrap();
    assert_eq!(error.code, "invalid_input");
    rig.stop().await;
}

#[tokio::test]
async fn only_the_connectors_secret_opens_the_door() {
    let rig = Rig::start().await;
    let client = Client::new();
    let body = serde_json::to_string(&task(&ten_steps(), json!({}))).unwrap();
    let post = || client.post(rig.url("/tasks")).body(body.clone());
    assert_eq!(post().send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(post().bearer_auth("guess").send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(post().header("x-api-key", SECRET).send().await.unwrap().status(), StatusCode::OK);
    rig.stop().await;
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_in_words() {
    let rig = Rig::start().await;
    let response = rig.post(vec![b' '; (16 << 20) + 1]).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let text = response.text().await.unwrap();
    assert!(text.contains("batch.max.size"), "{text}");
    rig.stop().await;
}

#[tokio::test]
async fn a_large_batch_is_taken_whole() {
    let rig = Rig::start().await;
    let filler = "x".repeat(10_000);
    let tasks: Vec<_> = (0..100).map(|n| task(&ten_steps(), json!({"n": n, "filler": filler}))).collect();
    assert_eq!(rig.accept(&tasks).await["accepted"], 100);
    for task in &tasks {
        rig.end_of(task).await;
    }
    let (status, metrics) = rig.get("/metrics").await;
    assert_eq!(status, StatusCode::OK);
    assert!(metrics.contains("minireipaz_worker_runs_finished_total"), "{metrics}");
    assert_eq!(rig.get("/healthz").await.0, StatusCode::OK);
    assert_eq!(rig.get("/readyz").await.0, StatusCode::OK);
    assert!(recorded(&rig.store, &tasks[99]).await.is_some());
    rig.stop().await;
}
