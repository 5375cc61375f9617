//! Pauses between attempts at what must succeed in the end.

use std::time::Duration;

use backon::ExponentialBuilder;

/// Pauses that double from the first to the longest, for ever.
pub(crate) const fn doubling(first: Duration, longest: Duration) -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_factor(2.0)
        .with_min_delay(first)
        .with_max_delay(longest)
        .without_max_times()
}
