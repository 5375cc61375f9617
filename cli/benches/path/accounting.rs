//! Who used how much CPU, and wrote how much, as the operating system accounts for it (`/proc`).
//!
//! `minireipaz dev` is one process whose threads have the names of the parts; elsewhere a part is one process or more,
//! with what these have started. A thread's time is known to the nanosecond, a process's to 10 ms; how much of it is
//! user and how much system is the kernel's estimate.

use std::{
    collections::BTreeMap,
    fmt,
    ops::{Add, Sub},
};

use crate::{
    proc::{self, Spent},
    process::command_line,
};

/// A part of what is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Functions,
    Bridge,
    Worker,
    /// The other threads of `minireipaz dev`, and those that have ended meanwhile.
    RestOfDev,
    ClickHouse,
    Kafka,
    RestateServer,
    RestateService,
    /// This program. In a cluster it is the load balancers too.
    Load,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Functions => "functions",
            Self::Bridge => "bridge",
            Self::Worker => "worker",
            Self::RestOfDev => "rest of dev",
            Self::ClickHouse => "ClickHouse",
            Self::Kafka => "Kafka",
            Self::RestateServer => "Restate server",
            Self::RestateService => "Restate service",
            Self::Load => "load",
        })
    }
}

/// What was used.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Usage {
    /// CPU in user mode, in milliseconds.
    pub(crate) user: f64,
    /// CPU in the kernel, in milliseconds.
    pub(crate) system: f64,
    /// What was given to disks, in KiB.
    pub(crate) written: f64,
}

impl Usage {
    pub(crate) fn cpu(&self) -> f64 {
        self.user + self.system
    }

    pub(crate) fn per(&self, count: f64) -> Self {
        Self { user: self.user / count, system: self.system / count, written: self.written / count }
    }
}

impl Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            user: self.user + other.user,
            system: self.system + other.system,
            written: self.written + other.written,
        }
    }
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            user: self.user - other.user,
            system: self.system - other.system,
            written: self.written - other.written,
        }
    }
}

/// What each part has used.
pub(crate) type Bill = BTreeMap<Part, Usage>;

/// The CPU of all parts but the load, in milliseconds.
pub(crate) fn cpu_of_all(bill: &Bill) -> f64 {
    bill.iter().filter(|(part, _)| **part != Part::Load).map(|(_, usage)| usage.cpu()).sum()
}

/// Whose work a process does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Owner {
    /// One part's, with all that it has started.
    Part(Part),
    /// `minireipaz dev`: told apart by its threads and by what it has started.
    Dev,
}

/// The processes that are accounted for.
#[derive(Debug)]
pub(crate) struct Accounts(Vec<(u32, Owner)>);

/// What had been used at one moment, by process (the thread is 0) and thread.
#[derive(Debug)]
pub(crate) struct Reading(BTreeMap<(u32, u32), Entry>);

#[derive(Debug, Clone, Copy)]
struct Entry {
    part: Part,
    spent: Spent,
}

impl Entry {
    fn since(&self, before: Option<&Self>) -> Usage {
        let before = before.map_or(Spent::default(), |before| before.spent);
        let used = Usage {
            user: self.spent.user - before.user,
            system: self.spent.system - before.system,
            written: self.spent.written - before.written,
        };
        let Some(now) = self.spent.exact else { return used };
        let exact = now - before.exact.unwrap_or(0.0);
        if used.cpu() > 0.0 {
            let share = exact / used.cpu();
            Usage { user: used.user * share, system: used.system * share, ..used }
        } else {
            Usage { user: exact, system: 0.0, ..used }
        }
    }
}

impl Accounts {
    /// Of these processes, and of this program as the load.
    pub(crate) fn of(mut processes: Vec<(u32, Owner)>) -> Self {
        processes.push((std::process::id(), Owner::Part(Part::Load)));
        Self(processes)
    }

    /// Now.
    pub(crate) fn read(&self) -> Reading {
        let mut entries = BTreeMap::new();
        for (pid, part) in self.processes() {
            let Some(spent) = proc::spent_by_process(pid) else { continue };
            entries.insert((pid, 0), Entry { part, spent });
            if part == Part::RestOfDev {
                for (id, name, spent) in proc::threads(pid) {
                    let part = part_of_thread(&name);
                    if part != Part::RestOfDev {
                        entries.insert((pid, id), Entry { part, spent });
                    }
                }
            }
        }
        Reading(entries)
    }

    /// The memory of the processes in MiB, by part; of all parts of `minireipaz dev` in one process as its rest.
    pub(crate) fn memory(&self, field: Memory) -> BTreeMap<Part, f64> {
        let mut sums = BTreeMap::new();
        for (pid, part) in self.processes().into_iter().filter(|(_, part)| *part != Part::Load) {
            *sums.entry(part).or_default() += proc::status(pid, field.name()) / 1_024.0;
        }
        sums
    }

    /// All processes, `minireipaz dev` itself as the rest that its named threads leave.
    fn processes(&self) -> Vec<(u32, Part)> {
        let mut all = Vec::new();
        for &(pid, owner) in &self.0 {
            match owner {
                Owner::Part(Part::Load) => all.push((pid, Part::Load)),
                Owner::Part(part) => all.extend(proc::family(pid).into_iter().map(|pid| (pid, part))),
                Owner::Dev => {
                    let started = proc::family(pid).into_iter().filter(|&child| child != pid);
                    all.extend(started.map(|child| (child, started_by_dev(child))));
                    all.push((pid, Part::RestOfDev));
                }
            }
        }
        all
    }
}

impl Reading {
    /// What was used from `before` until now.
    pub(crate) fn since(&self, before: &Self) -> Bill {
        let mut bill = Bill::new();
        for (key, entry) in &self.0 {
            let used = entry.since(before.0.get(key));
            let so_far = bill.entry(entry.part).or_default();
            *so_far = *so_far + used;
            if key.1 != 0 {
                // Its process's total has it too.
                let rest = bill.entry(Part::RestOfDev).or_default();
                *rest = *rest - used;
            }
        }
        if let Some(rest) = bill.get_mut(&Part::RestOfDev) {
            // The total is coarser than what is taken from it.
            *rest = Usage {
                user: rest.user.max(0.0),
                system: rest.system.max(0.0),
                written: rest.written.max(0.0),
            };
        }
        bill
    }
}

/// A line of `/proc/PID/status`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Memory {
    Now,
    Peak,
}

impl Memory {
    const fn name(self) -> &'static str {
        match self {
            Self::Now => "VmRSS:",
            Self::Peak => "VmHWM:",
        }
    }
}

/// Whose a thread of `minireipaz dev` is.
fn part_of_thread(name: &str) -> Part {
    match name {
        "functions" => Part::Functions,
        "worker" | "processor" | "javascript" | "watchdog" => Part::Worker,
        name if name.starts_with("bridge") => Part::Bridge,
        _ => Part::RestOfDev,
    }
}

/// `minireipaz dev` starts `ClickHouse`, and itself again for JavaScript.
fn started_by_dev(pid: u32) -> Part {
    if command_line(pid).contains("clickhouse") { Part::ClickHouse } else { Part::Worker }
}
