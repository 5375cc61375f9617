//! A produce stream: the connection stays open, records are stored as they come, reports go back as they are
//! stored.

use axum::{
    body::{Body, BodyDataStream},
    response::Response,
};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use http_server::room::Held;
use tokio::time::Instant;

use super::{
    record_batch::{RecordBatch, TopicAppender},
    reports,
    splitter::Splitter,
};
use crate::http::Refusal;

/// Records that have arrived are stored together up to this many; a report is then due.
const TOGETHER: usize = 4_096;
/// The same in bytes.
const TOGETHER_BYTES: usize = 4 << 20;

/// A stream in progress.
struct ProduceStream {
    appender: TopicAppender,
    frames: BodyDataStream,
    splitter: Splitter,
    /// Memory for what has arrived and is not stored.
    room: Held,
    closes_at: Instant,
    ended: bool,
}

/// What comes next on a stream.
enum Next {
    Frame(Option<Result<Bytes, axum::Error>>),
    TooOld,
    Quiet,
    Stop,
}

/// Answers when there is something to report: an empty stream is refused as an empty body is.
pub(super) async fn produce(
    appender: TopicAppender,
    frames: BodyDataStream,
    room: Held,
) -> Result<Response, Refusal> {
    let closes_at = Instant::now() + appender.front.limits.max_stream_age;
    let mut stream =
        ProduceStream { appender, frames, splitter: Splitter::default(), room, closes_at, ended: false };
    let Some(first) = stream.next().await else { return Err(Refusal::empty_body()) };
    let rest = stream::unfold(stream, async |mut stream| Some((stream.next().await?, stream)));
    let all = stream::iter([first]).chain(rest.map(|mut reports| {
        reports.insert(0, b'\n');
        reports
    }));
    let body = all.map(|reports| Ok::<_, std::convert::Infallible>(Bytes::from(reports)));
    Ok(reports(Body::from_stream(body)))
}

impl ProduceStream {
    /// The reports of the records that come next; `None` at the end.
    async fn next(&mut self) -> Option<Vec<u8>> {
        let batch = self.gather().await;
        if batch.is_empty() {
            return None;
        }
        self.ended |= batch.has_ended();
        let reports = self.appender.append_and_report(batch).await;
        // What is left is the beginning of the next record: less is always free.
        let _ = self.room.resize(self.splitter.pending());
        Some(reports)
    }

    /// Waits for a record, then takes all that have arrived.
    async fn gather(&mut self) -> RecordBatch {
        let mut batch = RecordBatch::default();
        let mut gathered = self.splitter.pending();
        while !self.ended {
            let stop = self.appender.front.stop.clone();
            let idle = self.appender.front.limits.max_stream_idle;
            let arrived = self.frames.next().now_or_never();
            let next = match arrived {
                Some(frame) => Next::Frame(frame),
                // Nothing more has arrived: what is there is stored now.
                None if !batch.is_empty() => return batch,
                None => tokio::select! {
                    frame = self.frames.next() => Next::Frame(frame),
                    () = tokio::time::sleep(idle) => Next::Quiet,
                    () = tokio::time::sleep_until(self.closes_at) => Next::TooOld,
                    () = stop.cancelled() => Next::Stop,
                },
            };
            match next {
                Next::TooOld => {
                    let text =
                        "Streaming connection open for longer than allowed: Connection will be closed.";
                    batch.end_with(Refusal::new(408, 408, text));
                }
                Next::Quiet => {
                    let text = format!("nothing has come for {idle:?}, which is the limit max_stream_idle");
                    batch.end_with(Refusal::too_slow(text));
                }
                // What was not reported is unknown to the client, as when the connection breaks.
                Next::Stop => self.ended = true,
                Next::Frame(Some(Ok(frame))) => {
                    gathered += frame.len();
                    if let Err(full) = self.room.resize(gathered) {
                        batch.end_with(Refusal::no_room(full));
                        return batch;
                    }
                    self.splitter.push(frame);
                    batch.read(&mut self.splitter, self.appender.front.clock.now_millis());
                    self.check_pending(&mut batch);
                    if batch.is_empty() {
                        // Blanks are gone.
                        gathered = self.splitter.pending();
                    }
                }
                // The peer broke off; there is nobody to report to.
                Next::Frame(Some(Err(_))) => self.ended = true,
                Next::Frame(None) => {
                    self.ended = true;
                    batch.end_of_input(&self.splitter);
                }
            }
            let enough = batch.len() >= TOGETHER || gathered >= TOGETHER_BYTES;
            if batch.has_ended() || (enough && !batch.is_empty()) {
                break;
            }
        }
        batch
    }

    /// A record is never larger than its limit; its JSON form may be, but not without bound.
    fn check_pending(&self, batch: &mut RecordBatch) {
        let limit = self.appender.front.limits.max_record_bytes.saturating_mul(6).saturating_add(64 << 10);
        if !batch.has_ended() && self.splitter.pending() > limit {
            let limit = self.appender.front.limits.max_record_bytes;
            batch.end_with(Refusal::too_large(format!("the limit max_record_bytes is {limit} bytes")));
        }
    }
}
