//! Records come twice, and in another order.

use std::time::Instant;

use serde_json::{Value, json};

use super::{Load, Repeats, Row};
use crate::cluster::Cluster;

/// Every event of both topics is produced again, backwards, first while its run is under way and then after its end.
pub async fn events_come_again_in_another_order(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "events again, in another order").await;
    let (events, tasks) = (cluster.events.record(), cluster.tasks.record());
    load.start(60).await;
    load.under_way(60).await;
    let again = |topic: &'static str, bodies: Vec<Value>| async move {
        let mut events: Vec<_> =
            bodies.into_iter().flat_map(|body| body.as_array().cloned().unwrap()).collect();
        events.reverse();
        assert!(events.len() >= 60, "{} events of {topic}", events.len());
        produce(cluster, topic, &events).await;
    };
    again("tasks", tasks.so_far()).await;
    again("workflows", events.so_far()).await;
    load.start(60).await;
    load.under_way(120).await;
    let over = Instant::now();
    again("workflows", events.so_far()).await;
    again("tasks", tasks.so_far()).await;
    // Behind all of them in their partitions.
    load.start(20).await;
    load.finish(over, Repeats::None).await
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
