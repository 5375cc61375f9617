//! What one commit writes: every segment gets its offset, the segments of a partition are joined to chunks.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    chunk::{CHUNK_BYTES, Chunk},
    jobs::{AppendJob, Segment},
    tables::Extent,
    topic::Topic,
};

/// New chunks of one partition.
pub(super) struct Planned {
    pub(super) topic: Arc<Topic>,
    pub(super) partition: u32,
    pub(super) chunks: Vec<Chunk>,
}

/// The chunks of all `appends`, and the base offset of each segment of each append.
pub(super) fn plan(appends: &[AppendJob], now: i64) -> (Vec<Planned>, Vec<Vec<u64>>) {
    let mut building: BTreeMap<(u32, u32), Building<'_>> = BTreeMap::new();
    let mut bases = Vec::with_capacity(appends.len());
    for job in appends {
        let mut job_bases = Vec::with_capacity(job.segments.len());
        for segment in &job.segments {
            let key = (job.topic.id, segment.partition);
            let start = || Building::new(job.topic.clone(), segment.partition, now);
            job_bases.push(building.entry(key).or_insert_with(start).add(segment));
        }
        bases.push(job_bases);
    }
    (building.into_values().map(Building::finish).collect(), bases)
}

struct Building<'a> {
    planned: Planned,
    now: i64,
    extent: Extent,
    open: Vec<&'a [u8]>,
    open_count: u32,
    open_bytes: usize,
}

impl<'a> Building<'a> {
    fn new(topic: Arc<Topic>, partition: u32, now: i64) -> Self {
        let extent = topic.partition(partition).map(super::topic::Partition::extent).unwrap_or_default();
        let planned = Planned { topic, partition, chunks: Vec::new() };
        Self { planned, now, extent, open: Vec::new(), open_count: 0, open_bytes: 0 }
    }

    /// Adds a segment, gives its base offset.
    fn add(&mut self, segment: &'a Segment) -> u64 {
        if self.open_bytes + segment.bytes() > CHUNK_BYTES {
            self.close();
        }
        let base = self.extent.next + u64::from(self.open_count);
        self.open.push(&segment.encoded);
        self.open_count += segment.count;
        self.open_bytes += segment.bytes();
        base
    }

    fn close(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let chunk = Chunk::build(self.extent.next, self.open_count, self.now, self.extent.total, &self.open);
        self.extent = Extent { next: chunk.end(), total: chunk.running_total, ..self.extent };
        self.planned.chunks.push(chunk);
        self.open.clear();
        (self.open_count, self.open_bytes) = (0, 0);
    }

    fn finish(mut self) -> Planned {
        self.close();
        self.planned
    }
}
