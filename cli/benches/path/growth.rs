//! `minireipaz dev` before and after millions of runs were recorded, and its start with thousands of unfinished ones.

use std::time::Instant;

use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    figures::{Latencies, short},
    load,
    options::Options,
    ours::{Ours, chain},
    report::{heading, line, table},
    ways::batch,
};

/// Runs of one insert.
const BLOCK: u64 = 500_000;
/// Of so many runs one is of the workflow that is measured, and of its tenant.
const ONE_IN: u64 = 100;
/// Runs that are under way when everything is killed.
const UNFINISHED: usize = 10_000;

/// Measures, records `--runs` runs, and measures again; then kills everything while runs are under way.
pub(crate) async fn measure(options: &Options, told: &mut Value) -> anyhow::Result<()> {
    let ours = Ours::dev().await?;
    let workflow = ours.create(&chain(10)).await?;
    let work = ours.work().await?;
    let before = seen(options, &ours, &workflow).await?;
    let begun = Instant::now();
    let mut recorded = 0;
    while recorded < options.runs {
        let runs = BLOCK.min(options.runs - recorded);
        work.execute(&recorded_runs(&workflow, recorded, runs, options.runs)).await?;
        recorded += runs;
        eprintln!("{recorded} of {} runs recorded, {} s", options.runs, begun.elapsed().as_secs());
    }
    let rows = work.number("SELECT sum(rows) FROM system.parts WHERE active AND table = 'run_rows'").await?;
    let bytes = work
        .number("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'run_rows'")
        .await?;
    let after = seen(options, &ours, &workflow).await?;
    heading("Before and after");
    line("runs recorded", recorded);
    line("rows, and MiB on disk", format!("{rows}, {}", bytes >> 20));
    let rows: Vec<_> = before
        .iter()
        .zip(&after)
        .map(|((what, before), (_, after))| vec![what.clone(), short(*before), short(*after)])
        .collect();
    table(&["", "before", "after"], &rows);
    told["growth"] = json!({"runs": recorded, "before": before, "after": after});
    drop(work);
    told["recovery_ms"] = recovery(ours, &workflow).await?;
    Ok(())
}

/// What clients see, by name.
async fn seen(options: &Options, ours: &Ours, workflow: &str) -> anyhow::Result<Vec<(String, f64)>> {
    let workload = ours.workload(workflow, options.polls);
    load::put(&workload, 1, options.length()).await?;
    let mut figures = Vec::new();
    for &clients in &options.clients {
        let seen = load::put(&workload, clients, options.length()).await?;
        figures.push((format!("{clients} clients, p50 ms"), seen.latencies.p50()));
        figures.push((format!("{clients} clients, p99 ms"), seen.latencies.p99()));
    }
    let mut pages = Vec::new();
    for _ in 0..100 {
        let begun = Instant::now();
        ours.page(workflow).await?;
        pages.push(begun.elapsed());
    }
    let pages = Latencies::of(pages);
    figures.push(("the first page of a list, p50 ms".to_owned(), pages.p50()));
    figures.push(("the first page of a list, p99 ms".to_owned(), pages.p99()));
    Ok(figures)
}

/// Runs of the last month, the oldest first, each with its entry in the list and three steps; of a hundred tenants with
/// ten workflows each.
fn recorded_runs(workflow: &str, from: u64, runs: u64, all: u64) -> String {
    let ours = format!("number % {ONE_IN} = 0");
    // A UUIDv7: twelve digits of the moment, then chance.
    let run = "toUUID(concat(substring(moment, 1, 8), '-', substring(moment, 9, 4), '-7', substring(chance, 1, 3), '-8', \
               substring(chance, 4, 3), '-', substring(chance, 7, 12)))";
    format!(
        "INSERT INTO minireipaz.run_rows (tenant, owner_id, place, version, status, started_at, finished_at, output, \
             workflow_id, workflow_version, trigger, input, created_at, ordinal, kind, attempts) \
         SELECT tenant, if(row = 1, workflow, run), \
             multiIf(row = 0, '', row = 1, concat(moment, replaceAll(toString(run), '-', '')), \
                 concat('n', toString(row - 2))), \
             bitShiftLeft(toUInt64(1), 32) + 14, 'succeeded', created, created, \
             if(row = 1, '', concat('{{\"main\":[{{\"sku\":\"A', toString(number), '\",\"count\":3}}]}}')), \
             if(row < 2, workflow, toUUID('00000000-0000-0000-0000-000000000000')), toUInt32(row < 2), \
             if(row < 2, '{{\"kind\":\"manual\"}}', ''), if(row = 0, '{{\"sku\":\"A1\",\"count\":3}}', ''), created, \
             toUInt32(greatest(row, 2) - 2), if(row < 2, '', 'set'), toUInt32(row >= 2) \
         FROM (SELECT number, toUnixTimestamp64Milli(now64(3)) - intDiv(({all} - number) * 2592000000, {all}) - 60000 AS millis, \
                 lower(leftPad(hex(millis), 12, '0')) AS moment, lower(hex(sipHash128(number))) AS chance, {run} AS run, \
                 fromUnixTimestamp64Milli(millis, 'UTC') AS created, \
                 if({ours}, 'local', concat('t', toString(number % 100))) AS tenant, \
                 if({ours}, toUUID('{workflow}'), reinterpretAsUUID(sipHash128(number % 1000))) AS workflow \
             FROM numbers({from}, {runs})) \
         ARRAY JOIN [0, 1, 2, 3, 4] AS row \
         SETTINGS max_threads = 1, max_insert_threads = 1, max_block_size = 16384, min_insert_block_size_rows = 250000, \
             min_insert_block_size_bytes = 0"
    )
}

/// Kills everything while runs are under way, and takes the time from the next start to the result of a new run.
async fn recovery(ours: Ours, workflow: &str) -> anyhow::Result<Value> {
    heading("minireipaz dev, killed with runs under way and started again");
    // It takes connections and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let document = json!({
        "name": "bench: never answered",
        "nodes": [
            {"id": "start", "type": "manual"},
            {"id": "call", "type": "http_request", "data": {"params": {"url": url}, "timeout": "1h"}},
        ],
        "edges": [{"source": "start", "target": "call"}],
        "settings": {"timeout": "2h"},
    });
    for turn in 0..UNFINISHED / 100 {
        ours.post_tasks(turn, batch(&document, 100)).await?;
    }
    let (ours, ready) = ours.crash().await?;
    let begun = Instant::now();
    let workload = ours.workload(workflow, false);
    workload.once(&mut workload.connect().await?).await?;
    let (ready, first) = (ready.as_secs_f64() * 1e3, begun.elapsed().as_secs_f64() * 1e3);
    line("unfinished runs", UNFINISHED);
    line("from the start to ready (aim: ≤ 3,000 ms)", format!("{} ms", short(ready)));
    line("from then to the result of a new run", format!("{} ms", short(first)));
    drop(listener);
    // It would wait for calls that are never answered.
    drop(ours);
    Ok(json!({"ready": ready, "first_result": first}))
}
