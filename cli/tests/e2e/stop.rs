//! Starting and stopping `minireipaz dev`.

use std::path::Path;

use crate::{
    client::{read_json, repository},
    process::processes_of,
    system::{System, free_port, program},
};

pub async fn ctrl_c_stops_everything_and_the_next_start_goes_on() {
    let mut system = System::start().await;
    let workflow = system.api.save(&read_json(&repository("examples/hello/workflow.json"))).await;
    let bridge = system.address("bridge");
    assert!(system.interrupt().await.success());
    assert_eq!(processes_of(system.data()), Vec::<u32>::new(), "no process is left");
    let system = system.restart().await;
    assert_eq!(system.address("bridge"), bridge, "addresses stay the same");
    assert_eq!(system.api.get(&format!("/workflows/{workflow}")).await.status, 200);
}

pub async fn a_second_one_is_told_what_is_in_its_way() {
    let system = System::start().await;
    let other = tempfile::tempdir().unwrap();
    let refused = |port: u16, folder: &Path, word: &str| {
        let taken = program(&["dev", "--port", &port.to_string(), "--data", &folder.display().to_string()]);
        let said = String::from_utf8_lossy(&taken.stderr).into_owned();
        assert!(!taken.status.success() && said.contains(word), "{said}");
    };
    refused(system.port(), other.path(), "--port");
    refused(free_port(), system.data(), "--data");
}

pub async fn without_a_server_a_command_says_how_to_start_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let listed = program(&["workflows", "list", "--data", &data]);
    let said = String::from_utf8_lossy(&listed.stderr).into_owned();
    assert!(said.contains("minireipaz dev"), "{said}");
    let url = format!("http://127.0.0.1:{}", free_port());
    let listed = program(&["workflows", "list", "--data", &data, "--url", &url, "--token", "t"]);
    assert_eq!(listed.status.code(), Some(3));
}
