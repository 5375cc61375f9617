//! A worker's disk is full.

use std::process::Command;

use super::{Load, Row};
use minireipaz::testing::eventually;

use crate::cluster::{Cluster, Part};

/// The worker can write nothing for a while. It refuses batches meanwhile, and goes on by itself when it can write
/// again; what it had accepted is not lost.
pub async fn the_disk_of_a_worker_is_full(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "full disk in a worker").await;
    let worker = &cluster.workers[0];
    load.through(120, async |load| {
        load.under_way(40).await;
        limit(worker, "0");
        eventually("the worker notices", async || {
            let metrics = reqwest::get(format!("{}/metrics", cluster.worker_urls()[0]))
                .await
                .ok()?
                .text()
                .await
                .ok()?;
            let failures = |line: &str| {
                line.strip_prefix("minireipaz_journal_failures_total ").is_some_and(|count| count != "0")
            };
            metrics.lines().any(failures).then_some(())
        })
        .await;
        limit(worker, "unlimited");
        worker.works().await;
    })
    .await
}

/// Limits how large a file the worker may write: what is above is to it what a full disk is.
fn limit(worker: &Part, size: &str) {
    let status = Command::new("prlimit")
        .args(["--pid", &worker.id().to_string(), &format!("--fsize={size}:unlimited")])
        .status()
        .expect("prlimit (of util-linux) is on the PATH");
    assert!(status.success());
}
