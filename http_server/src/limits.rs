//! How long those who connect may take, and how many may be there.

use std::time::Duration;

use crate::descriptors;

/// What a server allows.
#[derive(Debug, Clone)]
pub struct ServerLimits {
    /// Connections at a time: 4,096, and never more than a quarter of the files that the process may have open.
    pub connections: usize,
    /// Time for a request's head, from its first byte on; for the first one from the connection on. 20 s, as
    /// Apache's `mod_reqtimeout`.
    pub head: Duration,
    /// Largest head, in bytes: 64 KiB. A larger one is answered with 431.
    pub head_bytes: usize,
    /// How long a connection is kept between two requests: 75 s, as nginx does. Longer than a client of ours keeps
    /// it (50 s) or a common balancer (60 s), so that they close first and no request meets a closing connection.
    pub idle: Duration,
    /// How fast a body has to come.
    pub body: BodyPace,
    /// How long the reader of an answer may take nothing while there is something for it: 60 s. How long the answer
    /// itself takes is the handler's business: long polls and event streams are not cut.
    pub stalled: Duration,
    /// How long a client may go on sending what nobody reads after it was answered, and what it has begun when the
    /// server stops: 2 s.
    pub closing: Duration,
}

impl ServerLimits {
    /// How many connections there may be in this process: other files of it are open too (calls, the journal, other
    /// servers).
    #[must_use]
    pub fn connections_here(&self) -> usize {
        self.connections.min(descriptors::raise() / 4).max(1)
    }
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            connections: 4_096,
            head: Duration::from_secs(20),
            head_bytes: 64 << 10,
            idle: Duration::from_secs(75),
            body: BodyPace::default(),
            stalled: Duration::from_secs(60),
            closing: Duration::from_secs(2),
        }
    }
}

/// How fast a body has to come. Time counts from when the server first has to wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyPace {
    /// So long it may take, however little comes: 10 s.
    pub grace: Duration,
    /// After that, it has to have sent this many bytes for each further second: 8 KiB.
    pub bytes_per_second: u32,
    /// The whole body has to be there by then: 2 min.
    pub total: Duration,
}

impl Default for BodyPace {
    fn default() -> Self {
        Self { grace: Duration::from_secs(10), bytes_per_second: 8 << 10, total: Duration::from_secs(120) }
    }
}

impl BodyPace {
    /// How long a body may have taken of which that much is there.
    pub(crate) fn allows(&self, received: u64) -> Duration {
        let earned =
            Duration::from_millis(received.saturating_mul(1_000) / u64::from(self.bytes_per_second.max(1)));
        self.grace.saturating_add(earned).min(self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_buys_time_up_to_the_deadline() {
        let pace = BodyPace {
            grace: Duration::from_secs(10),
            bytes_per_second: 100,
            total: Duration::from_secs(20),
        };
        for (received, seconds) in [(0, 10.0), (50, 10.5), (100, 11.0), (1_000, 20.0), (u64::MAX, 20.0)] {
            assert_eq!(pace.allows(received), Duration::from_secs_f64(seconds), "{received}");
        }
        let never = BodyPace { bytes_per_second: 0, ..pace };
        assert_eq!(never.allows(0), pace.grace, "a rate of nothing is one of a byte a second");
    }
}
