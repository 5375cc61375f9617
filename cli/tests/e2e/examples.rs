//! Every example gives the result that its folder names, through the API and through the command line.

use std::fs;

use crate::system::{System, program, read_json, repository};

fn examples() -> Vec<std::path::PathBuf> {
    let folders = fs::read_dir(repository("examples")).unwrap().map(|entry| entry.unwrap().path());
    let found: Vec<_> = folders.filter(|path| path.join("workflow.json").exists()).collect();
    assert!(found.len() >= 3, "{found:?}");
    found
}

#[tokio::test]
async fn every_example_gives_its_expected_result() {
    let system = System::start().await;
    for example in examples() {
        let workflow = system.save(&read_json(&example.join("workflow.json"))).await;
        let run = system.run(&workflow, &read_json(&example.join("input.json"))).await;
        let result = system.result(&run).await;
        assert_eq!(result["status"], "succeeded", "{}: {result:#}", example.display());
        assert_eq!(result["output"], read_json(&example.join("expected.json")), "{}", example.display());
    }
}

#[tokio::test]
async fn the_command_line_runs_an_example_and_compares_its_output() {
    let system = System::start().await;
    let file = |name: &str| repository("examples/price-watch").join(name).display().to_string();
    let (workflow, input, expected) =
        (file("workflow.json"), format!("@{}", file("input.json")), file("expected.json"));
    let data = system.data().display().to_string();
    let run = program(&["run", &workflow, "--input", &input, "--expect", &expected, "--data", &data]);
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}\n{}", String::from_utf8_lossy(&run.stderr));
    for part in ["price", "join", "succeeded", "28.73"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let other = file("input.json");
    let run = program(&["run", &workflow, "--input", &input, "--expect", &other, "--data", &data]);
    assert_eq!(run.status.code(), Some(1), "an unexpected output is a failure");
}
