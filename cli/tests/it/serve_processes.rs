//! Processes of functions: when they start, and when they end.

use futures_util::future::join_all;

use crate::deployment::{Served, gone, pid, signal};

#[tokio::test]
async fn requests_share_one_process_that_the_first_one_starts() {
    let served = Served::start().await;
    assert_eq!(served.count("started in"), 0);
    let echoes = join_all((0..20).map(|_| served.echo())).await;
    assert!(echoes.iter().all(|echo| echo["pid"] == echoes[0]["pid"]));
    served.said("/api/probe started in").await;
    assert_eq!(served.count("started in"), 1);
    // Each of them waits for the other.
    let both = tokio::join!(served.get("/api/probe/meet"), served.get("/api/probe/meet"));
    assert_eq!((both.0.status().as_u16(), both.1.status().as_u16()), (204, 204));
    served.said("the probe starts").await;
}

#[tokio::test]
async fn a_crash_fails_the_request_that_hit_it_and_the_next_one_starts_the_function_again() {
    let served = Served::start().await;
    let before = served.echo().await;
    let crashed = served.get("/api/probe/crash").await;
    assert_eq!(crashed.status(), 500);
    assert_eq!(crashed.headers()["x-vercel-error"], "FUNCTION_INVOCATION_FAILED");
    let after = served.echo().await;
    assert_ne!(after["pid"], before["pid"]);
    assert!(served.said("ended by itself").await.contains("exit status: 3"));
}

#[tokio::test]
async fn no_request_is_lost_when_an_idle_process_is_killed() {
    let served = Served::start().await;
    let mut last = served.echo().await;
    for _ in 0..5 {
        signal(pid(&last), "KILL");
        // Until then it may take a request with it.
        gone(pid(&last)).await;
        let next = served.echo().await;
        assert_ne!(next["pid"], last["pid"]);
        last = next;
    }
}

#[tokio::test]
async fn a_process_that_nobody_asks_for_is_stopped() {
    let served = Served::start_with(&["--idle", "50ms"]).await;
    let before = served.echo().await;
    served.said("stopped, idle for 50ms").await;
    let after = served.echo().await;
    assert_ne!(after["pid"], before["pid"]);
    // One with a request is not idle, however long it takes.
    let (held, _) = tokio::join!(served.get("/api/probe/hold"), async {
        let echo = served.echo().await;
        served.said("stopped, idle").await;
        served.directly(&echo, "/api/probe/release").await;
    });
    assert_eq!(held.text().await.unwrap(), "released");
}

#[tokio::test]
async fn a_function_that_does_not_start_fails_all_that_wait_for_it_and_is_tried_again() {
    let served = Served::start().await;
    let failed = join_all((0..5).map(|_| served.get("/api/broken/x"))).await;
    for answer in &failed {
        assert_eq!(answer.headers()["x-vercel-error"], "FUNCTION_INVOCATION_FAILED");
    }
    served.said("/api/broken did not start").await;
    assert_eq!(served.get("/api/broken/x").await.status(), 500);
}
