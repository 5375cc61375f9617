//! `minireipaz dev` under load for long: does anything grow that should not?

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    accounting::{Memory, Part},
    load,
    options::Options,
    ours::{Ours, chain},
    report::{heading, table},
};

/// A line a minute.
const LINE: Duration = Duration::from_secs(60);

/// Puts the load of the first number of clients for `--seconds`, and prints once a minute what everything takes.
pub(crate) async fn measure(options: &Options, told: &mut Value) -> anyhow::Result<()> {
    let clients = options.clients.first().copied().unwrap_or(16);
    let ours = Ours::dev().await?;
    let workflow = ours.create(&chain(10)).await?;
    let (workload, accounts) = (ours.workload(&workflow, options.polls), ours.accounts().await);
    heading(&format!("minireipaz dev under the load of {clients} clients"));
    let head =
        ["minute", "runs/s", "p50 ms", "p99 ms", "dev MiB", "ClickHouse MiB", "journal MiB", "log MiB"];
    let (begun, mut lines) = (Instant::now(), Vec::new());
    while let Some(left) = options.length().checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) {
        let seen = load::put(&workload, clients, left.min(LINE)).await?;
        let memory = accounts.memory(Memory::Now);
        let of = |part| memory.get(&part).copied().unwrap_or(0.0);
        let per_second = f64::from(u32::try_from(seen.runs())?) / seen.took.as_secs_f64();
        let figures = [
            per_second,
            seen.latencies.p50(),
            seen.latencies.p99(),
            of(Part::RestOfDev),
            of(Part::ClickHouse),
            mebibytes(&ours.folder()?.join("worker")),
            mebibytes(&ours.folder()?.join("bridge")),
        ];
        let minute = (begun.elapsed().as_secs_f64() / 60.0).ceil();
        lines.push(json!({
            "minute": minute, "runs_per_s": figures[0], "p50_ms": figures[1], "p99_ms": figures[2], "dev_mib": figures[3],
            "clickhouse_mib": figures[4], "journal_mib": figures[5], "log_mib": figures[6],
        }));
        let mut cells = vec![format!("{minute}")];
        cells.extend(figures.map(|figure| format!("{figure:.1}")));
        // Each with its head: a line comes once a minute, and people look at the last one.
        table(&head, &[cells]);
    }
    told["soak"] = Value::Array(lines);
    ours.stop().await
}

/// All files below a folder.
fn mebibytes(folder: &Path) -> f64 {
    fn bytes(folder: &Path) -> u64 {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .map(|entry| match entry.metadata() {
                Ok(found) if found.is_dir() => bytes(&entry.path()),
                Ok(found) => found.len(),
                Err(_) => 0,
            })
            .sum()
    }
    #[expect(clippy::cast_precision_loss, reason = "it is printed with one digit")]
    let bytes = bytes(folder) as f64;
    bytes / f64::from(1 << 20)
}
