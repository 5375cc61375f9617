//! A part of ours is killed, or stopped in order as a deployment does it.

use std::time::Instant;

use super::{Load, Repeats, Row};
use crate::cluster::Cluster;

pub async fn a_worker_is_killed_and_started(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "worker killed -9 and started").await;
    let worker = &cluster.workers[0];
    let (before, over) = {
        let killed = async {
            load.under_way(40).await;
            let before = load.called().await.into_iter().collect();
            worker.kill();
            worker.start_again().await;
            (before, Instant::now())
        };
        tokio::join!(load.start(120), killed).1
    };
    load.finish(over, Repeats::Interrupted(before)).await
}

pub async fn a_worker_is_stopped_in_order_and_started(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "worker stopped and started").await;
    let worker = &cluster.workers[1];
    let stopped = async {
        load.under_way(40).await;
        assert!(worker.stop().await.success(), "{}", worker.said());
        worker.start_again().await;
        Instant::now()
    };
    let ((), over) = tokio::join!(load.start(120), stopped);
    load.finish(over, Repeats::None).await
}

pub async fn the_bridge_is_killed_and_started(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "bridge killed -9 and started").await;
    let killed = async {
        load.under_way(40).await;
        cluster.bridge.kill();
        cluster.bridge.start_again().await;
        Instant::now()
    };
    let ((), over) = tokio::join!(load.start(120), killed);
    load.finish(over, Repeats::None).await
}

pub async fn the_functions_are_killed_and_started(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "functions killed -9 and started").await;
    let killed = async {
        load.under_way(40).await;
        cluster.functions.kill();
        cluster.functions.start_again().await;
        Instant::now()
    };
    let ((), over) = tokio::join!(load.start(120), killed);
    load.finish(over, Repeats::None).await
}
