//! The whole path: `make bench`, `make bench-peers`. On `minireipaz dev`; with the argument `cluster` on a real Kafka
//! with every part a process of its own, as the end-to-end tests start it; with `peers` beside Restate.
//!
//! Everything runs on one machine, the load with it, so read ratios and CPU rather than milliseconds. What is compared
//! is measured in turn, round by round, so that a drift of the machine's speed hits both.

#![allow(
    unreachable_pub,
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    reason = "parts of the end-to-end tests are used here"
)]

mod accounting;
#[path = "../../tests/e2e/client.rs"]
mod client;
#[path = "../../tests/e2e/cluster/mod.rs"]
mod cluster;
mod figures;
mod growth;
mod http;
mod json;
mod load;
mod measure;
mod options;
mod ours;
mod proc;
#[path = "../../tests/e2e/process.rs"]
mod process;
mod report;
mod restate;
mod soak;
#[path = "../../tests/e2e/system.rs"]
mod system;
mod ways;
mod webhook;
mod work;

use std::{fs, path::PathBuf};

use clap::Parser as _;
use figures::Rounds;
use measure::{Samples, Subject};
use options::{Options, What};
use ours::{Ours, chain};
use restate::{Programs, Restate};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // `cargo test --benches` builds and starts this too; it has nothing to test.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let options = Options::parse();
    let mut told = json!({
        "machine": machine(),
        "rounds": options.rounds,
        "seconds": options.length().as_secs(),
    });
    println!("{}", machine().as_str().unwrap_or_default());
    println!(
        "{} rounds of {} s for each number of clients; medians ± half of the range",
        options.rounds,
        options.length().as_secs()
    );
    match options.what {
        What::Dev | What::Cluster => alone(&options, &mut told).await?,
        What::Peers => beside_restate(&options, &mut told).await?,
        What::Growth => growth::measure(&options, &mut told).await?,
        What::Soak => soak::measure(&options, &mut told).await?,
    }
    if let Some(file) = &options.json {
        fs::write(file, format!("{told:#}\n"))?;
    }
    Ok(())
}

async fn alone(options: &Options, told: &mut Value) -> anyhow::Result<()> {
    let (ours, name) = match options.what {
        What::Cluster => (Ours::cluster().await?, "A cluster on a real Kafka"),
        _ => (Ours::dev().await?, "minireipaz dev"),
    };
    let ten = ours.create(&chain(10)).await?;
    let subject = ours_as_subject(&ours, name, &ten, options).await?;
    let idle = subject.idle().await;
    subject.warm_up().await?;
    if !options.only_load {
        let work = ours.work().await?;
        let one = ours.create(&chain(1)).await?;
        told["accept"] = ways::accept(&ours, &ours.workload(&one, false), &work).await?;
        told["webhook"] = webhook::beside_runs(&ours, 500).await?;
    }
    let [samples] = rounds(options, [&subject]).await?;
    report::system(&subject, &options.clients, &samples);
    report::idle(&subject, &idle);
    told["systems"] = json!([json::system(&subject, &options.clients, &samples, &idle)]);
    drop(subject);
    if !options.only_load {
        // Last, since what it leaves would be merged in the time of the others.
        told["worker_alone"] = ways::worker_alone(&ours, &chain(10), &ours.work().await?).await?;
    }
    if options.what == What::Dev && !options.only_load {
        let (ours, took) = ways::restarts(ours, &ten, options.rounds.into()).await?;
        told["dev_restart_ms"] = took;
        return ours.stop().await;
    }
    ours.stop().await
}

async fn beside_restate(options: &Options, told: &mut Value) -> anyhow::Result<()> {
    let file = |given: &Option<PathBuf>| given.clone().unwrap_or_default();
    let programs =
        Programs { server: file(&options.restate_server), service: file(&options.restate_service) };
    let mut restate = Restate::start(programs).await?;
    let theirs =
        Subject { name: "Restate", workload: restate.workload(), accounts: restate.accounts(), work: None };
    let ours = Ours::dev().await?;
    let ten = ours.create(&chain(10)).await?;
    let subject = ours_as_subject(&ours, "minireipaz dev", &ten, options).await?;
    let subjects = [&subject, &theirs];
    let idle = [subject.idle().await, theirs.idle().await];
    for subject in subjects {
        subject.warm_up().await?;
    }
    let all = rounds(options, subjects).await?;
    for (subject, samples) in subjects.iter().zip(&all) {
        report::system(subject, &options.clients, samples);
    }
    for (subject, idle) in subjects.iter().zip(&idle) {
        report::idle(subject, idle);
    }
    let [samples, of_restate] = &all;
    report::ratios(&options.clients, samples, of_restate);
    let systems = subjects.iter().zip(&all).zip(&idle);
    told["systems"] = systems
        .map(|((subject, samples), idle)| json::system(subject, &options.clients, samples, idle))
        .collect();
    drop((subject, theirs));
    if !options.only_load {
        let (again, took) = ways::restarts(ours, &ten, options.rounds.into()).await?;
        told["dev_restart_ms"] = took;
        again.stop().await?;
        let mut taken = Vec::new();
        for _ in 0..options.rounds {
            taken.push(restate.restart().await?.as_secs_f64() * 1e3);
        }
        let taken = Rounds::of(taken);
        report::line("Restate, started again: start to result", format!("{} ms", taken.with_spread()));
        told["restate_restart_ms"] = taken.json();
        return restate.stop().await;
    }
    ours.stop().await?;
    restate.stop().await
}

async fn ours_as_subject(
    ours: &Ours,
    name: &'static str,
    workflow: &str,
    options: &Options,
) -> anyhow::Result<Subject> {
    Ok(Subject {
        name,
        workload: ours.workload(workflow, options.polls),
        accounts: ours.accounts().await,
        work: Some(ours.work().await?),
    })
}

/// Every number of clients on every system in turn, round by round; by system, then by number of clients.
async fn rounds<const N: usize>(
    options: &Options,
    subjects: [&Subject; N],
) -> anyhow::Result<[Vec<Samples>; N]> {
    let mut all = subjects.map(|_| options.clients.iter().map(|_| Samples::new()).collect::<Vec<_>>());
    for round in 1..=options.rounds {
        eprintln!("round {round} of {}", options.rounds);
        for (place, clients) in options.clients.iter().enumerate() {
            for (subject, samples) in subjects.iter().zip(&mut all) {
                samples[place].push(subject.sample(*clients, options.length()).await?);
            }
        }
    }
    Ok(all)
}

/// What it was measured on, for the reader.
fn machine() -> Value {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kib = read("/proc/meminfo")
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().trim_end_matches(" kB").parse::<u64>().ok());
    let busy = read("/proc/loadavg");
    json!(format!(
        "{cores} cores ({}), {} GiB, Linux {}; load average at the start {}",
        model.map_or("unknown", |(_, model)| model),
        kib.unwrap_or(0) >> 20,
        read("/proc/sys/kernel/osrelease").trim(),
        busy.split(' ').next().unwrap_or_default(),
    ))
}

/// A setting of the end-to-end tests.
fn setting(name: &str) -> Option<String> {
    std::env::vars().find(|(found, _)| found == name).map(|(_, value)| value)
}
