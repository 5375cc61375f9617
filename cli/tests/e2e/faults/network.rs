//! The network between connector and receiver goes wrong, or the receiver is slow, or refuses.

use std::time::{Duration, Instant};

use super::{Load, Repeats, Row};
use minireipaz::testing::eventually;

use crate::cluster::{Balancer, Cluster, Fault};

pub async fn replies_of_workers_are_cut(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "connection cut in a worker's reply").await;
    strike(&load, &cluster.tasks, Fault::Cut(12)).await.finish_of(load).await
}

pub async fn the_scheduler_function_times_out(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "scheduler function times out").await;
    // The connector waits for 3 s.
    strike(&load, &cluster.events, Fault::Hold(6, Duration::from_secs(4))).await.finish_of(load).await
}

pub async fn the_workers_are_too_busy(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "429 storm from the workers").await;
    strike(&load, &cluster.tasks, Fault::Refuse(16, 429)).await.finish_of(load).await
}

/// When a fault was over.
struct Over(Instant);

impl Over {
    async fn finish_of(self, load: Load<'_>) -> Row {
        load.finish(self.0, Repeats::None).await
    }
}

/// Starts runs, and lets it go wrong from the first on.
async fn strike(load: &Load<'_>, network: &Balancer, fault: Fault) -> Over {
    network.inject(fault);
    let over = async {
        eventually("the fault is over", async || network.left() == 0).await;
        Instant::now()
    };
    let ((), over) = tokio::join!(load.start(120), over);
    Over(over)
}
