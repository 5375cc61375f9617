//! Panics in the log: where one happened, and nothing of anybody's data.

use std::{
    any::Any,
    backtrace::{Backtrace, BacktraceStatus},
    panic::PanicHookInfo,
};

/// Has each panic of this process logged as one line, within the span in which it happened, instead of printed. To be
/// called by programs, once their log has been started.
pub fn log_panics() {
    std::panic::set_hook(Box::new(tell));
}

fn tell(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    let said = said(panic.payload());
    let trace = Backtrace::capture();
    // RUST_BACKTRACE asks for it.
    let backtrace = (trace.status() == BacktraceStatus::Captured).then(|| trace.to_string());
    tracing::error!(
        panic.place = place,
        panic.said = said,
        panic.thread = thread.name(),
        panic.backtrace = backtrace,
        "a panic at {place}, which is a bug of this program"
    );
}

/// What it said, if that stands in the program as it is: what was put together may hold anybody's data.
fn said(payload: &(dyn Any + Send)) -> Option<&'static str> {
    payload.downcast_ref::<&'static str>().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_the_program_is_repeated_and_one_that_was_put_together_is_not() {
        let caught = |work: fn()| std::panic::catch_unwind(work).unwrap_err();
        assert_eq!(said(&*caught(|| panic!("nothing is left"))), Some("nothing is left"));
        assert_eq!(said(&*caught(|| panic!("{} is left", std::process::id()))), None);
    }
}
