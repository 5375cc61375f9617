//! Chunks: the unit in which records are stored and kept in memory. A chunk holds consecutive records of one
//! partition; its key in the table is the offset of the first. The same bytes are on disk and in the tail.

use bytes::{Buf, BufMut, Bytes, TryGetError};

use crate::log::{Header, LogError, NewRecord, Record};

/// Format version, first byte of a stored chunk.
const VERSION: u8 = 1;
/// Bytes before the first record: version, append time, running total, count.
const HEADER_BYTES: usize = 1 + 8 + 8 + 4;
/// A chunk is closed when it has this many bytes: what a read has to skip stays small.
pub(super) const CHUNK_BYTES: usize = 256 * 1024;

const HAS_KEY: u8 = 1;
const HAS_VALUE: u8 = 2;
const HAS_HEADERS: u8 = 4;
const IS_JSON: u8 = 8;

/// Consecutive records of one partition.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    /// Offset of the first record.
    pub(super) base: u64,
    /// How many records.
    pub(super) count: u32,
    /// When it was written, milliseconds since the epoch; what retention goes by.
    pub(super) appended_at: i64,
    /// Stored bytes of the partition since its beginning, this chunk included: the difference of two of them is
    /// what lies between, so that nobody has to walk the file to know its size.
    pub(super) running_total: u64,
    /// The stored form.
    stored: Bytes,
}

/// What retention asks of a stored chunk, read without its records.
pub(super) struct Head {
    pub(super) base: u64,
    pub(super) end: u64,
    pub(super) appended_at: i64,
    pub(super) bytes: u64,
}

impl Head {
    /// The head of the chunk that was stored as `stored` at `base`.
    pub(super) fn parse(base: u64, stored: &[u8]) -> Result<Self, LogError> {
        let head = Bytes::copy_from_slice(&stored[..HEADER_BYTES.min(stored.len())]);
        let Chunk { appended_at, count, .. } = Chunk::parse(base, head)?;
        Ok(Self { base, end: base + u64::from(count), appended_at, bytes: stored.len() as u64 })
    }
}

impl Chunk {
    /// A chunk of `count` encoded records at `base`.
    pub(super) fn build(
        base: u64,
        count: u32,
        appended_at: i64,
        total_before: u64,
        records: &[&[u8]],
    ) -> Self {
        let bytes: usize = HEADER_BYTES + records.iter().map(|r| r.len()).sum::<usize>();
        let running_total = total_before + bytes as u64;
        let mut stored = Vec::with_capacity(bytes);
        stored.put_u8(VERSION);
        stored.put_i64_le(appended_at);
        stored.put_u64_le(running_total);
        stored.put_u32_le(count);
        for segment in records {
            stored.extend_from_slice(segment);
        }
        Self { base, count, appended_at, running_total, stored: stored.into() }
    }

    /// The chunk that was stored as `stored` at `base`.
    pub(super) fn parse(base: u64, stored: Bytes) -> Result<Self, LogError> {
        let mut header = stored.clone();
        let mut read = || -> Result<(u8, i64, u64, u32), TryGetError> {
            Ok((
                header.try_get_u8()?,
                header.try_get_i64_le()?,
                header.try_get_u64_le()?,
                header.try_get_u32_le()?,
            ))
        };
        match read() {
            Ok((VERSION, appended_at, running_total, count)) => {
                Ok(Self { base, count, appended_at, running_total, stored })
            }
            Ok((version, ..)) => Err(corrupt(base, &format!("unknown version {version}"))),
            Err(error) => Err(corrupt(base, &error.to_string())),
        }
    }

    /// The offset after the last record.
    pub(super) fn end(&self) -> u64 {
        self.base + u64::from(self.count)
    }

    /// The stored form.
    pub(super) fn stored(&self) -> &Bytes {
        &self.stored
    }

    /// Passes the records from offset `from` on to `take` until it says stop (`false`); tells whether it did not.
    pub(super) fn records(&self, from: u64, mut take: impl FnMut(Record) -> bool) -> Result<bool, LogError> {
        let mut rest = self.stored.slice(HEADER_BYTES.min(self.stored.len())..);
        for offset in self.base..self.end() {
            let length = rest.try_get_u32_le().map_err(|e| corrupt(offset, &e.to_string()))? as usize;
            if rest.len() < length {
                return Err(corrupt(offset, "cut short"));
            }
            let body = rest.split_to(length);
            if offset >= from {
                let record = decode(offset, body).map_err(|e| corrupt(offset, &e.to_string()))?;
                if !take(record) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

fn corrupt(offset: u64, what: &str) -> LogError {
    LogError::Storage(format!("the stored record at offset {offset} cannot be read: {what}").into())
}

/// Appends the encoded form of `record` to `to`.
pub(super) fn encode(record: &NewRecord, to: &mut Vec<u8>) {
    let start = to.len();
    to.put_u32_le(0);
    let flag = |set: bool, bit: u8| if set { bit } else { 0 };
    to.put_u8(
        flag(record.key.is_some(), HAS_KEY)
            | flag(record.value.is_some(), HAS_VALUE)
            | flag(!record.headers.is_empty(), HAS_HEADERS)
            | flag(record.json, IS_JSON),
    );
    to.put_i64_le(record.timestamp);
    if let Some(key) = &record.key {
        put_bytes(to, key);
    }
    if !record.headers.is_empty() {
        to.put_u32_le(length(record.headers.len()));
        for header in &record.headers {
            put_bytes(to, header.name.as_bytes());
            to.put_u8(u8::from(header.value.is_some()));
            put_bytes(to, header.value.as_deref().unwrap_or_default());
        }
    }
    if let Some(value) = &record.value {
        to.extend_from_slice(value);
    }
    let written = length(to.len() - start - 4);
    to[start..start + 4].copy_from_slice(&written.to_le_bytes());
}

/// Sizes are bounded by the record limit, far below 4 GiB.
fn length(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn put_bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    to.put_u32_le(length(bytes.len()));
    to.extend_from_slice(bytes);
}

fn get_bytes(from: &mut Bytes) -> Result<Bytes, TryGetError> {
    let length = from.try_get_u32_le()? as usize;
    if from.len() < length {
        return Err(TryGetError { requested: length, available: from.len() });
    }
    Ok(from.split_to(length))
}

fn decode(offset: u64, mut from: Bytes) -> Result<Record, TryGetError> {
    let flags = from.try_get_u8()?;
    let timestamp = from.try_get_i64_le()?;
    let key = (flags & HAS_KEY != 0).then(|| get_bytes(&mut from)).transpose()?;
    let mut headers = Vec::new();
    if flags & HAS_HEADERS != 0 {
        for _ in 0..from.try_get_u32_le()? {
            let name = String::from_utf8_lossy(&get_bytes(&mut from)?).into_owned();
            let present = from.try_get_u8()? == 1;
            let value = get_bytes(&mut from)?;
            headers.push(Header { name, value: present.then_some(value) });
        }
    }
    let value = (flags & HAS_VALUE != 0).then_some(from);
    Ok(Record { offset, key, value, headers, timestamp, json: flags & IS_JSON != 0 })
}

#[cfg(test)]
#[path = "chunk_tests.rs"]
mod tests;
