//! What clients and functions see.

use minireipaz::{http::routes::FUNCTIONS, testing::soon};
use reqwest::StatusCode;

use crate::deployment::Served;

#[tokio::test]
async fn a_function_gets_the_path_that_was_asked_for_and_what_the_platform_knows() {
    let served = Served::start().await;
    let request = served
        .http
        .post(served.url("/api/probe/echo?a=1&rest=forged"))
        .header("x-forwarded-for", "1.2.3.4")
        .header("x-real-ip", "1.2.3.4")
        .header("x-vercel-internal-request-id", "77")
        .body("12345");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let headers = answer.headers().clone();
    let echo: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(echo["uri"], "/api/probe/echo?a=1&rest=echo");
    assert_eq!((&echo["method"], &echo["length"]), (&"POST".into(), &5.into()));
    assert_eq!(echo["headers"]["x-forwarded-for"], "127.0.0.1");
    assert_eq!(echo["headers"]["x-real-ip"], "127.0.0.1");
    assert_eq!(echo["headers"]["x-forwarded-host"], echo["headers"]["host"]);
    assert_eq!(echo["headers"]["x-vercel-internal-request-id"], "1");
    assert!(echo["headers"]["x-vercel-internal-invocation-id"].is_string());
    assert_eq!(echo["headers"]["x-vercel-id"].as_str(), headers["x-vercel-id"].to_str().ok());
    assert_eq!((&echo["region"], &echo["own"]), (&"dev1".into(), &"probe".into()));
    assert_eq!(echo["given"], "from outside");
    assert_eq!(headers["x-matched-path"], "/api/probe");
    assert_eq!(headers["x-route"], "probe/echo");
    assert_eq!(headers["x-both"], "function", "a function's header counts more than a route's");
    assert!(!headers.contains_key("keep-alive"));
}

#[tokio::test]
async fn files_redirects_and_paths_that_are_nothing_need_no_function() {
    let served = Served::start().await;
    let page = served.get("/").await;
    assert_eq!(
        (page.status(), page.headers()["content-type"].to_str().unwrap()),
        (StatusCode::OK, "text/html")
    );
    assert_eq!(page.text().await.unwrap(), "<p>hello</p>");
    assert_eq!(served.get("/docs/data.json").await.headers()["content-type"], "application/json");
    let posted = served.http.post(served.url("/docs/data.json")).send().await.unwrap();
    assert_eq!(posted.status(), 405);
    let old = served.get("/old").await;
    assert_eq!((old.status().as_u16(), old.headers()["location"].to_str().unwrap()), (308, "/new"));
    for path in ["/nothing", "/api/nothing", "/docs/../../config.json", "/%2e%2e/config.json"] {
        let nothing = served.get(path).await;
        assert_eq!(nothing.status(), 404, "{path}");
        assert_eq!(nothing.headers()["x-vercel-error"], "NOT_FOUND");
    }
    assert_eq!(served.count("started in"), 0);
}

#[tokio::test]
async fn a_body_may_have_four_and_a_half_megabytes() {
    let served = Served::start().await;
    let post = |length: usize| served.http.post(served.url("/api/probe/echo")).body(vec![b'x'; length]);
    let echo: serde_json::Value = post(4_500_000).send().await.unwrap().json().await.unwrap();
    assert_eq!(echo["length"], 4_500_000);
    let refused = post(4_500_001).send().await.unwrap();
    assert_eq!(refused.status(), 413);
    assert_eq!(refused.headers()["x-vercel-error"], "FUNCTION_PAYLOAD_TOO_LARGE");
}

#[tokio::test]
async fn events_arrive_one_by_one() {
    let served = Served::start().await;
    let mut answer = served.get("/api/probe/events").await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    for number in 0..3 {
        let event = soon("an event", answer.chunk()).await.unwrap().unwrap();
        assert_eq!(event, format!("data: {number}\n\n"));
        served.get("/api/probe/release").await;
    }
}

#[tokio::test]
async fn a_function_learns_that_its_client_has_gone() {
    let served = Served::start().await;
    let mut events = served.get("/api/probe/events").await;
    assert!(soon("an event", events.chunk()).await.unwrap().is_some());
    drop(events);
    // The runtime sees it when it writes.
    let writes = async {
        loop {
            served.get("/api/probe/release").await;
        }
    };
    tokio::select! {
        told = served.get("/api/probe/dropped") => assert_eq!(told.status(), 204),
        () = writes => {}
    }
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_cut_off() {
    let served = Served::start().await;
    let late = served.get("/api/slow/never").await;
    assert_eq!(late.status(), 504);
    assert_eq!(late.headers()["x-vercel-error"], "FUNCTION_INVOCATION_TIMEOUT");
    let mut streamed = served.get("/api/slow/events").await;
    assert_eq!(streamed.status(), 200);
    assert_eq!(soon("an event", streamed.chunk()).await.unwrap().unwrap(), "data: 0\n\n");
    assert!(soon("the end", streamed.chunk()).await.is_err(), "it breaks off, it does not end");
    // Its process goes on.
    assert_eq!(served.get("/api/slow/echo").await.status(), 200);
    assert_eq!(served.count("started in"), 1);
}

#[tokio::test]
async fn without_the_vercel_cli_the_functions_have_the_paths_of_the_table_and_the_rest_is_the_projects() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("vercel.json", r#"{"functions": {"api/v1/runs/*.rs": {"maxDuration": 1}}}"#);
    std::fs::create_dir_all(folder.path().join("public")).unwrap();
    write("public/index.html", "<p>hello</p>");
    for function in FUNCTIONS {
        let program = folder.path().join(function.program);
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_serve-probe"), program).unwrap();
    }
    let at = folder.path().display().to_string();
    let served = Served::start_on(folder, &["--functions", &at, "--project", &at]).await;
    let echo: serde_json::Value = served.get("/api/v1/runs/echo").await.json().await.unwrap();
    assert_eq!(echo["uri"], "/api/v1/runs/echo?id=echo");
    assert_eq!(served.get("/api/v1/runs/never").await.status(), 504);
    assert_eq!(served.get("/").await.status(), 200);
    assert_eq!(served.get("/api/nothing").await.status(), 404);
}
