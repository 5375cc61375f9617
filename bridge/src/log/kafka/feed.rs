//! One partition of a group: its own queue at librdkafka.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext, base_consumer::PartitionQueue},
    message::{BorrowedMessage, Headers as _},
};
use tokio::sync::Notify;

use super::{context::Ends, failure, holdings::Hold};
use crate::log::{Feed, Header, LogError, ReadLimit, Record, TopicPartition};

/// A partition that the group gave us.
pub(super) struct KafkaFeed<C: ConsumerContext + 'static> {
    // Dropped in this order: who waits for the partition must find the queue gone.
    queue: PartitionQueue<C>,
    consumer: Arc<BaseConsumer<C>>,
    arrived: Arc<Notify>,
    ends: Arc<Ends>,
    at: TopicPartition,
    /// Read from the queue, but too much for the call that found it.
    ahead: Option<Record>,
    _hold: Hold,
}

impl<C: ConsumerContext> KafkaFeed<C> {
    /// Takes the partition's queue. Called before the partition is assigned, so that no record of it goes to the
    /// consumer's common queue.
    pub(super) fn new(
        consumer: Arc<BaseConsumer<C>>,
        ends: Arc<Ends>,
        at: TopicPartition,
        hold: Hold,
    ) -> Option<Self> {
        let number = i32::try_from(at.partition).ok()?;
        let mut queue = consumer.split_partition_queue(&at.topic, number)?;
        let arrived = Arc::new(Notify::new());
        let notify = arrived.clone();
        queue.set_nonempty_callback(move || notify.notify_one());
        Some(Self { queue, consumer, arrived, ends, at, ahead: None, _hold: hold })
    }

    /// The next record that is here already.
    fn poll(&mut self) -> Option<Result<Record, LogError>> {
        if let Some(record) = self.ahead.take() {
            return Some(Ok(record));
        }
        let polled = self.queue.poll(Duration::ZERO)?;
        Some(polled.map(|message| record(&message)).map_err(|error| failure::of_client(&error)))
    }

    /// What is here already, within the limit.
    fn take(&mut self, limit: ReadLimit) -> Result<Vec<Record>, LogError> {
        let (mut records, mut bytes) = (Vec::new(), 0);
        while records.len() < limit.records {
            let record = match self.poll() {
                None => break,
                Some(Ok(record)) => record,
                // What was read before it is handed over first; the error comes again if it lasts.
                Some(Err(_)) if !records.is_empty() => break,
                Some(Err(error)) => return Err(error),
            };
            let size = record.size();
            if !records.is_empty() && bytes + size > limit.bytes {
                self.ahead = Some(record);
                break;
            }
            bytes += size;
            records.push(record);
        }
        Ok(records)
    }
}

#[async_trait]
impl<C: ConsumerContext> Feed for KafkaFeed<C> {
    fn at(&self) -> &TopicPartition {
        &self.at
    }

    async fn next(&mut self, limit: ReadLimit) -> Result<Vec<Record>, LogError> {
        loop {
            let records = self.take(limit)?;
            if let Some(last) = records.last() {
                self.ends.reached(&self.at, last.offset + 1);
                return Ok(records);
            }
            self.arrived.notified().await;
        }
    }

    fn commit(&self, next: u64) {
        let mut offsets = TopicPartitionList::with_capacity(1);
        let number = i32::try_from(self.at.partition).unwrap_or(i32::MAX);
        let offset = Offset::Offset(i64::try_from(next).unwrap_or(i64::MAX));
        let noted = offsets
            .add_partition_offset(&self.at.topic, number, offset)
            .and_then(|()| self.consumer.store_offsets(&offsets));
        if let Err(error) = noted {
            // The partition was taken away meanwhile: its records come again, at its new reader.
            tracing::warn!(partition = %self.at, next, %error, "an offset could not be noted");
        }
    }
}

fn record(message: &BorrowedMessage<'_>) -> Record {
    let copy = |bytes: &[u8]| Bytes::copy_from_slice(bytes);
    let headers = message.headers().map_or_else(Vec::new, |headers| {
        let header = |header: rdkafka::message::Header<'_, &[u8]>| Header {
            name: header.key.to_owned(),
            value: header.value.map(copy),
        };
        headers.iter().map(header).collect()
    });
    Record {
        offset: u64::try_from(message.offset()).unwrap_or_default(),
        key: message.key().map(copy),
        value: message.payload().map(copy),
        headers,
        timestamp: message.timestamp().to_millis().unwrap_or_default(),
        // Whoever produced it may have been anybody.
        json: false,
    }
}
