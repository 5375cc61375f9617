//! What `/proc` says of a process or a thread.

use std::{fs, path::Path};

/// What it has used since it began.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spent {
    /// CPU in user mode, in milliseconds, as clock ticks of 10 ms tell it.
    pub(crate) user: f64,
    /// CPU in the kernel, likewise.
    pub(crate) system: f64,
    /// Both to the nanosecond, in milliseconds, where the kernel keeps that: of a thread.
    pub(crate) exact: Option<f64>,
    /// What was given to disks, in KiB.
    pub(crate) written: f64,
}

/// None when it is gone.
pub(crate) fn spent_by_process(pid: u32) -> Option<Spent> {
    spent(Path::new(&format!("/proc/{pid}")))
}

/// Its threads: id, name, what each has used.
pub(crate) fn threads(pid: u32) -> impl Iterator<Item = (u32, String, Spent)> {
    let folder = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten();
    folder.filter_map(|entry| {
        let path = entry.ok()?.path();
        let id = path.file_name()?.to_str()?.parse().ok()?;
        let name = fs::read_to_string(path.join("comm")).ok()?.trim().to_owned();
        let exact = fs::read_to_string(path.join("schedstat")).ok();
        let exact = exact.and_then(|text| text.split(' ').next()?.parse::<f64>().ok()).map(|ns| ns / 1e6);
        Some((id, name, Spent { exact, ..spent(&path)? }))
    })
}

/// The folder of a process or of a thread.
fn spent(folder: &Path) -> Option<Spent> {
    // Clock ticks are 10 ms for programs, whatever the kernel's own are.
    const TICK: f64 = 10.0;
    let stat = fs::read_to_string(folder.join("stat")).ok()?;
    // The name, in brackets, may hold anything.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    let mut ticks = || Some(fields.next()?.parse::<f64>().ok()? * TICK);
    let (user, system) = (ticks()?, ticks()?);
    let io = fs::read_to_string(folder.join("io")).unwrap_or_default();
    let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")?.parse::<f64>().ok());
    Some(Spent { user, system, exact: None, written: written.unwrap_or(0.0) / 1_024.0 })
}

/// A figure of `/proc/PID/status` in KiB.
pub(crate) fn status(pid: u32, field: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0.0)
}

/// A process, and all that it and those have started.
pub(crate) fn family(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    let mut place = 0;
    while let Some(&parent) = all.get(place) {
        let threads = fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten();
        for thread in threads.filter_map(Result::ok) {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            all.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
        place += 1;
    }
    all
}
