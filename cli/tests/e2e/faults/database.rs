//! `ClickHouse` goes away.

use super::{Load, Row};
use crate::cluster::Cluster;

pub async fn the_database_is_stopped_and_started(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "ClickHouse stopped and started").await;
    load.start(60).await;
    cluster.database.stop().await;
    load.through(60, async |_| cluster.database.start_again().await).await
}

pub async fn the_database_is_killed_and_started(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "ClickHouse killed -9 and started").await;
    load.through(120, async |load| {
        load.under_way(40).await;
        cluster.database.kill().await;
        cluster.database.start_again().await;
    })
    .await
}
