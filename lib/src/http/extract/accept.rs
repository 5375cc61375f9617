//! What a client wants to get: the header `Accept` (RFC 9110, section 12.5.1).

use http::{HeaderMap, header};

/// A range of media types in the header, with its weight in thousandths.
struct Range<'h> {
    kind: &'h str,
    weight: u32,
}

/// Whether a client wants a stream of events rather than JSON. When it says the same of both, the one that it names.
pub(super) fn wants_stream(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<_> = values.flat_map(|value| value.split(',')).map(Range::read).collect();
    let (stream, json) = (weight(&ranges, "text/event-stream"), weight(&ranges, "application/json"));
    let named = ranges.iter().any(|range| range.kind.eq_ignore_ascii_case("text/event-stream"));
    stream > json || (stream == json && stream > 0 && named)
}

impl<'h> Range<'h> {
    fn read(text: &'h str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let mut named = parts.filter_map(|parameter| parameter.split_once('='));
        let weight = named.find(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
        Self { kind, weight: weight.map_or(1_000, |(_, q)| thousandths(q)) }
    }

    /// How exactly it fits that media type; `None`: not at all.
    fn fit(&self, kind: &str) -> Option<u8> {
        match self.kind.split_once('/')? {
            ("*", "*") => Some(0),
            (group, "*") => kind.split_once('/')?.0.eq_ignore_ascii_case(group).then_some(1),
            _ => self.kind.eq_ignore_ascii_case(kind).then_some(2),
        }
    }
}

/// What the range that fits best says of a media type; 0: it is not wanted.
fn weight(ranges: &[Range<'_>], kind: &str) -> u32 {
    let fitting = ranges.iter().filter_map(|range| Some((range.fit(kind)?, range.weight)));
    fitting.max().map_or(0, |(_, weight)| weight)
}

/// A weight from `0` to `1.000`; what cannot be read is as if it were not there.
fn thousandths(q: &str) -> u32 {
    match q.trim().parse::<f64>() {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1,000")]
        Ok(q) if (0.0..=1.0).contains(&q) => (q * 1_000.0).round() as u32,
        _ => 1_000,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_stream_is_wanted_when_it_is_named_and_nothing_is_wanted_more() {
        for (accept, wanted) in [
            ("text/event-stream", true),
            ("Text/Event-Stream", true),
            ("text/event-stream, */*", true),
            ("text/event-stream; charset=utf-8, application/json", true),
            ("application/json;q=0.5, text/event-stream", true),
            ("text/*", true),
            ("text/event-stream;q=0, application/json", false),
            ("text/event-stream; Q=0.0", false),
            ("*/*, text/event-stream;q=0", false),
            ("text/event-stream;q=0.2, application/json", false),
            ("application/json", false),
            ("*/*", false),
            ("text/event-stream-like", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(wants_stream(&headers), wanted, "{accept}");
        }
        let mut headers = HeaderMap::new();
        assert!(!wants_stream(&headers));
        headers.append(header::ACCEPT, HeaderValue::from_static("application/json;q=0.1"));
        headers.append(header::ACCEPT, HeaderValue::from_static("text/event-stream;q=0.3"));
        assert!(wants_stream(&headers), "several headers are one list");
    }
}
