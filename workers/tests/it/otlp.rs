//! Spans reach a collector, with the feature `otlp`: `cargo test -p workers --features otlp --test it otlp`.

use std::{collections::HashMap, process::Stdio};

use axum::{Router, body::Bytes, http::HeaderMap, routing::post};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpListener,
    process::Command,
    sync::mpsc,
    task::JoinSet,
};

use crate::app::{Answer, Endpoint, SECRET, Task, call_workflow, within};

const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A span, as far as the test looks at it.
#[derive(Debug, Clone, Default)]
struct Sent {
    trace: String,
    id: String,
    parent: String,
    name: String,
    took_nanos: u64,
}

/// The fields of a Protocol Buffers message: their numbers, and their bytes or the number that they are.
fn fields(mut bytes: &[u8]) -> Vec<(u64, &[u8], u64)> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let (first, rest) = bytes.split_first().unwrap();
            *bytes = rest;
            value |= u64::from(first & 0x7f) << shift;
            shift += 7;
            if first & 0x80 == 0 {
                return value;
            }
        }
    }
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let length = match key & 7 {
            0 => {
                found.push((key >> 3, &[][..], varint(&mut bytes)));
                continue;
            }
            1 => 8,
            2 => usize::try_from(varint(&mut bytes)).unwrap(),
            5 => 4,
            kind => panic!("no such kind of field: {kind}"),
        };
        let (value, rest) = bytes.split_at(length);
        bytes = rest;
        let number = value.try_into().map_or(0, u64::from_le_bytes);
        found.push((key >> 3, value, number));
    }
    found
}

/// The spans of an export request: `resource_spans` (1), `scope_spans` (2), `spans` (2).
fn spans(request: &[u8]) -> Vec<Sent> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let within = |bytes: &'static [u8]| fields(bytes);
    let request: &'static [u8] = Box::leak(request.to_vec().into_boxed_slice());
    let resources = within(request).into_iter().filter(|(number, ..)| *number == 1);
    let scopes = resources.flat_map(|(_, bytes, _)| within(bytes)).filter(|(number, ..)| *number == 2);
    let spans = scopes.flat_map(|(_, bytes, _)| within(bytes)).filter(|(number, ..)| *number == 2);
    spans
        .map(|(_, bytes, _)| {
            let (mut span, mut began) = (Sent::default(), 0);
            for (number, bytes, value) in within(bytes) {
                match number {
                    1 => span.trace = hex(bytes),
                    2 => span.id = hex(bytes),
                    4 => span.parent = hex(bytes),
                    5 => span.name = String::from_utf8(bytes.to_vec()).unwrap(),
                    7 => began = value,
                    8 => span.took_nanos = value - began,
                    _ => {}
                }
            }
            span
        })
        .collect()
}

/// A collector: what it is sent.
async fn collector() -> (String, mpsc::UnboundedReceiver<(HeaderMap, Bytes)>, JoinSet<()>) {
    let (sender, received) = mpsc::unbounded_channel();
    let take = move |headers: HeaderMap, body: Bytes| async move {
        let _ = sender.send((headers, body));
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut server = JoinSet::new();
    server.spawn(async move {
        axum::serve(listener, Router::new().route("/v1/traces", post(take))).await.unwrap();
    });
    (url, received, server)
}

#[tokio::test]
async fn a_collector_gets_the_spans_of_a_run_as_one_tree() {
    let (collector, mut received, _server) = collector().await;
    let (data, endpoint) = (tempfile::tempdir().unwrap(), Endpoint::start().await);
    endpoint.on("/call", &[Answer::Status(200)]);
    let mut worker = Command::new(env!("CARGO_BIN_EXE_worker"))
        .env_clear()
        .env("WORKER_DATA_DIR", data.path())
        .env("WORKER_LISTEN", "127.0.0.1:0")
        .env("WORKER_HTTP_ALLOW", "127.0.0.1")
        .env("WORKER_GRACE", "2s")
        .env("CONNECTOR_SECRET", SECRET)
        .env("CLICKHOUSE_URL", "clickhouse://127.0.0.1:1/none")
        .env("LOG", "info,workers=debug")
        .env("LOG_FORMAT", "json")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector)
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-collector-key=k1")
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut log = BufReader::new(worker.stderr.take().unwrap()).lines();
    let mut line = async |what: &str, field: &str| -> serde_json::Value {
        within(what, async {
            loop {
                let text = log.next_line().await.unwrap().expect("the program runs");
                let line: serde_json::Value = serde_json::from_str(&text).unwrap();
                if line[field].is_string() {
                    return line;
                }
            }
        })
        .await
    };
    let address = line("its address", "address").await["address"].as_str().unwrap().to_owned();
    let mut document = call_workflow(&[("call", endpoint.url("/call"), json!({}))]);
    let copy = json!({"id": "copy", "type": "set", "data": {"params": {"fields": {"n": 1}}}});
    document["nodes"].as_array_mut().unwrap().push(copy);
    document["edges"].as_array_mut().unwrap().push(json!({"source": "start", "target": "copy"}));
    let task = Task::new(&document).traceparent(GIVEN);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = client.post(format!("http://{address}/tasks")).bearer_auth(SECRET).body(task.json());
    assert_eq!(post.send().await.unwrap().status().as_u16(), 200);
    let ended = line("the run's end", "run.status").await;
    let id = worker.id().unwrap().to_string();
    Command::new("kill").args(["-TERM", &id]).status().await.unwrap();
    assert!(within("the worker's end", worker.wait()).await.unwrap().success());

    let mut sent = Vec::new();
    while let Ok((headers, body)) = received.try_recv() {
        assert_eq!(headers["content-type"], "application/x-protobuf");
        assert_eq!(headers["x-collector-key"], "k1");
        sent.extend(spans(&body).into_iter().filter(|span| span.trace == GIVEN[3..35]));
    }
    let named: HashMap<_, _> = sent.iter().map(|span| (span.name.as_str(), span)).collect();
    let (run, call) = (named["run"], named["call"]);
    assert_eq!(run.parent, GIVEN[36..52]);
    assert_eq!(run.id, ended["span_id"].as_str().unwrap(), "the log names the same span");
    let steps: Vec<_> = sent.iter().filter(|span| span.name == "step").collect();
    assert_eq!(steps.len(), 2, "also the one that took microseconds: {sent:?}");
    assert!(steps.iter().all(|step| step.parent == run.id), "{sent:?}");
    assert!(steps.iter().any(|step| step.id == call.parent), "{sent:?}");
    let called: domain::trace::TraceContext = endpoint.traces("/call")[0].parse().unwrap();
    assert_eq!(called.span_id(), call.id, "whoever was called continues it");
    assert!(run.took_nanos >= call.took_nanos, "a run's span begins when the run was accepted");
}
