//! W3C trace context: the header `traceparent`, <https://www.w3.org/TR/trace-context/>.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The header of HTTP requests, and the extension of events, that carries it.
pub const TRACEPARENT: &str = "traceparent";

/// A span of a trace: which trace something belongs to, and which of its spans it is or was caused by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    flags: u8,
}

/// The flag that says that the trace is recorded.
const SAMPLED: u8 = 1;

impl TraceContext {
    /// A new trace, made of random numbers: arguments, so that this stays pure.
    #[must_use]
    pub fn start(trace: u128, span: u64) -> Self {
        // Zero is not an id.
        Self { trace_id: trace.max(1), span_id: span.max(1), flags: SAMPLED }
    }

    /// The same trace, one cause further: `span` is the random id of what happens now.
    #[must_use]
    pub fn child(self, span: u64) -> Self {
        Self { span_id: span.max(1), ..self }
    }

    /// The trace's id, as logs show it: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(self) -> String {
        format!("{:032x}", self.trace_id)
    }

    /// The span's id, as logs show it: 16 hexadecimal digits.
    #[must_use]
    pub fn span_id(self) -> String {
        format!("{:016x}", self.span_id)
    }
}

/// As version 00 writes it.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trace_id, span_id, flags } = self;
        write!(f, "00-{trace_id:032x}-{span_id:016x}-{flags:02x}")
    }
}

impl Serialize for TraceContext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TraceContext {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A text that is not a `traceparent`. Such a one is ignored, never answered with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a W3C traceparent")]
pub struct NotATraceparent;

impl FromStr for TraceContext {
    type Err = NotATraceparent;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or(NotATraceparent)
    }
}

fn parse(text: &str) -> Option<TraceContext> {
    let mut parts = text.split('-');
    let version = hex(parts.next()?, 2)?;
    let (trace_id, span_id) = (hex(parts.next()?, 32)?, hex(parts.next()?, 16)?);
    let flags = hex(parts.next()?, 2)?;
    // Versions to come may add parts; 00 has none, and ff is forbidden.
    let allowed = version != 0xff && (version != 0 || parts.next().is_none());
    (allowed && trace_id != 0 && span_id != 0).then_some(TraceContext {
        trace_id,
        span_id: u64::try_from(span_id).ok()?,
        flags: u8::try_from(flags).ok()?,
    })
}

fn hex(text: &str, length: usize) -> Option<u128> {
    let lower_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if text.len() != length || !lower_hex {
        return None;
    }
    u128::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_child_stays_in_its_trace() {
        let parent: TraceContext = EXAMPLE.parse().unwrap();
        assert_eq!(parent.child(0xab).to_string(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00000000000000ab-01");
        let child = parent.child(7);
        assert_eq!(child.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(child.span_id(), "0000000000000007");
    }

    #[test]
    fn later_versions_are_read_as_far_as_they_are_known() {
        let later = EXAMPLE.replacen("00", "cc", 1);
        for text in [later.clone(), format!("{later}-what-comes")] {
            assert_eq!(text.parse::<TraceContext>().unwrap().to_string(), EXAMPLE);
        }
    }

    #[test]
    fn what_the_standard_forbids_is_ignored() {
        for text in [
            "",
            "00",
            &EXAMPLE[..54],
            &format!("{EXAMPLE}-more"),
            &EXAMPLE.replacen("00", "ff", 1),
            &EXAMPLE.to_uppercase(),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(text.parse::<TraceContext>(), Err(NotATraceparent), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(trace: u128, span: u64) {
            let context = TraceContext::start(trace, span);
            prop_assert_eq!(context.to_string().parse(), Ok(context));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = text.parse::<TraceContext>();
        }
    }
}
