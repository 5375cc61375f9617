//! Tables for people.

use std::{collections::BTreeSet, fmt::Display};

use crate::{
    accounting::{Part, Usage},
    figures::{Rounds, short},
    measure::{Idle, Sample, Samples, Subject, over},
    work,
};

/// A heading.
pub(crate) fn heading(text: &str) {
    println!("\n{text}");
}

/// A line: what was measured, and what came out.
pub(crate) fn line(what: &str, figures: impl Display) {
    println!("  {what:<58} {figures}");
}

/// Rows under a head; the first column to the left, the others to the right.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(head.get(column).map(|cell| cell.chars().count())).max().unwrap_or(0)
    };
    let print = |cells: &[&str]| {
        let mut text = String::from(" ");
        for (column, cell) in cells.iter().enumerate() {
            let width = width(column);
            text += &if column == 0 { format!(" {cell:<width$}") } else { format!("  {cell:>width$}") };
        }
        println!("{}", text.trim_end());
    };
    print(head);
    for row in rows {
        print(&row.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

/// All figures of a system, by number of clients.
pub(crate) fn system(subject: &Subject, clients: &[usize], all: &[Samples]) {
    heading(&format!("{}: ten steps, a run from its POST to its result", subject.name));
    table(
        &["clients", "p50 ms", "p99 ms", "runs/s", "CPU ms a run", "load's CPU ms"],
        &rows(clients, all, |samples| {
            let figures: [fn(&Sample) -> f64; 5] = [
                |sample| sample.p50,
                |sample| sample.p99,
                |sample| sample.per_second,
                Sample::cpu,
                |sample| sample.bill.get(&Part::Load).map_or(0.0, |usage| usage.cpu()),
            ];
            figures.map(|figure| over(samples, figure).with_spread()).to_vec()
        }),
    );
    let parts: BTreeSet<Part> = all.iter().flatten().flat_map(|sample| sample.bill.keys().copied()).collect();
    let mut head = vec!["CPU ms a run".to_owned()];
    head.extend(clients.iter().map(|clients| with_clients(*clients)));
    let mut split: Vec<Vec<String>> = Vec::new();
    let by_clients = |name: String, cell: &dyn Fn(&Samples) -> String| {
        std::iter::once(name).chain(all.iter().map(cell)).collect::<Vec<_>>()
    };
    for part in parts.iter().copied().filter(|part| *part != Part::Load) {
        split.push(by_clients(part.to_string(), &|samples| {
            let of = |figure: fn(&Usage) -> f64| {
                over(samples, |sample| sample.bill.get(&part).map_or(0.0, figure)).median
            };
            let (all, user, system) = (of(Usage::cpu), of(|usage| usage.user), of(|usage| usage.system));
            format!("{} ({} + {})", short(all), short(user), short(system))
        }));
    }
    split.push(by_clients("all".to_owned(), &|samples| short(over(samples, Sample::cpu).median)));
    heading("CPU by part, milliseconds a run (user + system)");
    table(&head.iter().map(String::as_str).collect::<Vec<_>>(), &split);
    if subject.work.is_some() {
        head[0] = "a run".to_owned();
        let mut done: Vec<Vec<String>> = work::ALL
            .iter()
            .map(|name| {
                by_clients((*name).to_owned(), &|samples| {
                    short(over(samples, |sample| sample.work.of(name)).median)
                })
            })
            .collect();
        for part in parts.iter().copied().filter(|part| *part != Part::Load) {
            let row = by_clients(format!("KiB that {part} writes"), &|samples| {
                short(
                    over(samples, |sample| sample.bill.get(&part).map_or(0.0, |usage| usage.written)).median,
                )
            });
            done.push(row);
        }
        heading("Work, per run");
        table(&head.iter().map(String::as_str).collect::<Vec<_>>(), &done);
    }
}

fn rows(clients: &[usize], all: &[Samples], cells: impl Fn(&Samples) -> Vec<String>) -> Vec<Vec<String>> {
    let row = |(clients, samples): (&usize, &Samples)| {
        std::iter::once(clients.to_string()).chain(cells(samples)).collect()
    };
    clients.iter().zip(all).map(row).collect()
}

fn with_clients(clients: usize) -> String {
    if clients == 1 { "one by one".to_owned() } else { format!("{clients} clients") }
}

/// Memory, and what is used when nobody asks for anything.
pub(crate) fn idle(subject: &Subject, idle: &Idle) {
    let peak = subject.peak();
    let mut rows: Vec<Vec<String>> = Vec::new();
    let cpu = |part: &Part| idle.bill.get(part).map_or(0.0, |usage| usage.cpu());
    for part in peak.keys() {
        // The threads of one process share its memory.
        let (name, cpu) = match part {
            Part::RestOfDev => {
                let parts = [Part::Functions, Part::Bridge, Part::Worker, Part::RestOfDev];
                ("minireipaz dev (one process)".to_owned(), parts.iter().map(cpu).sum())
            }
            Part::Worker if peak.contains_key(&Part::RestOfDev) => {
                ("processes for JavaScript".to_owned(), 0.0)
            }
            part => (part.to_string(), cpu(part)),
        };
        rows.push(vec![
            name,
            short(idle.memory.get(part).copied().unwrap_or(0.0)),
            short(peak.get(part).copied().unwrap_or(0.0)),
            short(cpu),
        ]);
    }
    heading(&format!("{}: memory, and what it uses when it is idle", subject.name));
    table(&["", "idle MiB", "peak MiB", "idle CPU ms a second"], &rows);
}

/// How many times better the first is than the second.
pub(crate) fn ratios(clients: &[usize], ours: &[Samples], theirs: &[Samples]) {
    heading("Restate against ours: how many times (above 1: ours is better)");
    let mut rows = Vec::new();
    for ((clients, ours), theirs) in clients.iter().zip(ours).zip(theirs) {
        // Rounds are interleaved, so a ratio is taken within each.
        let ratio = |figure: fn(&Sample) -> f64, more_is_better: bool| {
            let pairs = ours.iter().zip(theirs);
            let ratios = pairs.map(|(ours, theirs)| {
                let ratio = figure(theirs) / figure(ours);
                if more_is_better { 1.0 / ratio } else { ratio }
            });
            Rounds::of(ratios).with_spread()
        };
        rows.push(vec![
            clients.to_string(),
            ratio(|sample| sample.p50, false),
            ratio(|sample| sample.p99, false),
            ratio(|sample| sample.per_second, true),
            ratio(Sample::cpu, false),
        ]);
    }
    table(&["clients", "p50", "p99", "runs/s", "CPU a run"], &rows);
}
