//! Runs, their steps and their entries in lists: rows of one table, and back.

use klickhouse::Value;
use uuid::Uuid;

use super::{
    cells::{Reader, flag, json, moment, numbers, optional_json, optional_moment, row, text},
    connection::InsertRow,
};
use crate::store::{Found, StepFact, StoreError, UnreadableRow};
use domain::{
    ids::{NodeId, RunId, TenantId, WorkflowId},
    iteration::Iteration,
    run::{Run, RunKey, Step, StepStatus},
    timestamp::Timestamp,
};

/// The table. Its migration says what `owner_id` and `place` are.
pub(super) const RUN_ROWS: &str = "run_rows";

/// The version of a run's or step's row: a newer attempt beats any revision of an older one.
pub(super) fn version(attempt: u32, revision: u64) -> u64 {
    u64::from(attempt) << 32 | revision.min(u64::from(u32::MAX))
}

/// The attempt and the revision of a version.
pub(super) const fn attempt_and_revision(version: u64) -> (u32, u64) {
    ((version >> 32) as u32, version & u32::MAX as u64)
}

/// Where a run stands in the list of its workflow's runs: as text in the order of the list.
pub(super) fn list_place(created_at: Timestamp, run: Uuid) -> String {
    format!("{:012x}{}", created_at.as_millis().max(0), run.simple())
}

/// Where the rows of all steps of a node's iterations are: before every place of a run but its own, so that a read of the
/// run passes them over, and in the order in which the iterations ran. No node's id has such a character.
const ITERATIONS: char = '\u{1}';

/// The condition for the rows of a run itself: its own, and of each node the newest step.
pub(super) const OF_THE_RUN: &str = "(place = '' OR place >= ' ')";

/// Where the step of one iteration is; of a node outside loops where the node is.
pub(super) fn step_place(node: &NodeId, iteration: &Iteration) -> String {
    if iteration.is_outside() {
        return node.as_str().to_owned();
    }
    let counters: String = iteration.counters().iter().map(|counter| format!("{counter:08x}")).collect();
    format!("{}{counters}", before_iterations(node))
}

/// Before the places of all iterations of a node.
pub(super) fn before_iterations(node: &NodeId) -> String {
    format!("{ITERATIONS}{node}{ITERATIONS}")
}

/// The id of the node whose step is at that place.
fn node_at(place: &str) -> &str {
    let iteration = place.strip_prefix(ITERATIONS).and_then(|place| place.split_once(ITERATIONS));
    iteration.map_or(place, |(node, _)| node)
}

/// A row of any kind; what it has nothing of stays empty. JSON is text already.
#[derive(Default)]
struct RunRow<'a> {
    tenant: &'a str,
    owner_id: Uuid,
    place: &'a str,
    iteration: &'a [u32],
    version: u64,
    status: &'static str,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    output: Vec<u8>,
    error: Vec<u8>,
    workflow_id: Uuid,
    workflow_version: u32,
    trigger: Vec<u8>,
    input: Vec<u8>,
    created_at: Timestamp,
    ordinal: u32,
    kind: &'a str,
    attempts: u32,
    lineage: Vec<u8>,
    console: Vec<u8>,
    waits_for: Vec<u8>,
    signal: Vec<u8>,
    pinned: bool,
    response: Vec<u8>,
}

impl From<RunRow<'_>> for InsertRow {
    fn from(row: RunRow<'_>) -> Self {
        row! {
            "tenant": text(row.tenant),
            "owner_id": Value::Uuid(row.owner_id),
            "place": text(row.place),
            "iteration": numbers(row.iteration),
            "version": Value::UInt64(row.version),
            "status": text(row.status),
            "started_at": optional_moment(row.started_at),
            "finished_at": optional_moment(row.finished_at),
            "output": Value::String(row.output),
            "error": Value::String(row.error),
            "workflow_id": Value::Uuid(row.workflow_id),
            "workflow_version": Value::UInt32(row.workflow_version),
            "trigger": Value::String(row.trigger),
            "input": Value::String(row.input),
            "created_at": moment(row.created_at),
            "ordinal": Value::UInt32(row.ordinal),
            "kind": text(row.kind),
            "attempts": Value::UInt32(row.attempts),
            "lineage": Value::String(row.lineage),
            "console": Value::String(row.console),
            "waits_for": Value::String(row.waits_for),
            "signal": Value::String(row.signal),
            "pinned": flag(row.pinned),
            "response": Value::String(row.response),
        }
    }
}

/// The run's own row.
pub(super) fn run_row(tenant: &TenantId, run: &Run) -> Result<InsertRow, StoreError> {
    let row = RunRow {
        owner_id: run.id.0,
        output: optional_json(run.output.as_ref())?,
        error: optional_json(run.error.as_ref())?,
        input: json(&run.input)?,
        response: optional_json(run.response.as_ref())?,
        ..common(tenant, run)?
    };
    Ok(row.into())
}

/// The run's entry in the list of its workflow's runs, without payloads.
pub(super) fn entry_row(tenant: &TenantId, run: &Run) -> Result<InsertRow, StoreError> {
    let place = list_place(run.created_at, run.id.0);
    Ok(RunRow { owner_id: run.workflow_id.0, place: &place, ..common(tenant, run)? }.into())
}

/// What a run's row and its entry have in common.
fn common<'a>(tenant: &'a TenantId, run: &Run) -> Result<RunRow<'a>, StoreError> {
    Ok(RunRow {
        tenant: tenant.as_str(),
        version: version(run.attempt, run.revision),
        status: run.status.as_str(),
        started_at: run.started_at,
        finished_at: run.finished_at,
        workflow_id: run.workflow_id.0,
        workflow_version: run.workflow_version,
        trigger: json(&run.trigger)?,
        created_at: run.created_at,
        ..RunRow::default()
    })
}

/// The row of a step at a place: where its node is, as the newest step of that, or where its iteration is.
pub(super) fn step_row(fact: &StepFact, place: &str) -> Result<InsertRow, StoreError> {
    let step = &fact.step;
    let row = RunRow {
        tenant: fact.tenant.as_str(),
        owner_id: fact.run_id.0,
        place,
        iteration: step.iteration.counters(),
        version: version(fact.run_attempt, fact.revision),
        status: step.status.as_str(),
        started_at: step.started_at,
        finished_at: step.finished_at,
        output: optional_json(step.output.as_ref())?,
        error: optional_json(step.error.as_ref())?,
        ordinal: fact.ordinal,
        kind: &step.kind,
        attempts: step.attempts,
        lineage: optional_json(Some(&step.lineage).filter(|lineage| !lineage.is_empty()))?,
        console: optional_json(Some(&step.console).filter(|console| !console.is_empty()))?,
        waits_for: optional_json(step.waits_for.as_ref())?,
        signal: optional_json(step.signal.as_ref())?,
        pinned: step.pinned,
        ..RunRow::default()
    };
    Ok(row.into())
}

/// The columns of a run or a step.
pub(super) const RUN_OR_STEP: &str = "tenant, owner_id, place, iteration, version, status, started_at, finished_at, \
     output, error, workflow_id, workflow_version, trigger, input, created_at, response, \
     ordinal, kind, attempts, lineage, console, waits_for, signal, pinned";

/// How many of [`RUN_OR_STEP`] are of runs only, from `workflow_id` on.
const OF_RUNS_ONLY: usize = 6;

/// What a row of [`RUN_OR_STEP`] is.
pub(super) enum RunOrStep {
    Run(Found<Run>),
    Step {
        /// Its place among the run's steps.
        ordinal: u32,
        /// With what can be read of it.
        step: Step,
        /// Why something of it cannot be.
        unreadable: Option<UnreadableRow>,
    },
}

/// A row of [`RUN_OR_STEP`] of which only the beginning was read.
pub(super) struct Unread {
    run: RunId,
    place: String,
    iteration: Iteration,
    /// From the version on.
    row: Reader,
}

/// A row of [`RUN_OR_STEP`]: of which run it is, and the rest of it.
pub(super) fn read_key(mut row: Reader) -> Found<(RunKey, Unread)> {
    let key = (row.tenant()?, RunId(row.uuid()?));
    let place = row.lossy_text()?;
    let iteration = row.numbers()?.into();
    let unread = Unread { run: key.1, place, iteration, row };
    Ok((key, unread))
}

impl Unread {
    /// Where the output is, counted from the version on.
    const OUTPUT: usize = 4;

    /// Whether it is the run's own.
    pub(super) const fn is_of_the_run(&self) -> bool {
        self.place.is_empty()
    }

    /// Its version.
    pub(super) fn version(&self) -> u64 {
        self.row.peek_u64()
    }

    /// Which iteration its step is of.
    pub(super) const fn iteration(&self) -> &Iteration {
        &self.iteration
    }

    /// How large its output is, as JSON.
    pub(super) fn output_bytes(&self) -> usize {
        self.row.text_len(Self::OUTPUT)
    }

    /// Leaves its output out.
    pub(super) fn leave_out_output(&mut self) {
        self.row.clear_text(Self::OUTPUT);
    }

    /// What it says.
    pub(super) fn read(self) -> RunOrStep {
        let Self { run, place, iteration, row } = self;
        if place.is_empty() {
            RunOrStep::Run(read_run(run, row))
        } else {
            read_step(node_at(&place), iteration, row)
        }
    }
}

fn read_run(id: RunId, mut row: Reader) -> Found<Run> {
    let (attempt, revision) = attempt_and_revision(row.u64()?);
    Ok(Run {
        id,
        revision,
        attempt,
        status: row.name()?,
        // Only its worker knows.
        waits_for: None,
        started_at: row.optional_moment()?,
        finished_at: row.optional_moment()?,
        output: row.optional_json()?,
        error: row.optional_json()?,
        workflow_id: WorkflowId(row.uuid()?),
        workflow_version: row.u32()?,
        trigger: row.json()?,
        input: row.json()?,
        created_at: row.moment()?,
        response: row.optional_json()?,
    })
}

fn read_step(place: &str, iteration: Iteration, row: Reader) -> RunOrStep {
    let mut row = Columns { row, unreadable: None };
    row.get(Reader::u64);
    let node_id = row.node(place);
    let status = row.get(|row| row.name().map(Some));
    let (started_at, finished_at) = (row.get(Reader::optional_moment), row.get(Reader::optional_moment));
    let (output, error) = (row.get(Reader::optional_json), row.get(Reader::optional_json));
    row.row.skip(OF_RUNS_ONLY);
    let ordinal = row.get(Reader::u32);
    let mut step = Step {
        node_id,
        iteration,
        kind: row.get(Reader::text),
        status: status.unwrap_or(StepStatus::Unreadable),
        pinned: false,
        attempts: row.get(Reader::u32),
        started_at,
        finished_at,
        output,
        lineage: row.get(Reader::optional_json).unwrap_or_default(),
        console: row.get(Reader::optional_json).unwrap_or_default(),
        waits_for: row.get(Reader::optional_json),
        signal: row.get(Reader::optional_json),
        error,
    };
    step.pinned = row.get(Reader::flag);
    let step = match &row.unreadable {
        Some(why) => step.unreadable(why.to_string()),
        None => step,
    };
    RunOrStep::Step { ordinal, step, unreadable: row.unreadable }
}

/// Reads a row whose columns that cannot be read cost themselves, and not the others.
struct Columns {
    row: Reader,
    /// Why the first of them cannot be.
    unreadable: Option<UnreadableRow>,
}

impl Columns {
    fn get<T: Default>(&mut self, read: impl FnOnce(&mut Reader) -> Found<T>) -> T {
        read(&mut self.row).unwrap_or_else(|why| {
            self.unreadable.get_or_insert(why);
            T::default()
        })
    }

    /// The node at a place of a run; if no node can have that name, the nearest that one can.
    fn node(&mut self, place: &str) -> NodeId {
        NodeId::parse(place).unwrap_or_else(|error| {
            self.unreadable.get_or_insert(UnreadableRow(error.to_string()));
            NodeId::nearest(place)
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::run::RunStatus;

    use super::*;
    use crate::store::Head;

    #[test]
    fn places_in_a_list_are_in_the_order_of_moment_and_id() {
        let place = |at, id| list_place(Timestamp::from_millis(at), Uuid::from_u128(id));
        let inorder = [place(0, 1), place(255, 0), place(255, 1 << 100), place(4_096, 0), place(1 << 41, 7)];
        assert!(inorder.is_sorted(), "{inorder:?}");
        assert!(inorder.iter().all(|place| place.len() == 44));
    }

    proptest::proptest! {
        #[test]
        fn rows_are_in_the_order_of_heads(a in (0u32..4, 0u64..1 << 20), b in (0u32..4, 0u64..1 << 20)) {
            let head = |(attempt, revision)| Head { attempt, revision, status: RunStatus::Running };
            proptest::prop_assert_eq!(head(a).is_newer_than(&head(b)), version(a.0, a.1) > version(b.0, b.1));
            proptest::prop_assert!(!(head(a).is_newer_than(&head(b)) && head(b).is_newer_than(&head(a))));
        }
    }

    #[test]
    fn iterations_of_a_node_are_in_their_order_and_before_all_nodes() {
        let node = |id: &str| NodeId::parse(id).unwrap();
        let at = |counters: &[u32]| step_place(&node("a"), &Iteration::from(counters.to_vec()));
        let places = [at(&[0]), at(&[1, 0]), at(&[1, 9]), at(&[1, 10]), at(&[2]), at(&[100_000])];
        assert!(places.is_sorted() && places.iter().all(|place| place.as_str() < " "), "{places:?}");
        assert!(places.iter().all(|place| place.starts_with(&before_iterations(&node("a")))));
        assert!(places.iter().all(|place| !place.starts_with(&before_iterations(&node("b")))));
        assert!(places.iter().all(|place| node_at(place) == "a"));
        assert_eq!((at(&[]).as_str(), node_at("a")), ("a", "a"));
    }

    #[test]
    fn a_newer_attempt_beats_every_revision_of_an_older_one() {
        assert!(version(2, 0) > version(1, u64::MAX));
        assert!(version(1, 7) > version(1, 6));
        assert_eq!(attempt_and_revision(version(3, 9)), (3, 9));
    }
}
