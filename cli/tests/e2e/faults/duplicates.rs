//! Records come twice, and in another order.

use std::time::Instant;

use axum::body::Bytes;
use serde_json::{Value, json};

use super::{Load, Repeats, Row, count_tasks};
use crate::cluster::{Balancer, Cluster};

/// Every event of both topics is produced again, backwards, first while its run is under way and then after its end.
pub async fn events_come_again_in_another_order(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "events again, in another order").await;
    let (events, tasks) = (cluster.events.record(), cluster.tasks.record());
    load.start(60).await;
    load.under_way(60).await;
    let again = |topic: &'static str, mut events: Vec<Value>| async move {
        events.reverse();
        assert!(events.len() >= 60, "{} events of {topic}", events.len());
        produce(cluster, topic, &events).await;
    };
    again("tasks", tasks.events()).await;
    again("workflows", events.events()).await;
    load.start(60).await;
    load.under_way(120).await;
    let over = Instant::now();
    again("workflows", events.events()).await;
    again("tasks", tasks.events()).await;
    // Behind all of them in their partitions.
    load.start(20).await;
    load.finish(over, Repeats::None).await
}

/// Both topics are delivered again from the beginning, batch by batch as they were delivered, while new runs come.
pub async fn both_topics_come_again_from_the_beginning_under_load(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "both topics from offset 0, under load").await;
    let (events, tasks) = (cluster.events.record(), cluster.tasks.record());
    load.start(60).await;
    load.under_way(60).await;
    for _ in 0..2 {
        let (first, second) = (events.bodies(), tasks.bodies());
        tokio::join!(
            load.start(30),
            deliver(&cluster.events, "/api/v1/scheduler/events", first),
            deliver(&cluster.tasks, "/tasks", second)
        );
    }
    let over = Instant::now();
    load.start(20).await;
    load.finish(over, Repeats::None).await
}

/// Records that are no events, events that nobody knows, and events that do not belong on their topic, between good
/// ones: each becomes a dead letter or goes to the error topic, and holds up nothing.
pub async fn records_that_nobody_can_read_lie_between_good_ones(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "unreadable records between good ones").await;
    let (events, tasks) = (cluster.events.record(), cluster.tasks.record());
    load.start(20).await;
    load.under_way(20).await;
    let (event, task) = (events.events().remove(0), tasks.events().remove(0));
    let mut unknown = event.clone();
    unknown["type"] = json!("io.minireipaz.run.teleported.v9");
    let mut cut = event.clone();
    cut["data"] = json!({"run_id": "nobody"});
    let spoilt = [json!(null), json!(7), json!("text"), json!([]), json!({}), json!([[{}]]), unknown, cut];
    let stray =
        |stranger: &Value| spoilt.iter().chain([stranger]).cycle().take(60).cloned().collect::<Vec<_>>();
    let before: u64 = count_tasks(cluster, "dead_letter").await.iter().sum();
    let (on_tasks, on_workflows) = (stray(&event), stray(&task));
    let ((), (), ()) = tokio::join!(
        load.start(60),
        produce(cluster, "tasks", &on_tasks),
        produce(cluster, "workflows", &on_workflows)
    );
    let over = Instant::now();
    load.start(20).await;
    let row = load.finish(over, Repeats::None).await;
    let buried = count_tasks(cluster, "dead_letter").await.iter().sum::<u64>() - before;
    assert!(buried >= 30, "{buried} dead letters of {} spoilt tasks", on_tasks.len());
    row
}

async fn deliver(balancer: &Balancer, path: &str, bodies: Vec<Bytes>) {
    for body in bodies {
        balancer.deliver(path, body).await;
    }
}

/// Produces events as any client of the REST API does.
async fn produce(cluster: &Cluster, topic: &str, events: &[Value]) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let clusters: Value =
        http.get(format!("{}/v3/clusters", cluster.bridge_url())).send().await.unwrap().json().await.unwrap();
    let id = clusters["data"][0]["cluster_id"].as_str().unwrap();
    let url = format!("{}/v3/clusters/{id}/topics/{topic}/records", cluster.bridge_url());
    let records = events.iter().map(|event| {
        let key = event["data"]["run_id"].as_str().or(event["data"]["id"].as_str()).unwrap_or_default();
        let record =
            json!({"key": {"type": "STRING", "data": key}, "value": {"type": "JSON", "data": event}});
        record.to_string()
    });
    let body = records.collect::<Vec<_>>().join("\n");
    let answer = http.post(url).header("content-type", "application/json").body(body).send().await.unwrap();
    let text = answer.text().await.unwrap();
    let stored = text.matches(r#""error_code":200"#).count();
    assert_eq!(stored, events.len(), "{text}");
}
