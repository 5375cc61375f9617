//! What is let in, and what stays in memory.

use super::*;

#[tokio::test]
async fn bodies_that_do_not_come_hold_up_nobody() {
    let (_directory, _full, journal) = on_disk();
    let rig = Rig::on(journal).await;
    let mut slow: Vec<_> = (0..1_000).map(|_| rig.gate.announce(1_000, Sender::Connector).unwrap()).collect();
    let _both = (admit(&rig.gate, 400).unwrap(), admit(&rig.gate, 400).unwrap());
    // What has come of them counts.
    slow[0].grow(200).unwrap();
    let full = Refusal::Busy { what: "the bytes of request bodies", limit: 2_000 };
    assert_eq!(slow[1].grow(1).unwrap_err(), full);
    slow.remove(1);
    assert_eq!(slow[0].grow(1).unwrap_err(), full);
    assert_eq!(slow.remove(5).admit().unwrap_err(), Refusal::Busy { what: "the requests", limit: 4 });
    drop(slow);
    rig.end();
}

#[tokio::test]
async fn what_other_workers_send_leaves_room_for_a_connector() {
    let (_directory, _full, journal) = on_disk();
    let rig = Rig::on(journal).await;
    let mut held = Vec::new();
    while let Ok(mut arriving) = rig.gate.announce(100, Sender::Peer) {
        if arriving.grow(400).is_err() {
            break;
        }
        match arriving.admit() {
            Ok(admission) => held.push(admission),
            Err(_) => break,
        }
    }
    assert_eq!(held.len(), 2, "half of the requests");
    let from_a_connector = admit(&rig.gate, 500).unwrap();
    assert_eq!(from_a_connector.bytes(), 500);
    drop((held, from_a_connector));
    assert!(rig.gate.announce(1_000, Sender::Peer).unwrap().admit().is_ok(), "all of it was given back");
    rig.end();
}

#[tokio::test]
async fn the_gate_names_the_limit_that_is_reached() {
    let (_directory, _full, journal) = on_disk();
    let rig = Rig::on(journal).await;
    let first = admit(&rig.gate, 5_000).unwrap();
    let too_large = admit(&rig.gate, 1).unwrap_err();
    assert_eq!(too_large, Refusal::Busy { what: "the bytes of request bodies", limit: 2_000 });
    drop(first);
    let _both = (admit(&rig.gate, 1).unwrap(), admit(&rig.gate, 1).unwrap());
    assert_eq!(admit(&rig.gate, 1).unwrap_err(), Refusal::Busy { what: "the requests", limit: 4 });
    rig.gate.set_to_begin(1 << 20);
    let full = Refusal::Busy { what: "the bytes of runs that wait to begin", limit: 1 << 20 };
    assert_eq!(rig.gate.check().unwrap_err(), full);
    rig.end();
}

#[tokio::test]
async fn runs_that_wait_for_a_place_leave_memory_while_their_tenant_has_too_much_there() {
    const LIMIT: usize = 400_000;
    let directory = tempfile::tempdir().unwrap();
    let (mut deps, _open) = deps(Journal::open(directory.path()).unwrap(), LIMIT);
    let documents = Arc::clone(&deps.documents);
    let (sender, receiver) = mpsc::channel();
    deps.max_steps = (4, 2);
    let mut core = Core::new(deps, (Inputs { sender }, receiver), Arc::default()).unwrap();
    let (_silent, document) = call_that_is_never_answered();
    let hash = hash_of(&document);
    let workflow = documents.compile(&hash, &document).unwrap();
    let mut turn = turn::Turn::new(SystemClock.now());
    for n in 0..30 {
        let input = json!({"text": "x".repeat(20_000)});
        let header = Arc::new(RunHeader { input, ..RunHeader::clone(&header(n)) });
        let (run, document, workflow) = (header.run_id, document.clone(), Arc::clone(&workflow));
        core.hold(run, active::Active::new(Task { header, hash, document, workflow }));
        core.advance(&mut turn, run, crate::engine::Command::Start);
    }
    assert!(core.complete(turn));
    assert_eq!(core.runs.len() + core.memory.aside(), 30);
    assert!(core.memory.taken() <= LIMIT / 2 + 50_000, "{} bytes are taken", core.memory.taken());
    assert!(core.memory.aside() >= 24, "{} runs left", core.memory.aside());
    assert!(core.dispatcher.running() >= 1);
    assert_eq!(core.journal.read().unwrap().unfinished(true).unwrap().len(), 30, "all of them are safe");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_turn_computes_no_more_once_what_it_computed_is_large() {
    let directory = tempfile::tempdir().unwrap();
    let (deps, _open) = deps(Journal::open(directory.path()).unwrap(), 1 << 30);
    let documents = Arc::clone(&deps.documents);
    let (sender, receiver) = mpsc::channel();
    let mut core = Core::new(deps, (Inputs { sender }, receiver), Arc::default()).unwrap();
    let kind = |n| if n == 0 { "manual" } else { "noop" };
    let nodes = (0..=60).map(|n| json!({"id": format!("n{n}"), "type": kind(n)}));
    let edges = (1..=60).map(|n| json!({"source": format!("n{}", n - 1), "target": format!("n{n}")}));
    let chain = json!({
        "name": "Test",
        "nodes": nodes.collect::<Vec<_>>(),
        "edges": edges.collect::<Vec<_>>(),
    });
    let document = DocumentText::parse(chain.to_string()).unwrap();
    let hash = hash_of(&document);
    let workflow = documents.compile(&hash, &document).unwrap();
    let input = json!({"text": "x".repeat(500_000)});
    let header = Arc::new(RunHeader { input, ..RunHeader::clone(&header(1)) });
    let run = header.run_id;
    core.hold(run, active::Active::new(Task { header, hash, document, workflow }));
    let mut turn = turn::Turn::new(SystemClock.now());
    core.advance(&mut turn, run, crate::engine::Command::Start);
    assert!(turn.computed <= super::core::TURN_BYTES + 1_000_000, "{} bytes in one turn", turn.computed);
    assert!(core.complete(turn));
    while core.runs.contains_key(&run) {
        assert!(core.turn(), "it goes on");
    }
    assert_eq!(core.memory.taken(), 0, "nothing is counted of a run that has ended");
}
