//! A part of ours is killed, or stopped in order as a deployment does it.

use std::time::Instant;

use serde_json::Value;

use super::{Load, Repeats, Row};
use minireipaz::testing::eventually;

use crate::cluster::{Cluster, Fault};

/// More requests than there are while they are refused.
const REFUSALS: usize = 100_000;

pub async fn a_worker_is_killed_and_started(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "worker killed -9 and started").await;
    let worker = &cluster.workers[0];
    let killed = async {
        load.under_way(40).await;
        let before = load.called().await.into_iter().collect();
        worker.kill();
        worker.start_again().await;
        (before, Instant::now())
    };
    let (before, over) = tokio::join!(load.start(120), killed).1;
    load.finish(over, Repeats::Interrupted(before)).await
}

/// What one worker is away for must not hold up the other's runs.
pub async fn a_worker_is_away_and_the_other_goes_on(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "worker away, the other goes on").await;
    let worker = &cluster.workers[1];
    assert!(worker.stop().await.success(), "{}", worker.said());
    load.start(60).await;
    // About half of them belong to the one that is there.
    load.ended(15).await;
    worker.start_again().await;
    load.finish(Instant::now(), Repeats::None).await
}

pub async fn both_workers_are_killed_and_started(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "both workers killed -9 and started").await;
    let killed = async {
        load.under_way(40).await;
        let before = load.called().await.into_iter().collect();
        for worker in &cluster.workers {
            worker.kill();
        }
        for worker in &cluster.workers {
            worker.start_again().await;
        }
        (before, Instant::now())
    };
    let (before, over) = tokio::join!(load.start(120), killed).1;
    load.finish(over, Repeats::Interrupted(before)).await
}

pub async fn a_second_bridge_joins_and_the_first_is_killed(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "second bridge joins, first killed -9").await;
    let killed = async {
        load.under_way(20).await;
        let second = cluster.second_bridge().await;
        load.under_way(60).await;
        // A run of which the scheduler function has not heard when the first bridge is killed. The second one tells it
        // in vain: nobody can produce before the first one is back, so the function takes nothing.
        cluster.events.inject(Fault::Refuse(REFUSALS, 503));
        load.start(1).await;
        eventually("it is refused", async || cluster.events.left() < REFUSALS).await;
        cluster.bridge.kill();
        cluster.events.mend();
        // Kafka notices, and the second one has all partitions, those too that it cannot deliver yet.
        eventually("the second bridge has all partitions", async || {
            let health = second.health().await?;
            let has = |task: &&Value| task["state"] == "RUNNING" || task["state"] == "RETRYING";
            (health["tasks"].as_array()?.iter().filter(has).count() >= 8).then_some(())
        })
        .await;
        cluster.bridge.start_again().await;
        let over = Instant::now();
        (second, over)
    };
    let (second, over) = tokio::join!(load.start(119), killed).1;
    let row = load.finish(over, Repeats::None).await;
    assert!(second.stop().await.success(), "{}", second.said());
    row
}

pub async fn a_worker_is_stopped_in_order_and_started(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "worker stopped and started").await;
    let worker = &cluster.workers[1];
    load.through(120, async |load| {
        load.under_way(40).await;
        assert!(worker.stop().await.success(), "{}", worker.said());
        worker.start_again().await;
    })
    .await
}

pub async fn the_bridge_is_killed_and_started(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "bridge killed -9 and started").await;
    load.through(120, async |load| {
        load.under_way(40).await;
        cluster.bridge.kill();
        cluster.bridge.start_again().await;
    })
    .await
}

pub async fn the_functions_are_killed_and_started(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "functions killed -9 and started").await;
    load.through(120, async |load| {
        load.under_way(40).await;
        cluster.functions.kill();
        cluster.functions.start_again().await;
    })
    .await
}
