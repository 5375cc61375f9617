//! What is wanted of runs that are not in memory: durable before it is answered, and done once.

use domain::{
    event::{CancelRun, Event, Payload, ResumeRun},
    ids::{NodeId, SignalId, SignalName},
    iteration::Iteration,
    json_text::JsonText,
};

use super::{
    bench::{Bench, ids, patient, runs},
    *,
};

/// A workflow that waits for the signal `go`.
fn waiting() -> DocumentText {
    let text = patient().as_str().replace(r#"{"for":"1h"}"#, r#"{"signal":{"name":"go"}}"#);
    assert!(text.contains("signal"), "{text}");
    DocumentText::parse(text).unwrap()
}

fn control(header: &RunHeader, payload: Payload) -> Control {
    let (tenant, time) = (header.tenant.clone(), SystemClock.now());
    let event = Event { id: "e".into(), time, tenant, traceparent: None, payload };
    let record = serde_json::to_string(&event).unwrap();
    Control::of(event.tenant, event.payload, &record).unwrap().unwrap()
}

fn cancel(header: &RunHeader) -> Control {
    let requested_at = SystemClock.now();
    let cancel = CancelRun { run_id: header.run_id, reason: "enough".into(), requested_at };
    control(header, Payload::TaskCancel(cancel))
}

fn signal(header: &RunHeader) -> Control {
    let resume = ResumeRun {
        run_id: header.run_id,
        node_id: NodeId::parse("wait").unwrap(),
        iteration: Iteration::outside(),
        signal_id: SignalId(header.run_id.0),
        name: SignalName::parse("go").unwrap(),
        data: JsonText::of(&json!({"by": "Ada"})).unwrap(),
        requested_at: SystemClock.now(),
    };
    control(header, Payload::TaskResume(resume))
}

impl Bench {
    /// Hands over what is wanted of runs in one batch, in a turn of its own: it is answered when it is durable.
    fn want(&mut self, here: Vec<Control>) {
        let (wanted, (reply, mut answer)) = (here.len(), oneshot::channel());
        self.inputs.send(Input::Delivery(Delivery {
            tasks: Vec::new(),
            rejected: Vec::new(),
            elsewhere: Vec::new(),
            controls: Controls { here, elsewhere: Vec::new() },
            letters: Vec::new(),
            reply,
            admission: self.gate.announce(1, Sender::Connector).unwrap().admit().unwrap(),
        }));
        assert!(self.core.turn());
        assert_eq!(answer.try_recv().unwrap().unwrap().controls, wanted);
    }

    fn kept(&self) -> usize {
        self.core.journal.read().unwrap().controls().unwrap().len()
    }

    fn has_no_timers(&self) -> bool {
        self.core.journal.read().unwrap().first_timers().unwrap().is_empty()
    }
}

#[tokio::test]
async fn what_is_wanted_of_a_parked_run_outlives_a_crash_and_is_done_once() {
    for wanted in [cancel, signal] {
        let directory = tempfile::tempdir().unwrap();
        let mut bench = Bench::on(Journal::open(directory.path()).unwrap(), SystemClock.now(), |_| {});
        let one = runs("acme", 1);
        bench.hand_over(&one, &waiting());
        assert_eq!((bench.under_way(), bench.unfinished()), (Vec::new(), 1), "it is parked");
        bench.want(vec![wanted(&one[0]), wanted(&one[0])]);
        assert_eq!(bench.unfinished(), 1);
        assert!(bench.kept() >= 1, "it is kept, and answered");
        let mut bench = Bench::on(bench.crash(), SystemClock.now(), |_| {});
        while bench.unfinished() > 0 || bench.kept() > 0 {
            bench.turn();
        }
        assert!(bench.has_no_timers() && bench.core.kept_controls_taken() == 0);
        let rows = bench.core.backlog.take().await.unwrap();
        let ends = rows
            .iter()
            .filter(|row| matches!(&row.record, Record::Run(record) if record.run.status.is_terminal()));
        assert_eq!(ends.count(), 1);
    }
}

#[tokio::test]
async fn a_cancel_is_of_the_run_whichever_attempt_of_it_is_there_and_none_follows_it() {
    let duplicate = Receipt { duplicates: 1, ..Receipt::default() };
    for sent_again_before in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        let mut bench = Bench::on(Journal::open(directory.path()).unwrap(), SystemClock.now(), |_| {});
        let one = runs("acme", 1);
        let again = |attempt| [Arc::new(RunHeader { attempt, ..RunHeader::clone(&one[0]) })];
        bench.hand_over(&one, &waiting());
        let ended = if sent_again_before {
            assert_eq!(bench.hand_over(&again(2), &waiting()).accepted, 1);
            bench.want(vec![cancel(&one[0])]);
            2
        } else {
            // It is kept when the second attempt comes.
            bench.want(vec![cancel(&one[0])]);
            assert_eq!(bench.hand_over(&again(2), &waiting()), duplicate);
            1
        };
        while bench.unfinished() > 0 || bench.kept() > 0 {
            bench.turn();
        }
        let rows = bench.core.backlog.take().await.unwrap();
        let last = rows.iter().rev().find_map(|row| match &row.record {
            Record::Run(record) => Some((record.run.attempt, record.run.status)),
            _ => None,
        });
        assert_eq!(last, Some((ended, RunStatus::Cancelled)));
        assert_eq!(bench.hand_over(&again(3), &waiting()), duplicate);
        let mut bench = Bench::on(bench.crash(), SystemClock.now(), |_| {});
        assert_eq!(bench.hand_over(&again(3), &waiting()), duplicate, "nor after a crash");
        assert!(bench.has_no_timers());
    }
}

#[tokio::test]
async fn a_cancel_needs_no_room_and_a_signal_waits_until_its_tenant_has_some() {
    let directory = tempfile::tempdir().unwrap();
    let (_silent, call) = call_that_is_never_answered();
    let mut bench =
        Bench::on(Journal::open(directory.path()).unwrap(), SystemClock.now(), |deps| deps.max_runs = 2);
    let (waits, busy) = (runs("acme", 2), runs("acme", 1));
    bench.hand_over(&waits, &waiting());
    while !bench.under_way().is_empty() || bench.core.to_begin.taken() > 0 {
        bench.turn();
    }
    bench.hand_over(&busy, &call);
    assert_eq!(bench.under_way(), ids(&busy), "its tenant's share");
    bench.want(vec![signal(&waits[0]), cancel(&waits[1])]);
    bench.turn();
    let left = bench.core.journal.read().unwrap().unfinished(false).unwrap();
    assert!(!left.contains(&waits[1].run_id) && left.contains(&waits[0].run_id), "{left:?}");
    assert_eq!(bench.kept(), 1);
    bench.succeed(busy[0].run_id);
    while bench.unfinished() > 0 {
        bench.turn();
    }
    assert_eq!((bench.kept(), bench.has_no_timers()), (0, true));
}
