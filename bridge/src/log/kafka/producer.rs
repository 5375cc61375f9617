//! Appending: one idempotent producer, a result a record.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use rdkafka::{
    ClientContext, Message as _, Statistics,
    config::{FromClientConfigAndContext as _, RDKafkaLogLevel},
    error::KafkaError,
    message::{Header as KafkaHeader, OwnedHeaders},
    producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer},
    types::RDKafkaErrorCode as Code,
};
use tokio::sync::oneshot;

use super::{
    KafkaSettings,
    context::{self, Health},
    failure::{self, Refused},
};
use crate::{
    lock::lock,
    log::reservation::Reservation,
    log::{Appended, LogError, NewRecord},
};

/// How long closing waits for acknowledgements.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) type Producer = ThreadedProducer<Context>;

/// The producer, and the next one should it fail for good.
#[derive(Clone)]
pub(super) struct Producers {
    shared: Arc<Shared>,
}

struct Shared {
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
        let shared = Shared {
            settings: settings.clone(),
            health: health.clone(),
            current: RwLock::new(Arc::new(producer)),
            queued: Arc::default(),
            topics: RwLock::default(),
            closed: AtomicBool::new(false),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The producer of the moment.
    pub(super) fn current(&self) -> Arc<Producer> {
        self.shared.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether records were appended to the topic before.
    pub(super) fn knows(&self, topic: &str) -> bool {
        self.shared.topics.read().unwrap_or_else(PoisonError::into_inner).contains(topic)
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
        if self.shared.closed.load(Ordering::Acquire) {
            return refuse(&LogError::Closed);
        }
        let bytes = records.iter().map(NewRecord::size).sum();
        let Some(room) = Reservation::take(&self.shared.queued, bytes, self.shared.settings.max_queued_bytes)
        else {
            let queued = self.shared.queued.load(Ordering::Relaxed);
            return refuse(&LogError::Busy { queued, limit: self.shared.settings.max_queued_bytes });
        };
        let producer = match self.working() {
            Ok(producer) => producer,
            Err(error) => return refuse(&error),
        };
        let (batch, done) = Batch::new(records.len(), room);
        for (place, record) in records.iter().enumerate() {
            self.send(&producer, topic, record, &batch, place);
        }
        drop(records);
        // Every slot is answered: by `send` at once, or by librdkafka within the time limit of a record.
        if done.await.is_err() {
            tracing::error!(topic, "the producer forgot an append");
        }
        let results = batch.take();
        if !self.knows(topic) && results.iter().any(Result::is_ok) {
            self.shared.topics.write().unwrap_or_else(PoisonError::into_inner).insert(topic.into());
        }
        results
    }

    fn send(&self, producer: &Producer, topic: &str, record: &NewRecord, batch: &Arc<Batch>, place: usize) {
        let settings = &self.shared.settings;
        let about = Refused::new(record, settings.max_record_bytes, settings.max_queued_bytes);
        if about.size > about.limit {
            return batch.settle(place, Err(LogError::TooLarge { size: about.size, limit: about.limit }));
        }
        let slot = Box::new(Slot { batch: batch.clone(), place, about });
        let mut message =
            BaseRecord::<[u8], [u8], _>::with_opaque_to(topic, slot).timestamp(record.timestamp);
        message.key = record.key.as_deref();
        message.payload = record.value.as_deref();
        message.partition = record.partition.map(|partition| i32::try_from(partition).unwrap_or(i32::MAX));
        if !record.headers.is_empty() {
            message.headers = Some(headers(record));
        }
        if let Err((error, message)) = producer.send(message) {
            let error = failure::of_record(&error, topic, &about);
            message.delivery_opaque.batch.settle(place, Err(error));
        }
    }

    /// The producer; a new one when librdkafka gave up the old one for good. (Records of the old one that were not
    /// acknowledged are refused by it.)
    fn working(&self) -> Result<Arc<Producer>, LogError> {
        let producer = self.current();
        if !producer.context().failed.load(Ordering::Acquire) {
            return Ok(producer);
        }
        let mut current = self.shared.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.context().failed.load(Ordering::Acquire) {
            *current = Arc::new(create(&self.shared.settings, &self.shared.health)?);
        }
        Ok(current.clone())
    }

    /// Waits for what was sent, a little, and takes no more.
    pub(super) fn close(&self) {
        self.shared.closed.store(true, Ordering::Release);
        if let Err(error) = self.current().flush(FLUSH_TIMEOUT) {
            tracing::warn!(%error, "records were not acknowledged before the stop");
        }
    }
}

fn create(settings: &KafkaSettings, health: &Arc<Health>) -> Result<Producer, LogError> {
    let context = Context { health: health.clone(), failed: AtomicBool::new(false) };
    Producer::from_config_and_context(&settings.producer(), context)
        .map_err(|error| failure::of_settings(&error))
}

fn headers(record: &NewRecord) -> OwnedHeaders {
    let headers = OwnedHeaders::new_with_capacity(record.headers.len());
    record.headers.iter().fold(headers, |headers, header| {
        headers.insert(KafkaHeader { key: &header.name, value: header.value.as_deref() })
    })
}

/// What the producer's thread tells.
pub(super) struct Context {
    health: Arc<Health>,
    /// librdkafka will take no more records.
    failed: AtomicBool,
}

impl ClientContext for Context {
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

impl ProducerContext for Context {
    type DeliveryOpaque = Box<Slot>;

    fn delivery(&self, delivered: &DeliveryResult<'_>, slot: Self::DeliveryOpaque) {
        let result = match delivered {
            Ok(message) => Ok(Appended {
                partition: u32::try_from(message.partition()).unwrap_or_default(),
                offset: u64::try_from(message.offset()).unwrap_or_default(),
                timestamp: message.timestamp().to_millis().unwrap_or_default(),
            }),
            Err((error, message)) => Err(failure::of_record(error, message.topic(), &slot.about)),
        };
        slot.batch.settle(slot.place, result);
    }
}

/// One append: its results as they come.
pub(super) struct Batch {
    results: Mutex<Vec<Option<Result<Appended, LogError>>>>,
    left: AtomicUsize,
    done: Mutex<Option<oneshot::Sender<()>>>,
    /// Given back with the last result, whether or not somebody still waits for it.
    _room: Reservation,
}

/// Where the result of one record belongs.
pub(super) struct Slot {
    batch: Arc<Batch>,
    place: usize,
    about: Refused,
}

impl Batch {
    fn new(count: usize, room: Reservation) -> (Arc<Self>, oneshot::Receiver<()>) {
        let (done, waits) = oneshot::channel();
        let batch = Self {
            results: Mutex::new(vec![None; count]),
            left: AtomicUsize::new(count),
            done: Mutex::new(Some(done)),
            _room: room,
        };
        (Arc::new(batch), waits)
    }

    fn settle(&self, place: usize, result: Result<Appended, LogError>) {
        if let Some(slot) = lock(&self.results).get_mut(place) {
            *slot = Some(result);
        }
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1
            && let Some(done) = lock(&self.done).take()
        {
            // Who waited may have gone away; the records are appended all the same.
            let _ = done.send(());
        }
    }

    fn take(&self) -> Vec<Result<Appended, LogError>> {
        let results = std::mem::take(&mut *lock(&self.results));
        results.into_iter().map(|result| result.unwrap_or(Err(LogError::Closed))).collect()
    }
}
