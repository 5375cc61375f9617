//! Loops that only compute: they take turns, and leave little behind.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_loop_that_only_computes_takes_turns_and_neither_its_memory_nor_its_journal_grows_with_it() {
    const ITERATIONS: usize = 4_000;
    let directory = tempfile::tempdir().unwrap();
    let (deps, _open) = deps(Journal::open(directory.path()).unwrap(), 1 << 30);
    let documents = Arc::clone(&deps.documents);
    let (sender, receiver) = mpsc::channel();
    let mut core = Core::new(deps, (Inputs { sender }, receiver), Arc::default()).unwrap();
    let cycle = json!({
        "name": "Test",
        "nodes": [
            {"id": "start", "type": "manual"},
            {"id": "count", "type": "set", "data": {"params": {"fields": {"n": "{{ $iteration }}"}}}},
            {"id": "more", "type": "if", "data": {"params": {
                "where": {"left": "{{ $json.n }}", "op": "lt", "right": ITERATIONS - 1}
            }}}
        ],
        "edges": [
            {"source": "start", "target": "count"},
            {"source": "count", "target": "more"},
            {"source": "more", "sourceHandle": "true", "target": "count"}
        ],
        "settings": {"max_iterations": ITERATIONS}
    });
    let document = DocumentText::parse(cycle.to_string()).unwrap();
    let hash = hash_of(&document);
    let workflow = documents.compile(&hash, &document).unwrap();
    let header = header(1);
    let run = header.run_id;
    core.hold(run, active::Active::new(Task { header, hash, document, workflow }));
    let mut turn = turn::Turn::new(SystemClock.now());
    core.advance(&mut turn, run, crate::engine::Command::Start);
    assert!(core.complete(turn));
    let before = core.memory.taken();
    let (mut turns, mut largest) = (1, 0);
    while core.runs.contains_key(&run) {
        let snapshot = core.journal.read().unwrap();
        let rows = snapshot.events(run).unwrap();
        largest = largest.max(rows.map(|row| row.unwrap().value().len()).sum::<usize>());
        assert!(core.memory.taken() <= before + 1_000, "{} bytes of memory", core.memory.taken());
        assert!(core.turn(), "it goes on");
        turns += 1;
    }
    assert!(turns >= 2 * ITERATIONS / 500, "{turns} turns");
    // What is written in a turn comes on top of what calls for the shorter form.
    assert!(largest <= 512 << 10, "{largest} bytes in the journal");
}
