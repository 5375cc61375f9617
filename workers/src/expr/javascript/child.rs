//! The child process: reads requests from its standard input and answers them on its standard output, until there are
//! no more.

use std::{
    io::{self, Write},
    panic::AssertUnwindSafe,
    process::ExitCode,
    time::Duration,
};

use domain::limits::MAX_JAVASCRIPT_INPUT_BYTES;
use serde::Serialize;

use super::{
    ANSWER_BYTES, JavaScriptLimits, confine,
    engine::Engine,
    frame,
    host::Json,
    message::{Answer, Request, longest},
    watchdog::Watchdog,
};

/// Requests that a child answers before another takes its place: whatever it may have gathered is bounded.
const MAX_REQUESTS: u32 = 1_000;

/// What a child may compute beside its expressions.
const AROUND: Duration = Duration::from_secs(10);

/// The first argument of a process that is a child.
pub(super) const SUBCOMMAND: &str = "javascript-child";

/// Whether this process was started to be a child.
pub(super) fn is_child() -> bool {
    std::env::args_os().nth(1).is_some_and(|argument| argument == SUBCOMMAND)
}

/// What a program does first that runs a worker: if the worker has started it again to evaluate JavaScript, it does so
/// until it is no longer needed, and gives its exit code.
#[must_use]
pub fn javascript_child() -> Option<ExitCode> {
    is_child().then(|| match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let why = match error.kind() {
                // A reader of JSON may quote what it read.
                io::ErrorKind::InvalidData => "it cannot read what it was sent".to_owned(),
                _ => error.to_string(),
            };
            // Nobody listens any more if this fails.
            let _ = say(&Answer::<Json>::Failed(why));
            ExitCode::FAILURE
        }
    })
}

fn serve() -> io::Result<()> {
    confine::begin()?;
    let mut input = io::stdin().lock();
    let Some(limits) = frame::read(&mut input, MAX_JAVASCRIPT_INPUT_BYTES)? else { return Ok(()) };
    let limits: JavaScriptLimits = serde_json::from_slice(&limits)?;
    let watchdog = Watchdog::start(|source| {
        // Nobody listens any more if this fails.
        let _ = say(&Answer::<Json>::Stuck { source });
        std::process::exit(1);
    })?;
    confine::confine(limits)?;
    let mut engine = Engine::new(limits);
    for count in 1..=MAX_REQUESTS {
        engine.prepare();
        let Some(request) = frame::read(&mut input, MAX_JAVASCRIPT_INPUT_BYTES)? else { break };
        let mut answer = answer(&mut engine, &request, limits, &watchdog)?;
        match &mut answer {
            Answer::Values { retire, .. } => *retire |= count == MAX_REQUESTS,
            Answer::Stuck { .. } | Answer::Failed(_) => return watchdog.speak(|| say(&answer)),
        }
        watchdog.speak(|| say(&answer))?;
    }
    Ok(())
}

fn answer(
    engine: &mut Engine,
    request: &[u8],
    limits: JavaScriptLimits,
    watchdog: &Watchdog,
) -> io::Result<Answer<Json>> {
    let request: Request<Json> = serde_json::from_slice(request)?;
    confine::allow(longest(limits, request.form).saturating_add(AROUND))?;
    let time = request.form.time(limits);
    let mut progress = |source| watchdog.at(source, time);
    let answered = std::panic::catch_unwind(AssertUnwindSafe(|| engine.answer(request, &mut progress)));
    Ok(answered.unwrap_or_else(|_| Answer::Failed("it panicked, which is a bug of the worker".to_owned())))
}

fn say(answer: &impl Serialize) -> io::Result<()> {
    let bytes = frame::framed(answer, ANSWER_BYTES).map_err(|_| io::ErrorKind::FileTooLarge)?;
    Output.write_all(&bytes)
}

/// The standard output without the buffer that looks for lines.
struct Output;

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(nix::unistd::write(io::stdout(), bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
