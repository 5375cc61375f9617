//! Kafka goes away.

use super::{Load, Row};
use crate::cluster::Cluster;

pub async fn the_broker_is_stopped_and_started(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "broker stopped and started").await;
    load.start(60).await;
    load.through(60, async |_| {
        cluster.kafka.stop().await;
        cluster.kafka.start_again().await;
    })
    .await
}

pub async fn the_broker_is_killed_and_started(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "broker killed -9 and started").await;
    load.start(60).await;
    load.through(60, async |_| {
        cluster.kafka.kill().await;
        cluster.kafka.start_again().await;
    })
    .await
}
