//! Cold starts: from the start of a function's process to the end of its first answer, against a bare hyper program
//! that answers everything with two bytes. Part of `make bench`; `scripts/bench.sh cold-start` for itself.
//!
//! Each program is started in turn, round by round, so that a drift of the machine's speed hits all of them. They
//! have settings, so that the first answer includes putting the process's state together; nothing is reached.

mod bare;
mod start;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use minireipaz::http::routes::FUNCTIONS;
use start::Program;

const ROUNDS: usize = 30;

/// What stands for `{id}` in the functions' paths.
const ID: &str = "0197a000-0000-7000-8000-000000000000";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--bare", port, socket] => bare::serve(port.parse()?, Path::new(socket)).await,
        // `cargo test --benches` builds and starts this too; it has nothing to test.
        [.., "--bench"] => measure(arguments.first().filter(|first| !first.starts_with("--"))).await,
        _ => Ok(()),
    }
}

async fn measure(folder: Option<&String>) -> anyhow::Result<()> {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release");
    let folder = folder.map_or(built, PathBuf::from);
    let mut programs = vec![Program::bare()?];
    for function in FUNCTIONS {
        let (name, path) = (function.program, function.path.replace("{id}", ID));
        let program = Program::function(&folder, name, path).with_context(|| {
            format!("{} is not there: cargo build --release -p api-service", folder.join(name).display())
        })?;
        programs.push(program);
    }
    println!("\nCold start to the first answer, {ROUNDS} starts each, programs of {}\n", folder.display());
    let mut taken = vec![Vec::with_capacity(ROUNDS); programs.len()];
    for round in 0..=ROUNDS {
        for (program, taken) in programs.iter().zip(&mut taken) {
            let start = program.start().await.with_context(|| program.name.clone())?;
            // The first round brings the programs into the page cache.
            if round > 0 {
                taken.push(start);
            }
        }
    }
    print(&programs, taken);
    Ok(())
}

fn print(programs: &[Program], mut taken: Vec<Vec<Duration>>) {
    println!("  {:<20} {:>9} {:>9} {:>8} {:>10}", "program", "p50", "p90", "× bare", "size");
    for taken in &mut taken {
        taken.sort_unstable();
    }
    let ms = |taken: &[Duration], share: usize| {
        taken.get((taken.len() - 1) * share / 100).map_or(f64::NAN, |taken| taken.as_secs_f64() * 1e3)
    };
    let bare = ms(&taken[0], 50);
    for (program, taken) in programs.iter().zip(&taken) {
        let (p50, p90) = (ms(taken, 50), ms(taken, 90));
        println!(
            "  {:<20} {p50:>6.1} ms {p90:>6.1} ms {:>8.1} {:>7.1} MB",
            program.name,
            p50 / bare,
            program.megabytes
        );
    }
}
