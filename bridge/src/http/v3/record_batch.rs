//! Records of a request on their way into the log.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    report::{Reporter, Sizes},
    splitter::{NotAnObject, Splitter},
    wire::{self, Place, Unreadable},
};
use crate::{
    http::{Front, Refusal},
    log::{Appended, LogError, NewRecord},
};

/// Records that are appended together, and what every object that was read for them turned out to be.
#[derive(Default)]
pub(super) struct RecordBatch {
    records: Vec<NewRecord>,
    /// In the order of the request: the next of `records`, or why it is none.
    objects: Vec<Result<Sizes, Refusal>>,
    ended: bool,
}

impl RecordBatch {
    pub(super) fn with_capacity(records: usize) -> Self {
        Self { records: Vec::with_capacity(records), objects: Vec::with_capacity(records), ended: false }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// How many objects were read.
    pub(super) fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether nothing after this can be read.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Refuses what comes now and everything after it.
    pub(super) fn end_with(&mut self, refusal: Refusal) {
        self.objects.push(Err(refusal));
        self.ended = true;
    }

    /// Reads the complete objects that the splitter has. `now`, in milliseconds since the epoch, is the time of
    /// records that have none.
    pub(super) fn read(&mut self, splitter: &mut Splitter, now: i64) {
        while !self.ended {
            match splitter.next_object() {
                Ok(None) => return,
                Ok(Some(object)) => self.add(&object, Place::Stream, now),
                Err(NotAnObject) => {
                    self.end_with(Refusal::bad_request(
                        "Unexpected character: every record is a JSON object",
                    ));
                }
            }
        }
    }

    /// Notes that the splitter gets no more.
    pub(super) fn end_of_input(&mut self, splitter: &Splitter) {
        if !self.ended && splitter.pending() > 0 {
            self.end_with(Refusal::bad_request("Unexpected end-of-input: the last object is not complete"));
        }
    }

    /// Reads one object.
    pub(super) fn add(&mut self, object: &Bytes, place: Place, now: i64) {
        match wire::parse(object, place, now) {
            Ok(parsed) => {
                self.objects.push(Ok(Sizes::of(&parsed)));
                self.records.push(parsed.record);
            }
            Err(Unreadable::Refused(refusal)) => self.objects.push(Err(refusal)),
            Err(Unreadable::Malformed(refusal)) => self.end_with(refusal),
        }
    }
}

/// Appends records to one topic and reports on them.
pub(super) struct TopicAppender {
    pub(super) front: Arc<Front>,
    topic: String,
    pub(super) reporter: Reporter,
}

impl TopicAppender {
    pub(super) fn new(front: Arc<Front>, cluster: &str, topic: String) -> Self {
        let reporter = Reporter::new(cluster, &topic);
        Self { front, topic, reporter }
    }

    /// Appends the records; for every object, in order, where it is, or why it is nowhere.
    pub(super) async fn append(
        &self,
        batch: RecordBatch,
    ) -> impl Iterator<Item = Result<(Appended, Sizes), Refusal>> + use<> {
        let mut appended = self.front.append(&self.topic, batch.records).await.into_iter();
        batch.objects.into_iter().map(move |object| {
            let sizes = object?;
            // The log answers for every record.
            Ok((appended.next().unwrap_or(Err(LogError::Closed))?, sizes))
        })
    }

    /// Appends the records and writes the reports, one a line.
    pub(super) async fn append_and_report(&mut self, batch: RecordBatch) -> Vec<u8> {
        let mut reports = Vec::with_capacity(batch.len() * 224);
        for stored in self.append(batch).await {
            if !reports.is_empty() {
                reports.push(b'\n');
            }
            match stored {
                Ok((appended, sizes)) => {
                    reports.extend_from_slice(b"{\"error_code\":200,");
                    self.reporter.write_stored(&mut reports, &appended, sizes);
                }
                Err(refusal) => refusal.write(&mut reports),
            }
        }
        reports
    }
}
