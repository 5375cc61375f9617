//! Every example gives the result that its folder names, through the API and through the command line.

use std::fs;

use serde_json::Value;

use crate::{
    client::{Client, is_terminal, read_json, repository},
    system::program,
};

fn examples() -> Vec<std::path::PathBuf> {
    let folders = fs::read_dir(repository("examples")).unwrap().map(|entry| entry.unwrap().path());
    let found: Vec<_> = folders.filter(|path| path.join("workflow.json").exists()).collect();
    assert!(found.len() >= 3, "{found:?}");
    found
}

pub async fn every_example_gives_its_expected_result(api: Client) {
    for example in examples() {
        let workflow = api.save(&read_json(&example.join("workflow.json"))).await;
        let request = example.join("request.json");
        if request.exists() {
            call(&api, &workflow, &read_json(&request), &read_json(&example.join("reply.json"))).await;
            continue;
        }
        let run = api.run(&workflow, &read_json(&example.join("input.json"))).await;
        let signal = example.join("signal.json");
        if signal.exists() {
            give(&api, &run, &read_json(&signal)).await;
        }
        let result = api.result(&run).await;
        assert_eq!(result["status"], "succeeded", "{}: {result:#}", example.display());
        assert_eq!(result["output"], read_json(&example.join("expected.json")), "{}", example.display());
    }
}

/// Sends a request to the workflow's webhook, at both of its addresses, and compares what is answered.
async fn call(api: &Client, workflow: &str, request: &Value, reply: &Value) {
    let text = |field: &Value| field.as_str().unwrap().to_owned();
    let hooks = api.get(&format!("/workflows/{workflow}/hooks")).await.body;
    for address in ["path", "test_path"] {
        let hook = hooks["items"][0][address].as_str().unwrap_or_else(|| panic!("{hooks:#}"));
        let url = format!("{}{hook}{}", api.base(), text(&request["path"]));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let sent = client.request(text(&request["method"]).parse().unwrap(), url).json(&request["body"]);
        let answer = sent.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body: Value = answer.json().await.unwrap();
        assert_eq!((&Value::from(status), &body), (&reply["status"], &reply["body"]));
        assert_eq!(headers["location"].to_str().unwrap(), text(&reply["location"]));
    }
}

/// Gives a run the signal once it waits for one.
async fn give(api: &Client, run: &str, signal: &Value) {
    let (mut revision, mut status) = (0, String::new());
    while status != "waiting" {
        let found = api.get(&format!("/runs/{run}?wait=25&after={revision}")).await.body;
        assert!(!is_terminal(&found), "it ended before it waited: {found:#}");
        revision = found["revision"].as_u64().unwrap();
        status = found["status"].as_str().unwrap().to_owned();
    }
    let given = api.post(&format!("/runs/{run}/resume"), signal).await;
    assert_eq!(given.status, 200, "{}", given.body);
}

pub async fn the_command_line_runs_an_example_and_compares_its_output(api: Client) {
    let file = |name: &str| repository("examples/price-watch").join(name).display().to_string();
    let (workflow, input, expected) =
        (file("workflow.json"), format!("@{}", file("input.json")), file("expected.json"));
    let server = ["--url", api.base(), "--token", api.token()];
    let run = |expected: &str| {
        program(&[&["run", &workflow, "--input", &input, "--expect", expected], &server[..]].concat())
    };
    let found = run(&expected);
    let said = String::from_utf8_lossy(&found.stdout);
    assert!(found.status.success(), "{said}\n{}", String::from_utf8_lossy(&found.stderr));
    for part in ["price", "join", "succeeded", "28.73"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(run(&file("input.json")).status.code(), Some(1), "an unexpected output is a failure");
}
