//! One system under load: what clients see, what it costs.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    accounting::{Accounts, Bill, Memory, Part, cpu_of_all},
    figures::Rounds,
    load::{self, Workload},
    work::{Counts, Work},
};

/// A system that is measured.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) workload: Workload,
    pub(crate) accounts: Accounts,
    /// Where it counts its own work, if we know.
    pub(crate) work: Option<Work>,
}

/// One measurement; what was used and done is by run.
pub(crate) struct Sample {
    pub(crate) runs: usize,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) per_second: f64,
    pub(crate) bill: Bill,
    pub(crate) work: Counts,
}

impl Sample {
    pub(crate) fn cpu(&self) -> f64 {
        cpu_of_all(&self.bill)
    }
}

/// The measurements with one number of clients, round by round.
pub(crate) type Samples = Vec<Sample>;

/// A figure of all rounds.
pub(crate) fn over(samples: &[Sample], figure: impl Fn(&Sample) -> f64) -> Rounds {
    Rounds::of(samples.iter().map(figure))
}

/// What a system holds and uses when nobody asks for anything.
pub(crate) struct Idle {
    pub(crate) memory: BTreeMap<Part, f64>,
    /// CPU by second.
    pub(crate) bill: Bill,
}

impl Subject {
    /// Lets connections, caches and compiled workflows come to be.
    pub(crate) async fn warm_up(&self) -> anyhow::Result<()> {
        for clients in [1, 16] {
            load::put(&self.workload, clients, Duration::from_secs(1)).await?;
        }
        self.settle().await;
        Ok(())
    }

    pub(crate) async fn sample(&self, clients: usize, length: Duration) -> anyhow::Result<Sample> {
        let counted = self.count().await?;
        let before = self.accounts.read();
        let seen = load::put(&self.workload, clients, length).await?;
        self.settle().await;
        let bill = self.accounts.read().since(&before);
        let work = self.count().await? - &counted;
        let runs = f64::from(u32::try_from(seen.runs())?);
        Ok(Sample {
            runs: seen.runs(),
            p50: seen.latencies.p50(),
            p99: seen.latencies.p99(),
            per_second: runs / seen.took.as_secs_f64(),
            bill: per(&bill, runs),
            work: work.per(runs),
        })
    }

    pub(crate) async fn idle(&self) -> Idle {
        const LENGTH: Duration = Duration::from_secs(3);
        self.settle().await;
        let before = self.accounts.read();
        tokio::time::sleep(LENGTH).await;
        let bill = self.accounts.read().since(&before);
        Idle { memory: self.accounts.memory(Memory::Now), bill: per(&bill, LENGTH.as_secs_f64()) }
    }

    pub(crate) fn peak(&self) -> BTreeMap<Part, f64> {
        self.accounts.memory(Memory::Peak)
    }

    async fn count(&self) -> anyhow::Result<Counts> {
        match &self.work {
            Some(work) => work.read().await,
            None => Ok(Counts::default()),
        }
    }

    /// Waits until what the load has left to do is done (merges of `ClickHouse`, compactions), so that it is on the
    /// bill of those who caused it; not for ever.
    async fn settle(&self) {
        const LOOK: Duration = Duration::from_millis(200);
        /// A tenth of a core: more than any of them uses when it is idle.
        const BUSY: f64 = 20.0;
        for _ in 0..25 {
            let before = self.accounts.read();
            tokio::time::sleep(LOOK).await;
            if cpu_of_all(&self.accounts.read().since(&before)) < BUSY {
                return;
            }
        }
    }
}

fn per(bill: &Bill, count: f64) -> Bill {
    bill.iter().map(|(part, usage)| (*part, usage.per(count))).collect()
}
