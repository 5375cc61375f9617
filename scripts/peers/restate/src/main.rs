//! The ten-step workflow of `make bench` as a Restate service: `Bench/ten` takes an item and gives it back with what
//! ten steps have set. Every step is journalled, with the whole item as its result, as the steps of ours are.
//!
//! The only argument is the port.

use restate_sdk::prelude::*;
use serde_json::{Value, json};

const STEPS: usize = 10;

struct Bench;

#[service]
impl Bench {
    #[handler]
    async fn ten(&self, ctx: Context<'_>, input: Json<Value>) -> HandlerResult<Json<Value>> {
        let mut item = input.into_inner();
        for step in 0..STEPS {
            let before = item;
            let set = ctx.run(|| async move { Ok(Json(set(before, step))) }).name(format!("n{step}"));
            item = set.await?.into_inner();
        }
        Ok(Json(item))
    }
}

/// The fields that step `step` of ours sets.
fn set(mut item: Value, step: usize) -> Value {
    let note = format!("step {}", item["sku"].as_str().unwrap_or_default());
    let count = item["count"].clone();
    item[format!("f{step}")] = count;
    item["note"] = json!(note);
    item
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = std::env::args().nth(1).ok_or("the port is missing")?.parse()?;
    let endpoint = Endpoint::builder().bind(Bench).build();
    HttpServer::new(endpoint).listen_and_serve(([127, 0, 0, 1], port).into()).await;
    Ok(())
}
