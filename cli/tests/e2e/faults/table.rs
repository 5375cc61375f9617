//! The table of what was injected and what came of it.

use std::time::Duration;

use crate::cluster::Cluster;

/// The most memory that a part of ours may hold, in MiB: several times what they need, far below a leak.
const MOST_MEMORY: u64 = 400;

/// What came of a fault.
#[derive(Debug)]
pub struct Row {
    pub fault: &'static str,
    pub runs: usize,
    pub accepted: usize,
    pub lost: usize,
    pub doubled: usize,
    /// Steps that were executed again although nothing had interrupted them.
    pub repeated: usize,
    /// Steps that were executed again because they were interrupted.
    pub interrupted: usize,
    /// Tasks that a worker was handed again and recognised.
    pub redelivered: u64,
    /// From the end of the fault to the end of the last run.
    pub recovery: Duration,
    pub memory: Memory,
}

/// The most memory that the parts have held, in MiB.
#[derive(Debug)]
pub struct Memory {
    parts: Vec<(&'static str, u64)>,
    kafka: u64,
    database: u64,
}

impl Memory {
    pub async fn of(cluster: &Cluster) -> Self {
        Self {
            parts: cluster.parts().map(|part| (part.name(), part.peak_memory())).to_vec(),
            kafka: cluster.kafka.peak_memory(),
            database: cluster.database.peak_memory().await,
        }
    }

    /// Checks that no part of ours holds too much.
    pub fn check(&self) {
        for (part, peak) in &self.parts {
            assert!(*peak < MOST_MEMORY, "{part} held {peak} MiB, the bound is {MOST_MEMORY}");
        }
    }
}

/// Prints the table.
pub fn print(rows: &[Row]) {
    if rows.is_empty() {
        return;
    }
    println!(
        "| fault | runs in flight | accepted | lost | doubled | steps repeated: interrupted / other | redelivered | time to recover | peak MiB: bridge / functions / workers / Kafka / ClickHouse |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for row in rows {
        let Row {
            fault,
            runs,
            accepted,
            lost,
            doubled,
            repeated,
            interrupted,
            redelivered,
            recovery,
            memory,
        } = row;
        let others = [memory.kafka, memory.database];
        let peaks: Vec<_> =
            memory.parts.iter().map(|(_, peak)| *peak).chain(others).map(|peak| peak.to_string()).collect();
        println!(
            "| {fault} | {runs} | {accepted} | {lost} | {doubled} | {interrupted} / {repeated} | {redelivered} | {:.1} s | {} |",
            recovery.as_secs_f64(),
            peaks.join(" / "),
        );
    }
    println!();
}
