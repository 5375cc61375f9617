//! What `minireipaz serve` says: a line for each thing that happens, and the functions' own logs.

use std::fmt::Display;

use console::style;

use super::{deployment::Deployment, event::Event};
use crate::display::print;

/// What is served, and where.
pub(crate) fn ready(address: &str, what: &Deployment, tied: bool) {
    print(&format!("\n  {}\n", style("minireipaz serve").bold()));
    let (functions, files, routes) = (what.functions.len(), what.files.len(), what.table.len());
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

/// What has happened with a function.
pub(crate) fn show(function: &str, event: Event<'_>) {
    match event {
        Event::Started { pid, took } => {
            let pid = pid.map(|pid| format!(" · pid {pid}")).unwrap_or_default();
            line(&style("▲").green(), function, &format!("started in {} ms{pid}", took.as_millis()));
        }
        Event::NotStarted(why) => failure(function, &format!("did not start: {why}")),
        Event::Idle(after) => line(&style("▼").dim(), function, &format!("stopped, idle for {after:?}")),
        Event::Crashed(how) => {
            failure(function, &format!("ended by itself ({how}); the next request starts it again"));
        }
        Event::TimedOut(after) => failure(function, &format!("a request took longer than {after:?}")),
        Event::Log(text) => log(function, text),
    }
}

/// Stopping has begun.
pub(crate) fn stopping(what: &str) {
    print(&format!("  {} {what}", style("■").dim()));
}

/// As it is when it is JSON, for programs; with the function's name for people.
fn log(function: &str, text: &str) {
    if text.starts_with('{') {
        print(text);
    } else {
        print(&format!("  {} {text}", style(format!("{function} │")).dim()));
    }
}

fn failure(function: &str, text: &str) {
    line(&style("✖").red(), function, text);
}

fn line(mark: &dyn Display, function: &str, text: &str) {
    print(&format!("  {mark} {function} {}", style(text).dim()));
}
