//! `ClickHouse` goes away.

use std::time::Instant;

use super::{Load, Repeats, Row};
use crate::cluster::Cluster;

pub async fn the_database_is_stopped_and_started(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "ClickHouse stopped and started").await;
    load.start(60).await;
    cluster.database.stop().await;
    let ((), over) = tokio::join!(load.start(60), async {
        cluster.database.start_again().await;
        Instant::now()
    });
    load.finish(over, Repeats::None).await
}

pub async fn the_database_is_killed_and_started(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "ClickHouse killed -9 and started").await;
    let killed = async {
        load.under_way(40).await;
        cluster.database.kill().await;
        cluster.database.start_again().await;
        Instant::now()
    };
    let ((), over) = tokio::join!(load.start(120), killed);
    load.finish(over, Repeats::None).await
}
