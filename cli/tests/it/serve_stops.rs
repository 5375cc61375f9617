//! The program's end leaves no process behind.

use minireipaz::testing::soon;

use crate::deployment::{Served, gone, pid};

#[tokio::test]
async fn sigterm_lets_requests_finish_and_ends_all_processes() {
    let mut served = Served::start().await;
    let echo = served.echo().await;
    let mut events = served.get("/api/probe/events").await;
    assert_eq!(soon("an event", events.chunk()).await.unwrap().unwrap(), "data: 0\n\n");
    served.signal("TERM");
    served.said("requests in flight").await;
    served.directly(&echo, "/api/probe/release").await;
    assert_eq!(soon("an event", events.chunk()).await.unwrap().unwrap(), "data: 1\n\n");
    drop(events);
    assert!(served.ended().await.success());
    gone(pid(&echo)).await;
}

#[tokio::test]
async fn a_second_signal_ends_everything_at_once() {
    let mut served = Served::start().await;
    let echo = served.echo().await;
    let _events = served.get("/api/probe/events").await;
    served.signal("INT");
    served.said("requests in flight").await;
    served.signal("INT");
    assert!(served.ended().await.success());
    gone(pid(&echo)).await;
}

/// Linux, with `setpriv` (util-linux).
#[cfg(target_os = "linux")]
#[tokio::test]
async fn even_a_kill_leaves_no_process() {
    let mut served = Served::start().await;
    let echo = served.echo().await;
    served.signal("KILL");
    served.ended().await;
    gone(pid(&echo)).await;
}
