//! How slowly an answer may come.

use std::time::Duration;

use tokio::time::Instant;

/// The least that an answer brings until it is whole: so many bytes in each period. Without it a server that sends a
/// byte now and then would hold a place for as long as the node's time limit lets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateFloor {
    /// Bytes, as they come over the wire.
    pub bytes: usize,
    /// In this time.
    pub within: Duration,
}

/// 200 bytes in 20 s: a rate that downloaders give up at (Cargo's is 10 bytes a second too). What keeps connections
/// alive while an answer is being made comes before its head, or is more.
impl Default for RateFloor {
    fn default() -> Self {
        Self { bytes: 200, within: Duration::from_secs(20) }
    }
}

/// An answer that is coming.
#[derive(Debug)]
pub(crate) struct Pace {
    floor: RateFloor,
    until: Instant,
    came: usize,
}

impl Pace {
    pub(crate) fn new(floor: RateFloor, now: Instant) -> Self {
        Self { floor, until: now + floor.within, came: 0 }
    }

    /// When it will be too slow, if too little comes until then.
    pub(crate) const fn until(&self) -> Instant {
        self.until
    }

    /// Nobody looked for so long.
    pub(crate) fn waited(&mut self, time: Duration) {
        self.until += time;
    }

    pub(crate) fn came(&mut self, bytes: usize, now: Instant) {
        self.came += bytes;
        if self.came >= self.floor.bytes {
            (self.until, self.came) = (now + self.floor.within, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_given_anew_whenever_enough_has_come() {
        let floor = RateFloor { bytes: 100, within: Duration::from_secs(10) };
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut pace = Pace::new(floor, begin);
        pace.came(99, at(9));
        assert_eq!(pace.until(), at(10));
        pace.came(1, at(9));
        assert_eq!(pace.until(), at(19));
        pace.came(10, at(18));
        assert_eq!(pace.until(), at(19), "what came before counts once");
        pace.came(1_000, at(18));
        assert_eq!(pace.until(), at(28));
    }
}
