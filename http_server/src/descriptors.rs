//! How many files this process may have open: each connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Lets the process have as many as it is allowed to ask for, and says how many that is. (The soft limit is often
/// 1,024 for the sake of `select`, which nothing here uses; the Go runtime raises it, too.)
pub(crate) fn raise() -> usize {
    /// Enough for everything here, and not so much that a child that closes all of them takes seconds.
    const ENOUGH: u64 = 65_536;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(ENOUGH).min(ENOUGH);
    let Some(now) = current.filter(|current| *current < wanted) else {
        return usize::try_from(current.unwrap_or(ENOUGH)).unwrap_or(usize::MAX);
    };
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
    usize::try_from(if raised.is_ok() { wanted } else { now }).unwrap_or(usize::MAX)
}
