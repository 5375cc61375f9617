use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use domain::{
    ids::{RunId, TenantId},
    timestamp::Timestamp,
    workflow::DocumentText,
};
use redb::{StorageBackend, backends::FileBackend};

use super::*;

fn run(n: u128) -> RunId {
    RunId::at(Timestamp::from_millis(3_600_000 * 1_000), n)
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn ops(ops: Vec<Op>) -> Commit {
    Commit { ops, ..Commit::default() }
}

const HASH: DocumentHash = [7; 32];

fn document() -> DocumentText {
    DocumentText::parse("{}".into()).unwrap()
}

fn start(n: u128) -> Op {
    Op::Start { run: run(n), header: vec![1], hash: HASH, document: document() }
}

fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

fn timer(n: u128, timer: &str, millis: i64) -> TimerRow {
    TimerRow {
        lane: Lane::Wake,
        tenant: tenant("acme"),
        at: at(millis),
        run: run(n),
        timer: timer.into(),
        bytes: 0,
    }
}

fn open() -> (tempfile::TempDir, Journal) {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    (directory, journal)
}

#[test]
fn a_run_is_read_back_with_its_events_in_order_after_it_is_opened_again() {
    let (directory, journal) = open();
    let append = |row, events: &str| Op::Append { run: run(1), row, events: events.into() };
    journal.commit(&ops(vec![start(1), append(0, "[1]")])).unwrap();
    journal.commit(&ops(vec![append(1, "[2]"), start(2)])).unwrap();
    journal.commit(&ops(vec![Op::Park { run: run(2) }])).unwrap();
    drop(journal);

    let journal = Journal::open(directory.path()).unwrap();
    let read = journal.read().unwrap();
    assert_eq!(read.header(run(1)).unwrap(), Some(vec![1]));
    assert_eq!(events(&read, 1), [b"[1]", b"[2]"]);
    assert_eq!([1, 2].map(|n| read.is_parked(run(n)).unwrap()), [false, true]);
    assert_eq!(read.unfinished(true).unwrap(), [run(1)]);
    assert_eq!(read.unfinished(false).unwrap().len(), 2);
    assert_eq!(read.document(&HASH).unwrap().as_deref(), Some("{}"));
}

fn events(read: &Snapshot, n: u128) -> Vec<Vec<u8>> {
    read.events(run(n)).unwrap().map(|row| row.unwrap().value().to_vec()).collect()
}

#[test]
fn a_run_that_takes_long_to_read_is_known_ahead_until_it_is_erased() {
    let (_directory, journal) = open();
    let long = |n, memory| Op::Long { run: run(n), tenant: tenant("acme"), memory };
    journal.commit(&ops(vec![start(1), start(2), long(1, 5), long(1, 7)])).unwrap();
    let read = journal.read().unwrap();
    let known = Some(LongRun { tenant: tenant("acme"), memory: 7 });
    assert_eq!((read.long(run(1)).unwrap(), read.long(run(2)).unwrap()), (known, None));
    journal.commit(&ops(vec![Op::Erase { run: run(1), hash: Some(HASH) }])).unwrap();
    assert_eq!(journal.read().unwrap().long(run(1)).unwrap(), None);
}

#[test]
fn what_is_due_comes_in_order() {
    let (_directory, journal) = open();
    let set = [timer(1, "a", 25), timer(1, "b", 20), timer(2, "a", 30), timer(2, "b", 10)];
    journal.commit(&ops(set.into_iter().map(Op::SetTimer).collect())).unwrap();
    journal.commit(&ops(vec![Op::ClearTimer(timer(2, "b", 10))])).unwrap();

    let read = journal.read().unwrap();
    let due = |millis, limit| read.due(Lane::Wake, &tenant("acme"), at(millis), limit).unwrap();
    assert_eq!(read.next_due(Lane::Wake, &tenant("acme")).unwrap(), Some(at(20)));
    assert_eq!(due(25, 10), [timer(1, "b", 20), timer(1, "a", 25)]);
    assert_eq!(due(19, 10), []);
    assert_eq!(due(99, 10).len(), 3);
    assert_eq!(due(99, 1).len(), 1);
}

#[test]
fn what_is_due_of_a_tenant_in_a_lane_is_found_beside_whatever_is_due_of_others() {
    let (_directory, journal) = open();
    let of = |lane, name, n, millis, bytes| TimerRow {
        lane,
        tenant: tenant(name),
        bytes,
        ..timer(n, "t", millis)
    };
    let rows = [
        of(Lane::Begin, "a", 1, 7, 30),
        of(Lane::Begin, "a", 2, 6, 40),
        of(Lane::Begin, "aa", 3, -5, 50),
        of(Lane::End, "b", 4, 9, 0),
        of(Lane::Wake, "a", 5, 3, 0),
        of(Lane::Wake, "a0", 6, 8, 0),
    ];
    journal.commit(&ops(rows.iter().cloned().map(Op::SetTimer).collect())).unwrap();

    let read = journal.read().unwrap();
    let first = [
        (Lane::End, tenant("b"), at(9)),
        (Lane::Wake, tenant("a"), at(3)),
        (Lane::Wake, tenant("a0"), at(8)),
        (Lane::Begin, tenant("a"), at(0)),
        (Lane::Begin, tenant("aa"), at(-5)),
    ];
    assert_eq!(read.first_timers().unwrap(), first);
    for (lane, tenant, at) in first {
        assert_eq!(read.next_due(lane, &tenant).unwrap(), Some(at));
    }
    assert_eq!(read.next_due(Lane::End, &tenant("a")).unwrap(), None);
    let due = |lane, name, now| read.due(lane, &tenant(name), at(now), 9).unwrap();
    assert_eq!(due(Lane::End, "b", 8), []);
    assert_eq!(due(Lane::Begin, "a", 0), [rows[1].clone(), rows[0].clone()], "whatever a clock said");
    let waiting: Result<Vec<_>, _> = read.waiting_to_begin().unwrap().collect();
    assert_eq!(waiting.unwrap(), [(tenant("a"), 40), (tenant("a"), 30), (tenant("aa"), 50)]);
    let asked = TimerRow { bytes: 0, ..rows[2].clone() };
    assert_eq!(read.timer_bytes(&asked).unwrap(), 50);
}

#[test]
fn an_erased_run_leaves_nothing_and_takes_nothing_of_its_neighbours() {
    let (_directory, journal) = open();
    let mut all = Vec::new();
    for n in 1..=3 {
        all.push(start(n));
        all.push(Op::Append { run: run(n), row: 0, events: vec![2] });
        all.push(Op::Park { run: run(n) });
    }
    journal.commit(&ops(all)).unwrap();
    let finish = Op::Finish { run: run(2), attempt: 4, at: at(3_600_000 * 1_000) };
    journal.commit(&ops(vec![Op::Erase { run: run(2), hash: Some(HASH) }, finish])).unwrap();

    let read = journal.read().unwrap();
    assert_eq!((read.header(run(2)).unwrap(), events(&read, 2).len()), (None, 0));
    assert_eq!([1, 2, 3].map(|n| read.is_parked(run(n)).unwrap()), [true, false, true]);
    assert_eq!([1, 3].map(|n| events(&read, n).len()), [1, 1]);
    assert_eq!(read.finished(run(2), at(3_600_000 * 1_000)).unwrap(), Some(4));
    assert_eq!(read.finished(run(1), at(3_600_000 * 1_000)).unwrap(), None);
}

#[test]
fn a_document_stays_as_long_as_a_run_needs_it() {
    let (_directory, journal) = open();
    let erase = |n| Op::Erase { run: run(n), hash: Some(HASH) };
    journal.commit(&ops(vec![start(1), start(2), erase(1)])).unwrap();
    assert!(journal.read().unwrap().document(&HASH).unwrap().is_some());
    journal.commit(&ops(vec![erase(2)])).unwrap();
    assert!(journal.read().unwrap().document(&HASH).unwrap().is_none());
    journal.commit(&ops(vec![start(3)])).unwrap();
    assert!(journal.read().unwrap().document(&HASH).unwrap().is_some());
}

#[test]
fn finished_runs_are_recognised_for_a_day_and_then_forgotten() {
    let (_directory, journal) = open();
    let derived = RunId(uuid::Uuid::from_u128(5));
    let hour = |n: i64| at(3_600_000 * n);
    let finish = |run, at| Op::Finish { run, attempt: 1, at };
    journal.commit(&ops(vec![finish(run(1), hour(1_001)), finish(derived, hour(1_002))])).unwrap();
    let read = journal.read().unwrap();
    for (id, ended) in [(run(1), 1_001), (derived, 1_002)] {
        assert_eq!(read.finished(id, hour(ended + 24)).unwrap(), Some(1));
        assert_eq!(read.finished(id, hour(ended)).unwrap(), Some(1));
        assert_eq!(read.finished(id, hour(ended + 30)).unwrap(), None);
    }
    journal.commit(&Commit { forget_before: Some(1_002), ..Commit::default() }).unwrap();
    let read = journal.read().unwrap();
    assert_eq!(read.finished(run(1), hour(1_001)).unwrap(), None);
    assert_eq!(read.finished(derived, hour(1_002)).unwrap(), Some(1));
}

#[test]
fn the_outbox_tells_whose_each_row_is_and_what_is_confirmed_goes() {
    let (_directory, journal) = open();
    let acme = TenantId::parse("acme").ok();
    let row = |sequence| OutboxRow {
        sequence,
        tenant: acme.clone().filter(|_| sequence != 2),
        text: vec![7; sequence as usize],
    };
    journal.commit(&Commit { outbox: (1..=5).map(row).collect(), ..Commit::default() }).unwrap();
    let rows = journal.read().unwrap().outbox_rows().unwrap();
    assert_eq!(rows[..3], [(1, acme.clone(), 1), (2, None, 2), (3, acme, 3)]);
    journal.commit(&Commit { confirmed: vec![1..=2, 4..=4], ..Commit::default() }).unwrap();
    let read = journal.read().unwrap();
    let left: Vec<_> = read.outbox_rows().unwrap().into_iter().map(|(sequence, ..)| sequence).collect();
    assert_eq!(left, [3, 5]);
    assert_eq!((read.outbox_row(3).unwrap(), read.outbox_row(4).unwrap()), (Some(vec![7; 3]), None));
}

#[test]
fn a_journal_of_a_later_format_is_refused() {
    let (directory, journal) = open();
    drop(journal);
    let database = Database::create(directory.path().join("journal.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    let meta = redb::TableDefinition::<&str, u64>::new("meta");
    transaction.open_table(meta).unwrap().insert("format", 99).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = Journal::open(directory.path()).unwrap_err();
    assert!(matches!(error, JournalError::Format { found: 99 }), "{error}");
}

#[test]
fn a_directory_in_use_is_refused_with_a_hint() {
    let (directory, _journal) = open();
    let error = Journal::open(directory.path()).unwrap_err().to_string();
    assert!(error.contains("no other worker uses it"), "{error}");
}

/// A file on a disk that can be full.
#[derive(Debug)]
pub(crate) struct Disk {
    file: FileBackend,
    full: Arc<AtomicBool>,
}

impl Disk {
    /// A journal on a disk that is full while `full` says so.
    pub(crate) fn journal(directory: &Path, full: &Arc<AtomicBool>) -> Journal {
        let (path, full) = (directory.join("journal.redb"), full.clone());
        let file = path.clone();
        let opener = move || {
            let file =
                std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&file);
            let file = FileBackend::new(file.map_err(redb::StorageError::from)?)?;
            Database::builder().create_with_backend(Disk { file, full: full.clone() })
        };
        Journal::open_with(path, Box::new(opener)).unwrap()
    }

    fn check(&self) -> io::Result<()> {
        if self.full.load(Ordering::SeqCst) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check()?;
        self.file.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.check()?;
        self.file.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check()?;
        self.file.write(offset, data)
    }
    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
}

#[test]
fn a_full_disk_fails_commits_and_heals_without_losing_what_was_there() {
    let directory = tempfile::tempdir().unwrap();
    let full = Arc::new(AtomicBool::new(false));
    let journal = Disk::journal(directory.path(), &full);
    let start = |n| ops(vec![start(n)]);
    journal.commit(&start(1)).unwrap();
    full.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let error = journal.commit(&start(2)).unwrap_err();
        assert!(matches!(error, JournalError::Storage(_) | JournalError::Open { .. }), "{error}");
    }
    full.store(false, Ordering::SeqCst);
    journal.commit(&start(2)).unwrap();
    assert_eq!(journal.read().unwrap().unfinished(true).unwrap(), [run(1), run(2)]);
}
