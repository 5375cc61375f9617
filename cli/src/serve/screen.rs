//! What `minireipaz serve` says: a line for each thing that happens, and the functions' own logs.

use std::{fmt::Display, time::Duration};

use console::style;

use super::{Deployment, instance::StartError, pool::Pool};
use crate::display::print;

/// What is served, and where.
pub(crate) fn ready(address: &str, what: &Deployment, pool: &Pool, tied: bool) {
    print(&format!("\n  {}\n", style("minireipaz serve").bold()));
    let (functions, files, routes) = (pool.len(), what.files.len(), what.table.len());
    let dim =
        style(format!("{functions} functions · {files} files · {routes} routes · from {}", what.origin))
            .dim();
    print(&format!("  {} {address}   {dim}", style("Ready:").bold().green()));
    if !tied {
        print(&format!(
            "  {} `setpriv` (util-linux) is not on the PATH: after a kill -9 of this program, functions go on running.",
            style("!").yellow().bold()
        ));
    }
    let hint = "Functions start with their first request. Ctrl-C lets requests finish and stops everything.";
    print(&format!("\n  {}\n", style(hint).dim()));
}

/// A function's process listens.
pub(crate) fn started(function: &str, pid: Option<u32>, took: Duration) {
    let pid = pid.map(|pid| format!(" · pid {pid}")).unwrap_or_default();
    line(&style("▲").green(), function, &format!("started in {} ms{pid}", took.as_millis()));
}

/// A function's process was stopped, since nobody asked for it.
pub(crate) fn idle(function: &str, after: Duration) {
    line(&style("▼").dim(), function, &format!("stopped, idle for {after:?}"));
}

/// A function's process ended by itself.
pub(crate) fn crashed(function: &str, status: &str) {
    line(
        &style("✖").red(),
        function,
        &format!("ended by itself ({status}); the next request starts it again"),
    );
}

/// A function's process could not be started.
pub(crate) fn failed(function: &str, error: &StartError) {
    line(&style("✖").red(), function, &format!("did not start: {error}"));
}

/// A request took longer than its function may.
pub(crate) fn timed_out(function: &str, after: Duration) {
    line(&style("✖").red(), function, &format!("a request took longer than {after:?}"));
}

/// A line of a function's log: as it is when it is JSON, for programs; with the function's name for people.
pub(crate) fn log(function: &str, text: &str) {
    if text.starts_with('{') {
        print(text);
    } else {
        print(&format!("  {} {text}", style(format!("{function} │")).dim()));
    }
}

/// Stopping has begun.
pub(crate) fn stopping(what: &str) {
    print(&format!("  {} {what}", style("■").dim()));
}

fn line(mark: &dyn Display, function: &str, text: &str) {
    print(&format!("  {mark} {function} {}", style(text).dim()));
}
