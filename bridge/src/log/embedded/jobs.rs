//! What callers hand to the writer.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{
    chunk::{self, CHUNK_BYTES},
    topic::Topic,
};
use crate::log::{LogError, NewRecord, reservation::Reservation};

pub(super) type Reply<T> = oneshot::Sender<Result<T, LogError>>;

/// What the writer is asked to do.
pub(super) enum Job {
    Append(AppendJob),
    CreateTopic {
        name: Arc<str>,
        reply: Reply<Arc<Topic>>,
    },
    /// There are offsets to write, soon.
    OffsetsDirty,
    Close(Reply<()>),
}

/// Encoded records of one caller.
pub(super) struct AppendJob {
    pub(super) topic: Arc<Topic>,
    pub(super) segments: Vec<Segment>,
    /// Given back when the job is done.
    pub(super) room: Reservation,
    /// The base offset of each segment.
    pub(super) reply: Reply<Vec<u64>>,
}

/// Encoded records for one partition.
pub(super) struct Segment {
    pub(super) partition: u32,
    pub(super) count: u32,
    pub(super) encoded: Vec<u8>,
}

impl Segment {
    pub(super) fn bytes(&self) -> usize {
        self.encoded.len()
    }
}

/// Where a record of an append is: in which segment, at which place.
pub(super) struct Place {
    pub(super) segment: usize,
    pub(super) index: u32,
    pub(super) partition: u32,
}

/// Encodes the records that can be taken, by partition, and says for each where it is or why it is refused.
pub(super) fn encode(
    topic: &Topic,
    records: &[NewRecord],
    max_record_bytes: usize,
) -> (Vec<Segment>, Vec<Result<Place, LogError>>) {
    let mut segments: Vec<Segment> = Vec::new();
    let mut open: Vec<Option<usize>> = vec![None; topic.partitions.len()];
    let mut place = |record: &NewRecord| {
        let size = record.size();
        if size > max_record_bytes {
            return Err(LogError::TooLarge { size, limit: max_record_bytes });
        }
        let partition = topic.place(record)?;
        let current = &mut open[partition as usize];
        let segment = match *current {
            Some(segment) if segments[segment].encoded.len() + size <= CHUNK_BYTES => segment,
            _ => {
                segments.push(Segment { partition, count: 0, encoded: Vec::new() });
                segments.len() - 1
            }
        };
        *current = Some(segment);
        let into = &mut segments[segment];
        chunk::encode(record, &mut into.encoded);
        let index = into.count;
        into.count += 1;
        Ok(Place { segment, index, partition })
    };
    let placed = records.iter().map(&mut place).collect();
    (segments, placed)
}
