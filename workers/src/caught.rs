//! Work that may panic, which is a bug of the worker, and may not take others down with it.

use std::{
    fmt::Display,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// It panicked. What it said may hold anybody's data and is nobody's; the log says where it was
/// ([`minireipaz::telemetry::log_panics`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the worker's own code panicked over it, which is a bug of the worker; its log says where")]
pub(crate) struct Panicked;

/// Does it. Who is told that it panicked drops all that it may have left half done.
///
/// # Errors
/// When it panicked.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| Panicked)
}

/// Reads something that may make its reader panic: then it cannot be read.
///
/// # Errors
/// In words, when it cannot be read.
pub(crate) fn read_caught<T, E: Display>(read: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    match caught(read) {
        Ok(read) => read.map_err(|error| error.to_string()),
        Err(panicked) => Err(panicked.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_is_told_of_a_panic_as_of_an_error_and_of_nothing_that_it_said() {
        assert_eq!(read_caught(|| Ok::<_, String>(1)), Ok(1));
        assert_eq!(read_caught(|| Err::<(), _>("no number")), Err("no number".to_owned()));
        let panicked = read_caught(|| -> Result<(), String> { panic!("a secret") }).unwrap_err();
        assert!(panicked.contains("a bug of the worker") && !panicked.contains("secret"), "{panicked}");
    }
}
