//! Records come twice, and in another order.

use std::time::Instant;

use serde_json::{Value, json};

use super::{Load, Repeats, Row, count_tasks};
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

/// Records that are no events, events that nobody knows, and events that do not belong on their topic, between good
/// ones: each becomes a dead letter or goes to the error topic, and holds up nothing.
pub async fn records_that_nobody_can_read_lie_between_good_ones(cluster: &Cluster) -> Row {
    let load = Load::new(cluster, "unreadable records between good ones").await;
    let (events, tasks) = (cluster.events.record(), cluster.tasks.record());
    load.start(20).await;
    load.under_way(20).await;
    let first = |bodies: Vec<Value>| bodies[0][0].clone();
    let (event, task) = (first(events.so_far()), first(tasks.so_far()));
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
