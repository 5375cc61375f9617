//! The engine, `QuickJS`, and where it runs: in child processes of this same program, since some of its builtins never
//! ask whether they may go on, and only the end of a process ends them.
//!
//! A step sends one message with all its expressions, its items and what else the expressions read, and gets one answer
//! with all values (`message`, `frame`). Children are kept and used again, but nothing of one message is there in the
//! next: the engine's memory is put back as it was when it was new (`engine`, `world`, `memory`). The items of one message
//! share the engine. They get fresh copies of their own data and frozen ones of others', and can add hardly
//! anything to what all share; but what an author overwrites of a builtin is so for the later items of that message.
//!
//! How long it takes is bounded four times. An expression has `JavaScriptLimits::time`: the engine stops it and it fails
//! alone; where the engine cannot, the child says so and ends (`watchdog`), and the step fails. After
//! `JavaScriptLimits::slice` what is left lines up again, in another message, so that others get their turn.
//! At the attempt's deadline the worker ends the child. And a child that says nothing for far too long is ended too.
//! None of these steps is tried again.
//!
//! A child has no environment, no descriptor but its two pipes, and may open none (`confine`); it dies with the worker.
//! What it answers is checked as anything foreign is (`answer`).

mod answer;
mod child;
mod compile;
mod confine;
mod console;
mod engine;
mod frame;
mod host;
mod limits;
mod memory;
mod message;
mod pool;
mod process;
mod reads;
mod request;
mod result;
mod service;
mod tools;
mod unevaluated;
mod values;
mod watchdog;
mod world;

pub use child::javascript_child;
pub use limits::JavaScriptLimits;
pub(crate) use message::Form;
pub(super) use reads::reads_nodes;
pub(crate) use service::{Ask, JavaScript};
pub(crate) use unevaluated::Unevaluated;
pub(crate) use values::Values;

/// Largest answer of a child: values within `MAX_JAVASCRIPT_OUTPUT_BYTES`, and what errors say.
const ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// What a child would answer, that has answered what this thread asked before.
#[cfg(test)]
fn answered_here(
    framed: &[u8],
    limits: JavaScriptLimits,
    asked: usize,
    columns: usize,
) -> Result<answer::Told, String> {
    let request = serde_json::from_slice(&framed[frame::HEAD..]).map_err(|error| error.to_string())?;
    thread_local! {
        static CHILD: std::cell::RefCell<Option<(JavaScriptLimits, engine::Engine)>> = const { std::cell::RefCell::new(None) };
    }
    let answer = CHILD.with_borrow_mut(|child| {
        if child.as_ref().is_none_or(|(its, _)| *its != limits) {
            *child = Some((limits, engine::Engine::new(limits)));
        }
        let (_, engine) = child.as_mut().expect("it was put there");
        engine.prepare();
        engine.answer(request, &mut |_| {})
    });
    answer::read(&serde_json::to_vec(&answer).map_err(|error| error.to_string())?, asked, columns)
}

/// The values of some expressions for one item, without a process.
#[cfg(test)]
pub(super) fn values_here(
    scope: &super::Scope,
    sources: &[std::sync::Arc<str>],
    item: usize,
    limits: JavaScriptLimits,
) -> Values {
    values_and_messages(scope, sources, item, limits).0
}

/// The same, and how many messages it took.
#[cfg(test)]
pub(super) fn values_and_messages(
    scope: &super::Scope,
    sources: &[std::sync::Arc<str>],
    item: usize,
    limits: JavaScriptLimits,
) -> (Values, usize) {
    if sources.is_empty() {
        return (Values::default(), 0);
    }
    let most = domain::limits::MAX_JAVASCRIPT_OUTPUT_BYTES;
    let (mut values, mut messages) = (Values::of(sources), 0);
    while values.items() == 0 {
        messages += 1;
        let from = values.begun();
        let request = request::request(scope, (Form::Expression, sources), &[item], from, most, false);
        let framed = frame::framed(&request, most).expect("a small request");
        match answered_here(&framed, limits, sources.len() - from, sources.len()) {
            Ok(answer::Told::Values { cells, ended, console, .. }) => {
                values.extend(&[item], cells, ended);
                values.say(console);
            }
            other => panic!("{other:?}"),
        }
    }
    (values, messages)
}
