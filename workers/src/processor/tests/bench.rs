//! A processor that is driven turn by turn, on a clock that is moved by hand.

use domain::{items::Output, timestamp::Timestamp};
use minireipaz::clock::ManualClock;

use super::*;
use crate::engine::{Command, Outcome};

/// A processor that is driven turn by turn.
pub(super) struct Bench {
    pub(super) core: Core,
    pub(super) inputs: Inputs,
    pub(super) gate: Arc<Gate>,
    pub(super) documents: Arc<Documents>,
    pub(super) clock: Arc<ManualClock>,
    _open: oneshot::Receiver<()>,
}

impl Bench {
    pub(super) fn on(journal: Journal, now: Timestamp, set: impl FnOnce(&mut ProcessorDeps)) -> Self {
        let (mut deps, open) = deps(journal, 1 << 30);
        let clock = Arc::new(ManualClock::at(now));
        deps.clock = Arc::clone(&clock) as _;
        set(&mut deps);
        let (documents, gate) = (Arc::clone(&deps.documents), Arc::clone(&deps.gate));
        gate.set_open(true);
        let (sender, receiver) = mpsc::channel();
        let inputs = Inputs { sender };
        let mut core = Core::new(deps, (inputs.clone(), receiver), Arc::default()).unwrap();
        core.recover().unwrap();
        Self { core, inputs, gate, documents, clock, _open: open }
    }

    /// Ends as a crash does, and leaves the journal.
    pub(super) fn crash(mut self) -> Journal {
        self.core.dispatcher.abort_all();
        self.core.end_reads();
        let Self { core, gate, .. } = self;
        let journal = Arc::clone(&core.journal);
        drop((core, gate));
        Arc::into_inner(journal).unwrap()
    }

    /// Hands runs over in one batch, in a turn of its own unless others are before it.
    pub(super) fn hand_over(&mut self, headers: &[Arc<RunHeader>], document: &DocumentText) -> Receipt {
        let hash = hash_of(document);
        let workflow = self.documents.compile(&hash, document).unwrap();
        let task = |header: &Arc<RunHeader>| Task {
            header: Arc::clone(header),
            hash,
            document: document.clone(),
            workflow: Arc::clone(&workflow),
        };
        let (reply, mut answer) = oneshot::channel();
        self.inputs.send(Input::Delivery(Delivery {
            tasks: headers.iter().map(task).collect(),
            rejected: Vec::new(),
            elsewhere: Vec::new(),
            letters: Vec::new(),
            reply,
            admission: self.gate.announce(1, Sender::Connector).unwrap().admit().unwrap(),
        }));
        for _ in 0..20 {
            assert!(self.core.turn());
            if let Ok(receipt) = answer.try_recv() {
                return receipt.unwrap();
            }
        }
        panic!("others hold the batch up")
    }

    /// A turn in which nothing comes but what is due.
    pub(super) fn turn(&mut self) {
        self.inputs.send(Input::Wake);
        assert!(self.core.turn());
    }

    /// The step that runs of this run succeeds.
    pub(super) fn succeed(&mut self, run: RunId) {
        let state = &self.core.runs[&run].state;
        let (step, attempt) = state.running().next().unwrap();
        self.inputs.send(Input::Finished {
            tenant: state.header().tenant.clone(),
            run,
            run_attempt: state.header().attempt,
            step,
            attempt,
            outcome: Some(Box::new(Outcome::Succeeded(Output::default()))),
            bytes: 0,
        });
        assert!(self.core.turn());
    }

    /// Tells a run something, in a turn of its own.
    pub(super) fn tell(&mut self, run: RunId, command: Command) {
        let mut turn = turn::Turn::new(self.clock.now());
        self.core.load(&mut turn, run).unwrap();
        self.core.advance(&mut turn, run, command);
        assert!(self.core.complete(turn));
    }

    pub(super) fn under_way(&self) -> Vec<RunId> {
        let mut runs: Vec<_> = self.core.runs.keys().copied().collect();
        runs.sort();
        runs
    }

    pub(super) fn unfinished(&self) -> usize {
        self.core.journal.read().unwrap().unfinished(false).unwrap().len()
    }
}

/// Runs of a tenant, accepted one millisecond after the other.
pub(super) fn runs(tenant: &str, count: i64) -> Vec<Arc<RunHeader>> {
    let now = SystemClock.now().as_millis();
    let header = |n: i64| {
        let created_at = Timestamp::from_millis(now - count + n);
        let tenant = TenantId::parse(tenant).unwrap();
        Arc::new(RunHeader {
            run_id: RunId::at(created_at, rand::random()),
            created_at,
            tenant,
            ..RunHeader::clone(&header(1))
        })
    };
    (0..count).map(header).collect()
}

pub(super) fn ids(headers: &[Arc<RunHeader>]) -> Vec<RunId> {
    headers.iter().map(|header| header.run_id).collect()
}

/// A workflow that waits for an hour.
pub(super) fn patient() -> DocumentText {
    let document = json!({
        "name": "Test",
        "nodes": [
            {"id": "start", "type": "manual"},
            {"id": "wait", "type": "wait", "data": {"params": {"for": "1h"}}}
        ],
        "edges": [{"source": "start", "target": "wait"}],
    });
    DocumentText::parse(document.to_string()).unwrap()
}
