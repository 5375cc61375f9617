//! Appending: one idempotent producer, a result a record.

use std::{
    collections::HashSet,
    sync::{
        Arc, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::{
    KafkaSettings,
    context::{self, Health},
    failure::{self, RecordFacts},
    pending::{PendingAppend, PendingRecord},
};
use crate::{
    lock::{read_lock, write_lock},
    log::{Appended, LogError, NewRecord, reservation::Reservation},
};
use rdkafka::{
    ClientContext, Message as _, Statistics,
    config::{FromClientConfigAndContext as _, RDKafkaLogLevel},
    error::KafkaError,
    message::{Header as KafkaHeader, OwnedHeaders},
    producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer},
    types::RDKafkaErrorCode as Code,
};

/// How long closing waits for acknowledgements.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) type Producer = ThreadedProducer<ProducerEvents>;

/// The producer, and the next one should it fail for good.
pub(super) struct Producers {
    settings: Arc<KafkaSettings>,
    health: Arc<Health>,
    current: RwLock<Arc<Producer>>,
    /// Bytes that wait for their acknowledgement.
    queued: Arc<AtomicUsize>,
    /// Topics that were appended to: they exist.
    topics: RwLock<HashSet<Box<str>>>,
    closed: AtomicBool,
}

impl Producers {
    pub(super) fn new(settings: &Arc<KafkaSettings>, health: &Arc<Health>) -> Result<Self, LogError> {
        let producer = create(settings, health)?;
        Ok(Self {
            settings: settings.clone(),
            health: health.clone(),
            current: RwLock::new(Arc::new(producer)),
            queued: Arc::default(),
            topics: RwLock::default(),
            closed: AtomicBool::new(false),
        })
    }

    /// The producer of the moment.
    pub(super) fn current(&self) -> Arc<Producer> {
        read_lock(&self.current).clone()
    }

    /// Whether records were appended to the topic before.
    pub(super) fn knows(&self, topic: &str) -> bool {
        read_lock(&self.topics).contains(topic)
    }

    /// One result a record, when each is durable or refused.
    pub(super) async fn append(
        &self,
        topic: &str,
        records: Vec<NewRecord>,
    ) -> Vec<Result<Appended, LogError>> {
        if records.is_empty() {
            return Vec::new();
        }
        let refuse = |error: &LogError| records.iter().map(|_| Err(error.clone())).collect();
        if self.closed.load(Ordering::Acquire) {
            return refuse(&LogError::Closed);
        }
        let bytes = records.iter().map(NewRecord::size).sum();
        let Some(room) = Reservation::take(&self.queued, bytes, self.settings.max_queued_bytes) else {
            let queued = self.queued.load(Ordering::Relaxed);
            return refuse(&LogError::Busy { queued, limit: self.settings.max_queued_bytes });
        };
        let producer = match self.working() {
            Ok(producer) => producer,
            Err(error) => return refuse(&error),
        };
        let (pending, done) = PendingAppend::new(records.len(), room);
        for (place, record) in records.iter().enumerate() {
            let facts =
                RecordFacts::new(record, self.settings.max_record_bytes, self.settings.max_queued_bytes);
            send(&producer, topic, record, pending.record(place, facts));
        }
        drop(records);
        // Every record is answered: by `send` at once, or by librdkafka within the time limit of a record.
        if done.await.is_err() {
            tracing::error!(topic, "the producer forgot an append");
        }
        let results = pending.take();
        if !self.knows(topic) && results.iter().any(Result::is_ok) {
            write_lock(&self.topics).insert(topic.into());
        }
        results
    }

    /// The producer; a new one when librdkafka gave up the old one for good. (Records of the old one that were not
    /// acknowledged are refused by it.)
    fn working(&self) -> Result<Arc<Producer>, LogError> {
        let producer = self.current();
        if !producer.context().failed.load(Ordering::Acquire) {
            return Ok(producer);
        }
        let mut current = write_lock(&self.current);
        if current.context().failed.load(Ordering::Acquire) {
            *current = Arc::new(create(&self.settings, &self.health)?);
        }
        Ok(current.clone())
    }

    /// Waits for what was sent, a little, and takes no more.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        if let Err(error) = self.current().flush(FLUSH_TIMEOUT) {
            tracing::warn!(%error, "records were not acknowledged before the stop");
        }
    }
}

fn create(settings: &KafkaSettings, health: &Arc<Health>) -> Result<Producer, LogError> {
    let events = ProducerEvents { health: health.clone(), failed: AtomicBool::new(false) };
    Producer::from_config_and_context(&settings.producer(), events)
        .map_err(|error| failure::of_settings(&error))
}

/// Hands a record to librdkafka, or settles it at once.
fn send(producer: &Producer, topic: &str, record: &NewRecord, pending: PendingRecord) {
    let facts = pending.facts;
    if facts.size > facts.limit {
        return pending.settle(Err(LogError::TooLarge { size: facts.size, limit: facts.limit }));
    }
    let mut message =
        BaseRecord::<[u8], [u8], _>::with_opaque_to(topic, Box::new(pending)).timestamp(record.timestamp);
    message.key = record.key.as_deref();
    message.payload = record.value.as_deref();
    message.partition = record.partition.map(|partition| i32::try_from(partition).unwrap_or(i32::MAX));
    if !record.headers.is_empty() {
        message.headers = Some(headers(record));
    }
    if let Err((error, message)) = producer.send(message) {
        message.delivery_opaque.settle(Err(failure::of_record(&error, topic, &facts)));
    }
}

fn headers(record: &NewRecord) -> OwnedHeaders {
    let headers = OwnedHeaders::new_with_capacity(record.headers.len());
    record.headers.iter().fold(headers, |headers, header| {
        headers.insert(KafkaHeader { key: &header.name, value: header.value.as_deref() })
    })
}

/// What the producer's thread tells.
pub(super) struct ProducerEvents {
    health: Arc<Health>,
    /// librdkafka will take no more records.
    failed: AtomicBool,
}

impl ClientContext for ProducerEvents {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        context::log(level, facility, text);
    }

    fn stats(&self, statistics: Statistics) {
        self.health.observe(&statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            Some(Code::Fatal) => {
                tracing::error!(%reason, "the producer failed for good and is replaced");
                self.failed.store(true, Ordering::Release);
            }
            Some(Code::AllBrokersDown) => self.health.broken(LogError::Unreachable(reason.into())),
            Some(Code::Authentication | Code::SaslAuthenticationFailed) => {
                tracing::error!(%reason, "Kafka refuses our credentials");
                self.health.broken(LogError::Unauthenticated(reason.into()));
            }
            _ => tracing::warn!(%error, reason, "the producer has trouble"),
        }
    }
}

impl ProducerContext for ProducerEvents {
    type DeliveryOpaque = Box<PendingRecord>;

    fn delivery(&self, delivered: &DeliveryResult<'_>, pending: Self::DeliveryOpaque) {
        let result = match delivered {
            Ok(message) => Ok(Appended {
                partition: u32::try_from(message.partition()).unwrap_or_default(),
                offset: u64::try_from(message.offset()).unwrap_or_default(),
                timestamp: message.timestamp().to_millis().unwrap_or_default(),
            }),
            Err((error, message)) => Err(failure::of_record(error, message.topic(), &pending.facts)),
        };
        pending.settle(result);
    }
}
