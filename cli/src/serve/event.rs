//! What happens with the functions. Those who do the work tell it, and do not know who shows it.

use std::{fmt::Display, time::Duration};

/// Something that happened with a function.
#[derive(Clone, Copy)]
pub(crate) enum Event<'a> {
    /// A process of it listens.
    Started {
        /// The process's number.
        pid: Option<u32>,
        /// From its start on.
        took: Duration,
    },
    /// Its process could not be started, and why.
    NotStarted(&'a dyn Display),
    /// Its process was stopped, since nobody had asked for it for so long.
    Idle(Duration),
    /// Its process ended by itself, and how.
    Crashed(&'a str),
    /// A request took longer than it may.
    TimedOut(Duration),
    /// A line of its log.
    Log(&'a str),
}

/// Who is told, with the function's path.
pub(crate) type Tell = fn(&str, Event<'_>);
