//! What cannot be read back from the journal.

use metrics_exporter_prometheus::PrometheusHandle;

use super::*;

#[tokio::test]
async fn a_run_that_cannot_be_read_back_fails_and_leaves_the_journal() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    let (readable, damaged) = (header(1), header(2));
    let start = |run, header: Vec<u8>| Op::Start { run, header, hash: [1; 32], document: document() };
    let row = codec::write_header(&[1; 32], &readable).unwrap();
    let events = |run| Op::Append { run, row: 0, events: br#"[{"of_a_later_version":{}}]"#.to_vec() };
    let ops = vec![
        start(readable.run_id, row),
        events(readable.run_id),
        start(damaged.run_id, b"{".to_vec()),
        events(damaged.run_id),
    ];
    journal.commit(&Commit { ops, ..Commit::default() }).unwrap();

    let rig = Rig::on(journal).await;
    let left = rig.journal.read().unwrap().unfinished(false).unwrap();
    assert_eq!(left, []);
    let duplicate = Receipt { duplicates: 1, ..Receipt::default() };
    assert_eq!(rig.hand_over(&readable).await.unwrap(), Ok(duplicate));
    let rows = rig.end().take().await.unwrap();
    let Record::Run(row) = &rows[0].record else { panic!("{rows:?}") };
    let error = row.run.error.as_ref().unwrap();
    assert_eq!((row.run.id, row.run.revision), (readable.run_id, 2));
    assert_eq!((rows.len(), error.code.as_str()), (3, "journal_unreadable"));
    let letters: Vec<_> = rows.iter().filter_map(|row| letter(&row.record)).collect();
    assert_eq!(letters.len(), 2, "{rows:?}");
    // Rows of a tenant and those of nobody take turns.
    let of = |tenant| letters.iter().find(|letter| letter.tenant == tenant).unwrap();
    let (of_readable, of_damaged) = (of("acme"), of(""));
    assert!(of_readable.record.contains("of_a_later_version"), "{of_readable:?}");
    assert!(of_damaged.reason.contains(&damaged.run_id.to_string()), "{of_damaged:?}");
}

fn letter(record: &Record) -> Option<&DeadLetter> {
    match record {
        Record::Dead(letter) => Some(letter),
        Record::Run(_) | Record::Lost(..) => None,
    }
}

/// What the journal holds of a run that has begun, with one thing that no reader can read.
#[tokio::test]
async fn one_bad_row_of_whatever_table_costs_its_run_and_neither_the_start_nor_the_others() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    let [deep, no_document, bad_timer, good] = [header(1), header(2), header(3), header(4)];
    let row = |header: &Arc<RunHeader>, hash| codec::write_header(&hash, header).unwrap();
    let text = |text: &str| DocumentText::parse(text.to_owned()).unwrap();
    let too_deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let deep_row = String::from_utf8(row(&deep, [1; 32])).unwrap();
    let deep_row = deep_row.replace(r#""input":null"#, &format!(r#""input":{too_deep}"#));
    let hash = hash_of(&document());
    let start =
        |run: &Arc<RunHeader>, header, hash, document| Op::Start { run: run.run_id, header, hash, document };
    let ops = vec![
        start(&deep, deep_row.into_bytes(), [1; 32], document()),
        start(&no_document, row(&no_document, [2; 32]), [2; 32], text(&too_deep)),
        start(&bad_timer, row(&bad_timer, hash), hash, document()),
        Op::SetTimer(TimerRow {
            lane: Lane::Wake,
            tenant: bad_timer.tenant.clone(),
            at: bad_timer.created_at,
            run: bad_timer.run_id,
            timer: b"no JSON".to_vec(),
            bytes: 0,
        }),
        start(&good, row(&good, hash), hash, document()),
    ];
    journal.commit(&Commit { ops, ..Commit::default() }).unwrap();

    let counted = counted();
    let rig = Rig::on(journal).await;
    rig.processor.inputs.send(Input::Wake);
    let new = header(5);
    assert!(rig.hand_over(&new).await.unwrap().is_ok());
    let read = rig.journal.read().unwrap();
    assert_eq!((read.unfinished(false).unwrap(), read.first_timers().unwrap()), (Vec::new(), Vec::new()));
    let rows = rig.end().take().await.unwrap();
    let status = |run: &Arc<RunHeader>| {
        let mut of_run = rows.iter().filter_map(|row| match &row.record {
            Record::Run(row) if row.run.id == run.run_id => Some((row.tenant.as_str(), row.run.status)),
            _ => None,
        });
        of_run.next_back()
    };
    for run in [&deep, &no_document] {
        assert_eq!(status(run), Some(("acme", RunStatus::Failed)));
    }
    for run in [&bad_timer, &good, &new] {
        assert_eq!(status(run), Some(("acme", RunStatus::Succeeded)));
    }
    let letters: Vec<_> = rows.iter().filter_map(|row| letter(&row.record)).collect();
    assert_eq!(letters.len(), 3, "{letters:?}");
    for run in [&deep, &no_document, &bad_timer] {
        let name = run.run_id.to_string();
        assert!(letters.iter().any(|letter| letter.reason.contains(&name)), "{name} in {letters:?}");
    }
    // Other tests of this process count too.
    assert!(self::counted() >= counted + 3);
}

/// How many rows of journals this process could not read.
fn counted() -> u64 {
    static METRICS: std::sync::LazyLock<PrometheusHandle> =
        std::sync::LazyLock::new(|| minireipaz::telemetry::collect().unwrap());
    let text = METRICS.render();
    let line = text.lines().find_map(|line| line.strip_prefix("minireipaz_journal_unreadable_rows_total "));
    line.map_or(0, |count| count.parse().unwrap())
}

/// A run that waits for a timer and cannot be read back.
fn parked(header: &Arc<RunHeader>) -> Vec<Op> {
    let (run, hash) = (header.run_id, hash_of(&document()));
    let row = codec::write_header(&hash, header).unwrap();
    vec![
        Op::Start { run, header: row, hash, document: document() },
        Op::Append { run, row: 0, events: br#"[{"of_a_later_version":{}}]"#.to_vec() },
        Op::Park { run },
    ]
}

#[tokio::test]
async fn an_unreadable_run_with_several_due_timers_ends_once_and_takes_no_document_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    let (due, other) = (header(1), header(2));
    let at = due.created_at;
    let timer = |lane, timer: Timer| {
        let (tenant, timer) = (due.tenant.clone(), codec::write_timer(&timer).unwrap());
        Op::SetTimer(TimerRow { lane, tenant, at, run: due.run_id, timer, bytes: 0 })
    };
    let timers = vec![timer(Lane::End, Timer::Deadline), timer(Lane::Wake, Timer::Wake(StepKey::outside(1)))];
    let ops = [parked(&due), parked(&other), timers].into_iter().flatten().collect();
    journal.commit(&Commit { ops, ..Commit::default() }).unwrap();

    let rig = Rig::on(journal).await;
    let rows = rig.backlog.take().await.unwrap();
    assert!(matches!(&rows[0].record, Record::Run(row) if row.run.id == due.run_id), "{rows:?}");
    assert_eq!(rows.len(), 2, "and what cannot be read is kept");
    let read = rig.journal.read().unwrap();
    assert_eq!(
        (read.first_timers().unwrap(), read.unfinished(false).unwrap()),
        (Vec::new(), vec![other.run_id])
    );
    assert!(read.document(&hash_of(&document())).unwrap().is_some(), "the other run needs it");
    rig.end();
}

#[tokio::test]
async fn an_unreadable_run_that_waits_is_not_run_again_but_a_higher_attempt_is() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    let (first, second) = (header(1), header(2));
    let ops = [parked(&first), parked(&second)].into_iter().flatten().collect();
    journal.commit(&Commit { ops, ..Commit::default() }).unwrap();

    let rig = Rig::on(journal).await;
    let duplicate = Receipt { duplicates: 1, ..Receipt::default() };
    assert_eq!(rig.hand_over(&first).await.unwrap(), Ok(duplicate));
    let higher = Arc::new(RunHeader { attempt: 2, ..RunHeader::clone(&second) });
    let accepted = Receipt { accepted: 1, ..Receipt::default() };
    assert_eq!(rig.hand_over(&higher).await.unwrap(), Ok(accepted), "it must not be lost");
    let rows = rig.end().take().await.unwrap();
    let rows = rows.iter().filter_map(|row| match &row.record {
        Record::Run(row) => Some((row.run.id, row.run.attempt, row.run.status)),
        Record::Dead(_) | Record::Lost(..) => None,
    });
    // Of the first nothing is read but its attempt.
    let expected = [(second.run_id, 2, RunStatus::Succeeded), (second.run_id, 1, RunStatus::Failed)];
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by_key(|(run, attempt, _)| (*run, std::cmp::Reverse(*attempt)));
    assert_eq!(rows, expected);
}
