//! The engine, `QuickJS`, and where it runs: in child processes of this same program, since some of its builtins never
//! ask whether they may go on, and only the end of a process ends them.
//!
//! A step sends one message with all its expressions, its items and what else the expressions read, and gets one answer
//! with all values (`message`, `frame`). Children are kept and used again, but nothing of one message is there in the
//! next: the engine's memory is put back as it was when it was new (`engine`, `world`, `memory`). The items of one message
//! share the engine. They get fresh copies of their own data and frozen ones of others', and can add nothing to what
//! all share; but an author who overwrites a builtin has it so for the later items of that step.
//!
//! How long it takes is bounded four times. An expression has `JavaScriptLimits::time`: the engine stops it and it fails
//! alone; where the engine cannot, the child says so and ends (`watchdog`), and the step fails. After
//! `JavaScriptLimits::slice` the items that are left line up again, in another message, so that others get their turn.
//! At the attempt's deadline the worker ends the child. And a child that says nothing for far too long is ended too.
//! None of these steps is tried again.
//!
//! A child has no environment, no descriptor but its two pipes, and may open none (`confine`); it dies with the worker.
//! What it answers is checked as anything foreign is (`answer`).

mod answer;
mod child;
mod confine;
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
mod unevaluated;
mod values;
mod watchdog;
mod world;

pub use child::javascript_child;
pub use limits::JavaScriptLimits;
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
    rows: usize,
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
    answer::read(&serde_json::to_vec(&answer).map_err(|error| error.to_string())?, rows, columns)
}

/// The values of some expressions for one item, without a process.
#[cfg(test)]
pub(super) fn values_here(
    scope: &super::Scope,
    sources: &[std::sync::Arc<str>],
    item: usize,
    limits: JavaScriptLimits,
) -> Values {
    if sources.is_empty() {
        return Values::default();
    }
    let most = domain::limits::MAX_JAVASCRIPT_OUTPUT_BYTES;
    let request = request::request(scope, sources, &[item], most, false);
    let framed = frame::framed(&request, most).expect("a small request");
    let mut values = Values::of(sources);
    match answered_here(&framed, limits, 1, sources.len()) {
        Ok(answer::Told::Values { cells, .. }) => values.extend(&[item], cells),
        other => panic!("{other:?}"),
    }
    values
}
