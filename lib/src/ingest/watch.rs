//! Bodies that hold nothing readable: a connector that converts or joins records in a way that nobody reads would
//! otherwise drain a whole topic into the dead letters, and be answered 2xx.

use metrics::counter;

use domain::timestamp::Timestamp;

use super::NO_RECORD;
use crate::telemetry::{names, seldom::Seldom};

/// Watches the bodies that one door takes.
#[derive(Debug)]
pub(super) struct BodyWatch {
    /// Whose door it is: `worker` or `scheduler`.
    consumer: &'static str,
    warning: Seldom,
}

impl BodyWatch {
    /// A watch at the door of `consumer`. Its counter is there from the start, at zero.
    pub(super) fn new(consumer: &'static str) -> Self {
        counter!(names::UNREADABLE_BODIES, names::CONSUMER => consumer).increment(0);
        Self { consumer, warning: Seldom::once_a_minute() }
    }

    /// A body was read: it held so many events, and `reason` is why the first part could not be read that could not.
    /// Gives whether it held something and not a single event: that is counted, and told at most once a minute.
    pub(super) fn read(&self, body: &[u8], events: usize, reason: Option<&str>, now: Timestamp) -> bool {
        let empty = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'[' | b']');
        if events > 0 || (reason.is_none() && body.iter().all(empty)) {
            return false;
        }
        counter!(names::UNREADABLE_BODIES, names::CONSUMER => self.consumer).increment(1);
        if let Some(before) = self.warning.may_speak(now) {
            tracing::warn!(
                consumer = self.consumer,
                bytes = body.len(),
                reason = reason.unwrap_or(NO_RECORD),
                more = before,
                "a connector delivers bodies without a single readable event, and its topic drains into the dead \
                 letters: pause it, and compare its converters and its body's form with the files in connectors/"
            );
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_body_that_holds_something_and_no_event_is_noticed() {
        let watch = BodyWatch::new("worker");
        let now = Timestamp::from_millis(0);
        assert!(!watch.read(b" \n", 0, None, now) && !watch.read(b"[ ]\n", 0, None, now));
        assert!(!watch.read(b"[{},x]", 1, Some("x"), now), "one of them could be read");
        assert!(watch.read(b"x", 0, Some("not JSON"), now));
        assert!(watch.read(b";;;", 0, None, now), "nothing but separators");
    }
}
