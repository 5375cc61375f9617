//! How tests wait: for something that becomes so, and for something that ends; both with a time limit, so that a test
//! that waits in vain says for what. And what a connector does to records.

mod converter;

pub use converter::converted;

use std::time::{Duration, Instant};

/// How long a test waits unless it says otherwise: far longer than anything takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// What a look at something gives: `true` or `Some` when it has become what it should be.
pub trait Look {
    /// What was waited for.
    type Found;
    /// It, if it is there already.
    fn found(self) -> Option<Self::Found>;
}

impl Look for bool {
    type Found = ();

    fn found(self) -> Option<()> {
        self.then_some(())
    }
}

impl<T> Look for Option<T> {
    type Found = T;

    fn found(self) -> Self {
        self
    }
}

/// Looks again and again until `look` gives `true` or `Some`; gives what was found.
///
/// # Panics
/// When it has not within [`PATIENCE`]; `what` says what was waited for, such as `the run ends`.
pub async fn eventually<L: Look>(what: &str, look: impl AsyncFnMut() -> L) -> L::Found {
    eventually_within(PATIENCE, what, look).await
}

/// [`eventually`] with another time limit. It is the machine's time, also where tokio's is paused.
///
/// # Panics
/// When it has not become so within the limit.
pub async fn eventually_within<L: Look>(
    limit: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> L,
) -> L::Found {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await.found() {
            return found;
        }
        assert!(begun.elapsed() < limit, "{what}: not within {limit:?}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Waits for the end of something that must not take long; gives what came of it.
///
/// # Panics
/// When it has not ended within [`PATIENCE`]; `what` says what was waited for.
pub async fn soon<T>(what: &str, is: impl Future<Output = T>) -> T {
    let ended = tokio::time::timeout(PATIENCE, is).await;
    ended.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_looked_for_is_given_as_soon_as_it_is_there() {
        let mut looks = 0;
        let third = eventually("the third look", async || {
            looks += 1;
            (looks == 3).then_some(looks)
        });
        assert_eq!(third.await, 3);
        eventually("something that is so already", async || true).await;
    }

    #[tokio::test]
    #[should_panic(expected = "pigs fly: not within 10ms")]
    async fn a_wait_in_vain_says_for_what() {
        eventually_within(Duration::from_millis(10), "pigs fly", async || false).await;
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "the end: not within 60s")]
    async fn what_never_ends_is_not_waited_for_without_end() {
        soon("the end", std::future::pending::<()>()).await;
    }
}
