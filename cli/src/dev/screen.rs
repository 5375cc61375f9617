//! What `minireipaz dev` says on the terminal.

use std::time::{Duration, Instant};

use console::style;
use indicatif::{ProgressBar, ProgressStyle};

/// A part that is being started: a spinner, then a line that stays.
pub(crate) struct Starting {
    bar: ProgressBar,
    name: &'static str,
    since: Instant,
}

impl Starting {
    /// Begins.
    pub(crate) fn new(name: &'static str) -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(look) = ProgressStyle::with_template("  {spinner:.cyan} {prefix:<11} {msg:.dim}") {
            bar.set_style(look);
        }
        bar.set_prefix(name);
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar, name, since: Instant::now() }
    }

    /// Says what takes long.
    pub(crate) fn progress(&self, text: &str) {
        if self.bar.is_hidden() {
            println!("  … {:<11} {text}", self.name);
        } else {
            self.bar.set_message(text.to_owned());
        }
    }

    /// It runs.
    pub(crate) fn started(self, place: &str) {
        self.bar.finish_and_clear();
        let took = format!("{:.1} s", self.since.elapsed().as_secs_f64());
        println!("  {} {:<11} {place} {}", style("✔").green(), self.name, style(format!("· {took}")).dim());
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The headline.
pub(crate) fn hello() {
    println!("\n  {}\n", style("minireipaz dev").bold());
}

/// What to do next.
pub(crate) fn ready(functions: &str, data: &str, token: &str) {
    let dim = |text: &str| style(text.to_owned()).dim();
    println!(
        "\n  {} {functions}/api/v1   {}",
        style("Ready:").bold().green(),
        dim(&format!("data in {data}"))
    );
    println!(
        "\n  {}\n\n{token}\n",
        dim("A token for 30 days (also in the data folder, where the commands find it):")
    );
    println!("  Try it in another terminal:\n");
    for command in next_commands(functions, data) {
        println!("    {}", style(command).cyan());
    }
    println!("\n  {}\n", dim("Ctrl-C stops everything. Nothing is lost: the next start goes on."));
}

/// Commands that can be copied as they are, whatever the data folder is.
fn next_commands(functions: &str, data: &str) -> [String; 3] {
    let (before, after) = match data {
        ".dev" => (String::new(), String::new()),
        data => (format!("MINIREIPAZ_DATA={data} "), format!(" --data {data}")),
    };
    let example = "examples/price-watch";
    [
        format!("{before}make demo"),
        format!("target/debug/minireipaz run {example}/workflow.json --input @{example}/input.json{after}"),
        format!("curl -H \"Authorization: Bearer $(cat {data}/token)\" {functions}/api/v1/workflows"),
    ]
}

/// A line about something that went wrong and is being mended.
pub(crate) fn warning(text: &str) {
    println!("  {} {text}", style("!").yellow().bold());
}

/// A line about stopping.
pub(crate) fn stopping(what: &str) {
    println!("  {} {what}", style("■").dim());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_commands_name_the_data_folder_unless_it_is_the_usual_one() {
        let usual = next_commands("http://127.0.0.1:3000", ".dev");
        assert_eq!(usual[0], "make demo");
        assert!(usual[1].ends_with("--input @examples/price-watch/input.json"), "{}", usual[1]);
        let other = next_commands("http://127.0.0.1:3100", "/tmp/second");
        assert_eq!(other[0], "MINIREIPAZ_DATA=/tmp/second make demo");
        assert!(other[1].ends_with(" --data /tmp/second"), "{}", other[1]);
        assert!(other[2].contains("$(cat /tmp/second/token)"), "{}", other[2]);
    }
}
