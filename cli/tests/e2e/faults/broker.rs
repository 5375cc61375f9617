//! Kafka goes away.

use std::time::Instant;

use super::{Load, Repeats, Row};
use crate::cluster::Cluster;

pub async fn the_broker_is_stopped_and_started(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "broker stopped and started").await;
    load.start(60).await;
    let ((), over) = tokio::join!(load.start(60), async {
        cluster.kafka.stop().await;
        cluster.kafka.start_again().await;
        Instant::now()
    });
    load.finish(over, Repeats::None).await
}

pub async fn the_broker_is_killed_and_started(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "broker killed -9 and started").await;
    load.start(60).await;
    let ((), over) = tokio::join!(load.start(60), async {
        cluster.kafka.kill().await;
        cluster.kafka.start_again().await;
        Instant::now()
    });
    load.finish(over, Repeats::None).await
}
