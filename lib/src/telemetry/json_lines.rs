//! Log lines for machines: one JSON object a line, with what the spans around an event say at its top level.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields, FormattedFields,
        format::{JsonFields, Writer},
        time::{FormatTime, SystemTime},
    },
    registry::LookupSpan,
};

/// Writes `time`, `level`, `target` and `message`, then the fields of the spans, then the event's own. Of fields with
/// the same name the innermost span's stays, and the event's before all: so `span_id` is where it happened.
pub(super) struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut own = Fields(Map::new());
        event.record(&mut own);
        let mut line = Map::new();
        line.insert("time".to_owned(), time.into());
        line.insert("level".to_owned(), event.metadata().level().as_str().into());
        line.insert("target".to_owned(), event.metadata().target().into());
        line.insert("message".to_owned(), own.0.shift_remove("message").unwrap_or_default());
        let mut add = |name: String, value| {
            if !matches!(name.as_str(), "time" | "level" | "target" | "message") {
                line.insert(name, value);
            }
        };
        for span in context.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            let extensions = span.extensions();
            let Some(fields) = extensions.get::<FormattedFields<JsonFields>>() else { continue };
            let fields: Map<String, Value> = serde_json::from_str(fields).unwrap_or_default();
            fields.into_iter().for_each(|(name, value)| add(name, value));
        }
        own.0.into_iter().for_each(|(name, value)| add(name, value));
        writeln!(writer, "{}", Value::Object(line))
    }
}

struct Fields(Map<String, Value>);

impl Fields {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().trim_start_matches("r#").to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    // What `Duration::as_millis` gives.
    fn record_u128(&mut self, field: &Field, value: u128) {
        match u64::try_from(value) {
            Ok(value) => self.add(field, value),
            Err(_) => self.add(field, value.to_string()),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = String::new();
        let _ = write!(text, "{value:?}");
        self.add(field, text);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::{fmt::MakeWriter, layer::SubscriberExt};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Lines {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    fn logged(log: impl FnOnce()) -> Vec<Value> {
        let lines = Lines::default();
        let layer = tracing_subscriber::fmt::layer()
            .event_format(JsonLines)
            .fmt_fields(JsonFields::new())
            .with_writer(lines.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_line_has_its_own_fields_and_those_of_its_spans_at_its_top_level() {
        let lines = logged(|| {
            let outer =
                tracing::info_span!("outer", trace_id = "t", span_id = "1", tenant = tracing::field::Empty);
            outer.record("tenant", "acme");
            let inner = tracing::info_span!(parent: &outer, "inner", span_id = "2", node.id = "fetch");
            tracing::warn!(parent: &inner, attempt = 3, late = true, ratio = 0.5, took_ms = 7_u128, "two\nlines of {}", "text");
        });
        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!(line["message"], "two\nlines of text");
        assert_eq!((&line["level"], &line["target"]), (&"WARN".into(), &module_path!().into()));
        assert!(line["time"].as_str().unwrap().ends_with('Z'), "{line}");
        assert_eq!((&line["trace_id"], &line["span_id"]), (&"t".into(), &"2".into()));
        assert_eq!((&line["tenant"], &line["node.id"]), (&"acme".into(), &"fetch".into()));
        assert_eq!(line["took_ms"], 7);
        assert_eq!((&line["attempt"], &line["late"], &line["ratio"]), (&3.into(), &true.into(), &0.5.into()));
    }

    #[test]
    fn what_is_reserved_cannot_be_overwritten() {
        let lines = logged(|| {
            let span = tracing::info_span!("span", level = "none");
            tracing::info!(parent: &span, target = "elsewhere", time = "never", "said");
        });
        assert_eq!(lines[0]["level"], "INFO");
        assert_eq!(lines[0]["target"], module_path!());
        assert_ne!(lines[0]["time"], "never");
        assert_eq!(lines[0]["message"], "said");
    }
}
