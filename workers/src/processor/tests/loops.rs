//! Loops: they take turns, and leave little behind.

use super::{
    bench::{Bench, runs},
    *,
};

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

/// A workflow whose loop has so many iterations.
fn cycle(iterations: usize, body: &[Value], edges: &[Value]) -> DocumentText {
    let more = json!({"where": {"left": "{{ $iteration }}", "op": "lt", "right": iterations - 1}});
    let mut nodes = vec![
        json!({"id": "start", "type": "manual"}),
        json!({"id": "more", "type": "if", "data": {"params": more}}),
    ];
    nodes.extend_from_slice(body);
    let mut all = vec![
        json!({"source": "start", "target": "more"}),
        json!({"source": "more", "sourceHandle": "true", "target": "more"}),
    ];
    all.extend_from_slice(edges);
    let settings = json!({"max_iterations": iterations});
    let document = json!({"name": "Test", "nodes": nodes, "edges": all, "settings": settings});
    DocumentText::parse(document.to_string()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_turn_ends_after_so_many_steps_that_are_skipped_too() {
    const SKIPPED: usize = 200;
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    let mut bench = Bench::on(journal, SystemClock.now(), |_| {});
    // Nothing is ever on the way to the first of them.
    let names: Vec<_> = (0..SKIPPED).map(|n| format!("n{n}")).collect();
    let body: Vec<_> = names.iter().map(|id| json!({"id": id, "type": "noop"})).collect();
    let mut edges = vec![json!({"source": "never", "target": "n0"})];
    edges.extend(names.windows(2).map(|pair| json!({"source": pair[0], "target": pair[1]})));
    let never = json!({"id": "never", "type": "filter", "data": {"params": {"where": false}}});
    let body = [vec![never], body].concat();
    edges.push(json!({"source": "more", "sourceHandle": "true", "target": "never"}));
    let header = runs("acme", 1).remove(0);
    bench.hand_over(&[Arc::clone(&header)], &cycle(60, &body, &edges));
    let mut largest = 0;
    while bench.core.runs.contains_key(&header.run_id) {
        let snapshot = bench.core.journal.read().unwrap();
        for row in snapshot.events(header.run_id).unwrap() {
            let row = row.unwrap();
            if !codec::is_progress(row.value()) {
                largest = largest.max(codec::count_events(row.value()).unwrap());
            }
        }
        assert!(bench.core.turn(), "it goes on");
    }
    // 500 steps are computed in a turn at most, so without the bound it would be 250 iterations of 200 steps.
    assert!(largest > 1_000 && largest <= 2_000 + 2 * SKIPPED as u64, "{largest} events in one turn");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_tenant_whose_runs_loop_a_hundred_thousand_times_lets_others_go_in_between() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    let mut bench = Bench::on(journal, SystemClock.now(), |deps| {
        let limits = BacklogLimits { rows: 1_000_000, bytes: 1 << 30 };
        let (journal, clock) = (Arc::clone(&deps.journal), Arc::clone(&deps.clock));
        deps.backlog = Arc::new(Backlog::open(journal, clock, limits).unwrap());
    });
    let busy = runs("busy", 8);
    bench.hand_over(&busy, &cycle(100_000, &[], &[]));
    for _ in 0..20 {
        assert!(bench.core.turn());
    }
    // One that only computes ends in the turn in which it comes.
    let quick = runs("other", 1);
    bench.hand_over(&quick, &document());
    assert!(!bench.core.runs.contains_key(&quick[0].run_id), "it has ended");
    // One that takes several turns has them in between.
    let other = runs("other", 1);
    bench.hand_over(&other, &cycle(2_500, &[], &[]));
    let mut turns = 0;
    while bench.core.runs.contains_key(&other[0].run_id) {
        assert!(bench.core.turn());
        turns += 1;
    }
    assert!(turns <= 60, "{turns} turns for five of its own");
    assert!(busy.iter().all(|run| bench.core.runs.contains_key(&run.run_id)), "they have not ended");
    bench.core.dispatcher.abort_all();
}

#[tokio::test]
async fn a_loop_that_calls_writes_its_runs_input_at_its_beginning_and_at_its_end_alone() {
    const ITEMS: usize = 40;
    let directory = tempfile::tempdir().unwrap();
    let mut bench = Bench::on(Journal::open(directory.path()).unwrap(), SystemClock.now(), |_| {});
    let (_silent, call) = call_that_is_never_answered();
    let mut document: Value = serde_json::from_str(call.as_str()).unwrap();
    document["nodes"].as_array_mut().unwrap().push(json!({"id": "l", "type": "loop"}));
    document["edges"] = json!([
        {"source": "start", "target": "l"},
        {"source": "l", "sourceHandle": "loop", "target": "call"},
        {"source": "call", "target": "l"}
    ]);
    let input: Vec<_> = (0..ITEMS).map(|n| json!({"n": n, "text": "x".repeat(2_000)})).collect();
    let header = Arc::new(RunHeader { input: json!(input), ..RunHeader::clone(&runs("acme", 1)[0]) });
    bench.hand_over(&[Arc::clone(&header)], &DocumentText::parse(document.to_string()).unwrap());
    for _ in 0..ITEMS {
        bench.succeed(header.run_id);
    }
    assert!(!bench.core.runs.contains_key(&header.run_id), "it has ended");
    let snapshot = bench.core.journal.read().unwrap();
    let rows: Vec<_> = snapshot.outbox_rows().unwrap().into_iter().map(|(_, _, bytes)| bytes).collect();
    assert_eq!(rows.len(), ITEMS + 1);
    let input = ITEMS * 2_000;
    let (first, last) = (rows[0], rows[ITEMS]);
    assert!(first > input && last > input, "{rows:?}");
    assert!(rows[1..ITEMS].iter().all(|bytes| *bytes < 10_000), "{rows:?}");
}
