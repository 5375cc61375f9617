//! The network between connector and receiver goes wrong, or the receiver is slow, or refuses.

use std::time::Duration;

use minireipaz::testing::eventually;

use super::{Load, Row};
use crate::cluster::{Balancer, Cluster, Fault};

pub async fn replies_of_workers_are_cut(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "connection cut in a worker's reply").await;
    strike(load, &cluster.tasks, Fault::Cut(12)).await
}

pub async fn the_scheduler_function_times_out(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "scheduler function times out").await;
    // The connector waits for 3 s.
    strike(load, &cluster.events, Fault::Hold(6, Duration::from_secs(4))).await
}

pub async fn the_workers_are_too_busy(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "429 storm from the workers").await;
    strike(load, &cluster.tasks, Fault::Refuse(16, 429)).await
}

/// Starts runs, and lets it go wrong from the first on.
async fn strike(load: Load<'_>, network: &Balancer, fault: Fault) -> Row {
    network.inject(fault);
    load.through(120, async |_| eventually("the fault is over", async || network.left() == 0).await).await
}
