//! The same figures for a script that compares them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::{
    accounting::{Part, Usage},
    measure::{Idle, Sample, Samples, Subject, over},
    work,
};

/// A system.
pub(crate) fn system(subject: &Subject, clients: &[usize], all: &[Samples], idle: &Idle) -> Value {
    let loads: Vec<Value> =
        clients.iter().zip(all).map(|(clients, samples)| load(*clients, samples)).collect();
    let memory = |figures: &BTreeMap<Part, f64>| {
        figures.iter().map(|(part, mib)| (part.to_string(), json!(mib))).collect::<Map<_, _>>()
    };
    let idle_cpu = idle.bill.iter().map(|(part, usage)| (part.to_string(), json!(usage.cpu())));
    json!({
        "name": subject.name,
        "loads": loads,
        "idle_mib": memory(&idle.memory),
        "peak_mib": memory(&subject.peak()),
        "idle_cpu_ms_a_second": idle_cpu.collect::<Map<_, _>>(),
    })
}

fn load(clients: usize, samples: &Samples) -> Value {
    let figure = |figure: fn(&Sample) -> f64| over(samples, figure).json();
    let parts: BTreeSet<Part> = samples.iter().flat_map(|sample| sample.bill.keys().copied()).collect();
    let of_parts = |figure: fn(&Usage) -> f64| {
        let of = |part: &Part| over(samples, |sample| sample.bill.get(part).map_or(0.0, figure)).json();
        parts.iter().map(|part| (part.to_string(), of(part))).collect::<Map<_, _>>()
    };
    let of_work = |name: &&str| ((*name).to_owned(), over(samples, |sample| sample.work.of(name)).json());
    json!({
        "clients": clients,
        "runs": samples.iter().map(|sample| sample.runs).collect::<Vec<_>>(),
        "p50_ms": figure(|sample| sample.p50),
        "p99_ms": figure(|sample| sample.p99),
        "runs_per_s": figure(|sample| sample.per_second),
        "cpu_ms_a_run": figure(Sample::cpu),
        "user_ms_a_run": of_parts(|usage| usage.user),
        "system_ms_a_run": of_parts(|usage| usage.system),
        "written_kib_a_run": of_parts(|usage| usage.written),
        "work_a_run": work::ALL.iter().map(of_work).collect::<Map<_, _>>(),
    })
}
