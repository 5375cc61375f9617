//! What is done for a run besides computing: transactions, requests, inserts, fsyncs; as the parts count it themselves.

use std::{
    collections::BTreeMap,
    ops::{AddAssign, Sub},
};

use anyhow::Context as _;
use klickhouse::{ClientOptions, Row};
use minireipaz::{store::StoreAddress, telemetry::names};

/// Where the counters are.
pub(crate) struct Work {
    http: reqwest::Client,
    database: klickhouse::Client,
    workers: Vec<String>,
    bridge: String,
}

/// `ClickHouse`'s own counters, and what they are called here.
const EVENTS: [(&str, &str); 6] = [
    ("InsertQuery", "ClickHouse inserts"),
    ("SelectQuery", "ClickHouse selects"),
    ("InsertedRows", "ClickHouse rows inserted"),
    ("MergedRows", "ClickHouse rows merged"),
    ("Merge", "ClickHouse merges"),
    ("FileSync", "ClickHouse fsyncs"),
];

const RECORDED: &str = "runs recorded";
const OF_WORKERS: [(&str, &str); 2] =
    [(names::JOURNAL_COMMITS, "journal commits, an fsync each"), (names::RUNS_RECORDED, RECORDED)];
const OF_BRIDGE: [(&str, &str); 2] = [
    ("bridge_produce_requests_total", "requests that produce to the bridge"),
    ("bridge_deliveries_total", "batches that the bridge delivers"),
];

/// The order in which they are printed.
pub(crate) const ALL: [&str; 9] = [
    OF_BRIDGE[0].1,
    OF_BRIDGE[1].1,
    OF_WORKERS[0].1,
    EVENTS[0].1,
    EVENTS[1].1,
    EVENTS[2].1,
    EVENTS[3].1,
    EVENTS[4].1,
    EVENTS[5].1,
];

#[derive(Row)]
struct Event {
    event: String,
    value: u64,
}

/// How far the counters were at one moment, or by how much they have grown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts(BTreeMap<&'static str, f64>);

impl Counts {
    pub(crate) fn of(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or(0.0)
    }

    pub(crate) fn per(mut self, runs: f64) -> Self {
        for count in self.0.values_mut() {
            *count /= runs;
        }
        self
    }
}

impl Sub<&Counts> for Counts {
    type Output = Self;

    fn sub(mut self, before: &Counts) -> Self {
        for (name, count) in &mut self.0 {
            *count -= before.of(name);
        }
        self
    }
}

impl Work {
    pub(crate) async fn of(database: &str, workers: Vec<String>, bridge: String) -> anyhow::Result<Self> {
        let StoreAddress { host, port, user, .. } = database.parse()?;
        let options = ClientOptions { username: user, ..ClientOptions::default() };
        let database = klickhouse::Client::connect((host, port), options).await;
        let database = database.context("ClickHouse, for its counters")?;
        Ok(Self { http: reqwest::Client::builder().no_proxy().build()?, database, workers, bridge })
    }

    /// Now.
    pub(crate) async fn read(&self) -> anyhow::Result<Counts> {
        let mut counts = Counts::default();
        for worker in &self.workers {
            self.scrape(worker, &OF_WORKERS, &mut counts).await?;
        }
        self.scrape(&self.bridge, &OF_BRIDGE, &mut counts).await?;
        let names = EVENTS.map(|(event, _)| format!("'{event}'")).join(", ");
        let query = format!("SELECT event, value FROM system.events WHERE event IN ({names})");
        for row in self.database.query_collect::<Event>(query).await? {
            let known = EVENTS.iter().find(|(event, _)| *event == row.event);
            #[expect(clippy::cast_precision_loss, reason = "it is printed with three digits")]
            known.map(|(_, name)| counts.0.insert(name, row.value as f64));
        }
        Ok(counts)
    }

    /// Runs a statement in `ClickHouse`.
    pub(crate) async fn execute(&self, sql: &str) -> anyhow::Result<()> {
        Ok(self.database.execute(sql).await?)
    }

    /// A number that `ClickHouse` tells.
    pub(crate) async fn number(&self, sql: &str) -> anyhow::Result<u64> {
        let answer = self.database.query_one::<klickhouse::UnitValue<u64>>(sql).await?;
        Ok(answer.0)
    }

    /// The runs whose end is in `ClickHouse`, since the workers' start.
    pub(crate) async fn recorded(&self) -> anyhow::Result<f64> {
        let mut counts = Counts::default();
        for worker in &self.workers {
            self.scrape(worker, &OF_WORKERS, &mut counts).await?;
        }
        Ok(counts.of(RECORDED))
    }

    async fn scrape(
        &self,
        base: &str,
        wanted: &[(&str, &'static str)],
        counts: &mut Counts,
    ) -> anyhow::Result<()> {
        let text = self.http.get(format!("{base}/metrics")).send().await?.text().await?;
        for (metric, name) in wanted {
            // Its labels, or its value.
            let of_metric =
                |line: &&str| line.strip_prefix(metric).is_some_and(|rest| rest.starts_with(['{', ' ']));
            let values = text.lines().filter(of_metric);
            let sum: f64 = values.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum();
            counts.0.entry(name).or_default().add_assign(sum);
        }
        Ok(())
    }
}
