//! Starting and stopping.

use crate::system::{System, free_port, processes_of, program, read_json, repository};

#[tokio::test]
async fn ctrl_c_stops_everything_and_the_next_start_goes_on() {
    let mut system = System::start().await;
    let workflow = system.save(&read_json(&repository("examples/hello/workflow.json"))).await;
    let bridge = system.address("bridge");
    assert!(system.interrupt().await.success());
    assert_eq!(processes_of(system.data()), Vec::<u32>::new(), "no process is left");
    let system = system.restart().await;
    assert_eq!(system.address("bridge"), bridge, "addresses stay the same");
    assert_eq!(system.get(&format!("/workflows/{workflow}")).await.status, 200);
}

#[tokio::test]
async fn a_second_one_is_told_what_is_in_its_way() {
    let system = System::start().await;
    let other = tempfile::tempdir().unwrap();
    let (port, folder) = (system.port().to_string(), other.path().display().to_string());
    let taken = program(&["dev", "--port", &port, "--data", &folder]);
    let said = String::from_utf8_lossy(&taken.stderr).into_owned();
    assert!(!taken.status.success() && said.contains("--port"), "{said}");
    let (port, folder) = (free_port().to_string(), system.data().display().to_string());
    let locked = program(&["dev", "--port", &port, "--data", &folder]);
    let said = String::from_utf8_lossy(&locked.stderr).into_owned();
    assert!(!locked.status.success() && said.contains("--data"), "{said}");
}

#[test]
fn without_a_server_a_command_says_how_to_start_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let listed = program(&["workflows", "list", "--data", &data]);
    let said = String::from_utf8_lossy(&listed.stderr).into_owned();
    assert!(said.contains("minireipaz dev"), "{said}");
    let url = format!("http://127.0.0.1:{}", free_port());
    let listed = program(&["workflows", "list", "--data", &data, "--url", &url, "--token", "t"]);
    assert_eq!(listed.status.code(), Some(3));
}
