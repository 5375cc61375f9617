//! Every example gives the result that its folder names, through the API and through the command line.

use std::fs;

use crate::{
    client::{Client, read_json, repository},
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
        let run = api.run(&workflow, &read_json(&example.join("input.json"))).await;
        let result = api.result(&run).await;
        assert_eq!(result["status"], "succeeded", "{}: {result:#}", example.display());
        assert_eq!(result["output"], read_json(&example.join("expected.json")), "{}", example.display());
    }
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
