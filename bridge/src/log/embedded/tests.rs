use std::{path::Path, sync::atomic::AtomicUsize, time::Duration};

use bytes::Bytes;
use futures_util::FutureExt as _;
use tempfile::TempDir;

use super::*;
use crate::{
    clock::{ManualClock, SystemClock},
    log::{Feed as _, ReadLimit, Record},
};

/// What delivery does through feeds, call by call.
impl EmbeddedLog {
    fn feed(&self, group: &str, at: &TopicPartition) -> EmbeddedFeed {
        EmbeddedFeed::new(self.shared.clone(), self.jobs.clone(), group.into(), at.clone())
    }

    async fn read(&self, at: &TopicPartition, from: u64, limit: ReadLimit) -> Result<Vec<Record>, LogError> {
        let topic = self.shared.known(at)?;
        feed::read(&self.shared, &topic, at.partition, from, limit).await
    }

    async fn wait(&self, at: &TopicPartition, offset: u64) -> Result<(), LogError> {
        let topic = self.shared.known(at)?;
        self.feed("reader", at).wait(&topic, offset).await
    }

    fn committed(&self, group: &str, at: &TopicPartition) -> Result<Option<u64>, LogError> {
        self.feed(group, at).committed()
    }

    fn commits(&self) -> u64 {
        self.shared.commits.load(Ordering::Relaxed)
    }

    fn commit(&self, group: &str, at: &TopicPartition, next: u64) {
        self.feed(group, at).commit(next);
    }
}

const ALL: ReadLimit = ReadLimit { records: usize::MAX, bytes: usize::MAX };

fn settings(dir: &Path) -> EmbeddedSettings {
    // Only what a test asks for is flushed or trimmed.
    EmbeddedSettings { offset_flush: Duration::from_secs(3_600), ..EmbeddedSettings::in_dir(dir) }
}

fn open(settings: EmbeddedSettings) -> EmbeddedLog {
    EmbeddedLog::open(settings, Arc::new(SystemClock)).unwrap()
}

fn value(text: &str) -> NewRecord {
    NewRecord { value: Some(Bytes::copy_from_slice(text.as_bytes())), ..NewRecord::default() }
}

fn in_partition(partition: u32, text: &str) -> NewRecord {
    NewRecord { partition: Some(partition), ..value(text) }
}

fn texts(records: &[Record]) -> Vec<String> {
    let text = |r: &Record| String::from_utf8_lossy(r.value.as_deref().unwrap_or_default()).into_owned();
    records.iter().map(text).collect()
}

async fn append_all(log: &EmbeddedLog, topic: &str, records: Vec<NewRecord>) -> Vec<Appended> {
    log.append(topic, records).await.into_iter().collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn the_log_is_its_owners_alone_also_one_that_was_not() {
    use std::{fs, os::unix::fs::PermissionsExt as _};
    let dir = TempDir::new().unwrap();
    let settings = settings(&dir.path().join("log"));
    let (folder, file) = (dir.path().join("log"), settings.path.clone());
    for (of_folder, of_file) in [(0o755, 0o644), (0o777, 0o666)] {
        open(settings.clone()).close().await;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
        fs::set_permissions(&folder, fs::Permissions::from_mode(of_folder)).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(of_file)).unwrap();
    }
}

#[tokio::test]
async fn records_and_offsets_are_there_after_a_restart() {
    let dir = TempDir::new().unwrap();
    let at = TopicPartition::new("t", 2);
    let log = open(settings(dir.path()));
    append_all(&log, "t", vec![in_partition(2, "a"), in_partition(2, "b")]).await;
    log.commit("g", &at, 1);
    log.close().await;

    let log = open(settings(dir.path()));
    assert_eq!(log.committed("g", &at), Ok(Some(1)));
    assert_eq!(log.committed("other", &at), Ok(None));
    assert_eq!(texts(&log.read(&at, 1, ALL).await.unwrap()), ["b"]);
    let next = append_all(&log, "t", vec![in_partition(2, "c")]).await;
    assert_eq!(next[0].offset, 2, "offsets go on where they ended");
    assert_eq!(
        texts(&log.read(&at, 0, ALL).await.unwrap()),
        ["a", "b", "c"],
        "from the disk and from memory"
    );
    log.close().await;
}

#[tokio::test]
async fn a_key_selects_its_partition_and_records_without_one_take_turns() {
    let dir = TempDir::new().unwrap();
    let log = open(settings(dir.path()));
    let keyed = |key: &'static str| NewRecord { key: Some(Bytes::from_static(key.as_bytes())), ..value("v") };
    let places =
        append_all(&log, "t", vec![keyed("foobar"), keyed("21"), value("x"), value("y"), value("z")]).await;
    let partitions: Vec<u32> = places.iter().map(|p| p.partition).collect();
    assert_eq!(
        partitions,
        [crate::log::partition_of(b"foobar", 4), crate::log::partition_of(b"21", 4), 0, 1, 2]
    );
    log.close().await;
}

#[tokio::test]
async fn a_refused_record_does_not_harm_its_neighbours() {
    let dir = TempDir::new().unwrap();
    let log = open(EmbeddedSettings { max_record_bytes: 10, ..settings(dir.path()) });
    let results = log
        .append(
            "t",
            vec![in_partition(1, "a"), value("longer than ten"), in_partition(9, "x"), in_partition(1, "b")],
        )
        .await;
    assert_eq!(results[0].as_ref().map(|a| a.offset), Ok(0));
    assert_eq!(results[1], Err(LogError::TooLarge { size: 15, limit: 10 }));
    assert_eq!(
        results[2],
        Err(LogError::UnknownPartition { topic: "t".into(), partition: 9, partitions: 4 })
    );
    assert_eq!(results[3].as_ref().map(|a| a.offset), Ok(1));
    assert!(matches!(log.append("a b", vec![value("v")]).await[0], Err(LogError::InvalidTopic(_))));
    log.close().await;
    assert_eq!(log.append("t", vec![value("v")]).await, [Err(LogError::Closed)]);
}

#[tokio::test]
async fn topics_are_created_only_when_that_is_allowed_and_not_without_bound() {
    let dir = TempDir::new().unwrap();
    let log = open(EmbeddedSettings { max_topics: 1, ..settings(dir.path()) });
    append_all(&log, "one", vec![value("v")]).await;
    let refused = LogError::TooManyTopics { topic: "two".into(), limit: 1 };
    assert_eq!(log.append("two", vec![value("v")]).await, [Err(refused)]);
    log.close().await;
    let log = open(EmbeddedSettings { auto_create: false, ..settings(dir.path()) });
    append_all(&log, "one", vec![value("v")]).await;
    assert_eq!(log.append("two", vec![value("v")]).await, [Err(LogError::UnknownTopic("two".into()))]);
    assert_eq!(log.topics().await.unwrap(), [TopicInfo { name: "one".into(), partitions: 4 }]);
    log.close().await;
}

#[tokio::test]
async fn what_waits_and_what_is_kept_is_bounded() {
    let dir = TempDir::new().unwrap();
    let log = open(EmbeddedSettings { max_log_bytes: 200, ..settings(dir.path()) });
    append_all(&log, "t", vec![value(&"x".repeat(120))]).await;
    let refused = log.append("t", vec![value(&"x".repeat(60))]).await;
    assert!(matches!(refused[0], Err(LogError::Full { limit: 200, .. })), "{refused:?}");
    log.close().await;

    let queued = Arc::new(AtomicUsize::new(0));
    let first = Reservation::take(&queued, 150, 100);
    assert!(first.is_some(), "a large one passes when it is alone");
    assert!(Reservation::take(&queued, 1, 100).is_none());
    drop(first);
    assert_eq!(queued.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn subscribers_learn_of_topics_that_exist_and_of_new_ones_once() {
    let dir = TempDir::new().unwrap();
    let log = open(EmbeddedSettings { partitions: 1, ..settings(dir.path()) });
    append_all(&log, "a", vec![value("v")]).await;
    let mut assigned = log.subscribe("g", &["a".into(), "b".into()]).unwrap();
    append_all(&log, "b", vec![value("v")]).await;
    append_all(&log, "c", vec![value("v")]).await;
    append_all(&log, "b", vec![value("v")]).await;
    for topic in ["a", "b"] {
        let Some(Assignment::Gained(feed)) = assigned.next().await else { panic!("a partition is expected") };
        assert_eq!(*feed.at(), TopicPartition::new(topic, 0));
    }
    assert!(assigned.next().now_or_never().is_none());
    log.close().await;
}

#[tokio::test]
async fn a_reader_that_waits_is_woken_by_the_record_it_waits_for() {
    let dir = TempDir::new().unwrap();
    let log = Arc::new(open(settings(dir.path())));
    let at = TopicPartition::new("t", 0);
    append_all(&log, "t", vec![in_partition(0, "a")]).await;
    log.wait(&at, 0).await.unwrap();
    let (waited, _) = tokio::join!(log.wait(&at, 1), append_all(&log, "t", vec![in_partition(0, "b")]));
    assert_eq!(waited, Ok(()));
    let (waited, ()) = tokio::join!(log.wait(&at, 2), log.close());
    assert_eq!(waited, Err(LogError::Closed));
}

#[tokio::test]
async fn retention_removes_what_is_old_and_handled_by_every_group() {
    let dir = TempDir::new().unwrap();
    let clock = Arc::new(ManualClock::at(0));
    let log = EmbeddedLog::open(
        EmbeddedSettings { retention: Duration::from_millis(100), ..settings(dir.path()) },
        clock.clone(),
    )
    .unwrap();
    let at = TopicPartition::new("t", 0);
    for text in ["a", "b", "c", "d"] {
        append_all(&log, "t", vec![in_partition(0, text)]).await;
        clock.advance(60);
    }
    let _groups = (log.subscribe("slow", &["t".into()]), log.subscribe("fast", &["t".into()]));
    let left = async || texts(&log.read(&at, 0, ALL).await.unwrap());
    log.commit("fast", &at, 4);
    retention::trim(&log.shared).unwrap();
    assert_eq!(left().await, ["a", "b", "c", "d"], "one group has not handled anything");
    log.commit("slow", &at, 2);
    retention::trim(&log.shared).unwrap();
    assert_eq!(left().await, ["c", "d"]);
    clock.advance(1_000);
    log.commit("slow", &at, 4);
    retention::trim(&log.shared).unwrap();
    assert_eq!(left().await, ["d"], "the last chunk stays and keeps the next offset");
    let stored = log.shared.stored.load(Ordering::Relaxed);
    log.close().await;

    let log = open(settings(dir.path()));
    assert_eq!(
        log.shared.stored.load(Ordering::Relaxed),
        stored,
        "what is kept is counted the same after a restart"
    );
    assert_eq!(append_all(&log, "t", vec![in_partition(0, "e")]).await[0].offset, 4);
    log.close().await;
}

#[tokio::test]
async fn offsets_ride_on_the_next_append_and_need_no_commit_of_their_own() {
    let dir = TempDir::new().unwrap();
    let log = open(settings(dir.path()));
    let at = TopicPartition::new("t", 0);
    append_all(&log, "t", vec![in_partition(0, "a")]).await;
    let before = log.commits();
    log.commit("g", &at, 1);
    append_all(&log, "t", vec![in_partition(0, "b")]).await;
    assert_eq!(log.shared.with_db(tables::offsets).unwrap()[0].next, 1);
    log.close().await;
    assert_eq!(log.commits(), before + 1, "append and offset in one, nothing left for the end");
}

#[tokio::test]
async fn appends_that_wait_together_share_a_commit_and_keep_their_order() {
    let dir = TempDir::new().unwrap();
    let log = open(settings(dir.path()));
    append_all(&log, "t", vec![in_partition(0, "first")]).await;
    let before = log.commits();
    let texts: Vec<String> = (0..200).map(|n| n.to_string()).collect();
    let appends = texts.iter().map(|text| append_all(&log, "t", vec![in_partition(0, text)]));
    let offsets: Vec<u64> =
        futures_util::future::join_all(appends).await.into_iter().map(|stored| stored[0].offset).collect();
    assert_eq!(offsets, (1..=200).collect::<Vec<u64>>());
    let commits = log.commits() - before;
    assert!(commits <= 50, "{commits} commits for 200 appends");
    log.close().await;
}

#[path = "tests/faults.rs"]
mod faults;
#[path = "tests/model.rs"]
mod model;
