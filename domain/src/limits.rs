//! Published limits: the one table.
//!
//! What is accepted within them can be written and read back everywhere: in events, in the journal, in rows and in
//! answers. Every error that comes from one names it, by the constant's name. `docs/limits.md` is the same table for
//! people; a test compares the two.

use std::fmt::Display;

/// A limit.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// Its name, in errors too.
    pub name: &'static str,
    /// The most that is taken.
    pub most: usize,
    /// Of what.
    pub unit: &'static str,
}

macro_rules! limits {
    ($($(#[$doc:meta])+ $name:ident: $type:ty = $most:expr, $unit:literal;)+) => {
        $($(#[$doc])+ pub const $name: $type = $most;)+

        /// All of them.
        pub const ALL: &[Limit] =
            &[$(Limit { name: stringify!($name), most: $name as usize, unit: $unit }),+];
    };
}

/// Shortest time from one occurrence of a schedule to the next, in milliseconds.
pub const MIN_SCHEDULE_INTERVAL_MS: usize = 1_000;

limits! {
    /// Largest request body that a function accepts: 1 MiB (Vercel itself stops at 4.5 MB).
    MAX_BODY_BYTES: usize = 1024 * 1024, "bytes";
    /// Largest body of a request to a webhook: what the platform lets through, which stops at 4.5 MB. What of it becomes
    /// an item is within the limit of a run's input; files are stored.
    MAX_HOOK_BODY_BYTES: usize = 4 * 1024 * 1024, "bytes";
    /// Most parts of such a body, where it has parts.
    MAX_HOOK_PARTS: usize = 100, "parts";
    /// Largest workflow document, as compact JSON. It travels in every task, so it must leave room for the input.
    MAX_DOCUMENT_BYTES: usize = 256 * 1024, "bytes";
    /// Largest input of a run, as compact JSON. Its pins count with it.
    MAX_INPUT_BYTES: usize = 512 * 1024, "bytes";
    /// Largest record that the topics have to take. A task carries a document, an input and pins as JSON strings, where a
    /// quotation mark or a backslash takes two bytes.
    MAX_RECORD_BYTES: usize = 2 * 1024 * 1024, "bytes";
    /// Most nodes in a workflow.
    MAX_NODES: usize = 500, "nodes";
    /// Most edges in a workflow.
    MAX_EDGES: usize = 2_000, "edges";
    /// Most iterations that a loop may have: as many as `max_iterations` may ask for.
    MAX_ITERATIONS: u32 = 100_000, "iterations";
    /// Most iterations of a node that are shown in one answer about it: the newest.
    MAX_ITERATIONS_SHOWN: usize = 20, "iterations";
    /// Most loops within loops.
    MAX_LOOP_DEPTH: usize = 10, "levels";
    /// Most steps that a run may have, those of all iterations together: each is a row in the store.
    MAX_RUN_STEPS: u32 = 5_000_000, "steps";
    /// Most items in a run's input, and that one port of one step may emit.
    MAX_ITEMS: usize = 10_000, "items";
    /// Largest output of a step, as compact JSON.
    MAX_STEP_OUTPUT_BYTES: usize = 4 * 1024 * 1024, "bytes";
    /// Most that all steps of a run give together: their outputs with their lineage, and their errors, as compact JSON.
    ///
    /// A run is read, recorded and answered as a whole. Of loops what is kept counts: the newest iterations, and what
    /// leaves the loop or is on its way back.
    MAX_RUN_OUTPUT_BYTES: usize = 64 * 1024 * 1024, "bytes";
    /// Most that all steps of a run give together, those of all iterations: what the store keeps of it.
    MAX_RUN_RECORDED_BYTES: usize = 1024 * 1024 * 1024, "bytes";
    /// Most that the outputs in one answer about a run come to together, as compact JSON: the run's and its steps'.
    ///
    /// Of more than that the largest are left out, and read one node at a time. It is more than three largest steps give.
    MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024, "bytes";
    /// Largest file.
    MAX_FILE_BYTES: u64 = 256 * 1024 * 1024, "bytes";
    /// Longest name of a file. It is cut.
    MAX_FILE_NAME: usize = 255, "bytes";
    /// Most items that a step looks at to find which items of other nodes belong to its own (`$('node').item`).
    MAX_LINEAGE_STEPS: usize = 1_000_000, "items";
    /// Largest value that a step keeps over a wait or a retry, as compact JSON: its output so far, and the errors of items.
    MAX_KEPT_BYTES: usize = 2 * MAX_STEP_OUTPUT_BYTES, "bytes";
    /// Deepest nesting of such a value: items within what tells them apart.
    MAX_KEPT_DEPTH: usize = MAX_DEPTH + 10, "levels";
    /// Largest data of a signal, as compact JSON.
    MAX_SIGNAL_BYTES: usize = MAX_INPUT_BYTES, "bytes";
    /// Longest reason for which a run is cancelled: it is the message of the run's error.
    MAX_REASON_BYTES: usize = MAX_MESSAGE_BYTES, "bytes";
    /// Largest body of a run's response, as compact JSON. A function passes it on in one piece.
    MAX_RESPONSE_BODY_BYTES: usize = 1024 * 1024, "bytes";
    /// Most that the names and values of a response's headers come to: what proxies take.
    MAX_RESPONSE_HEADER_BYTES: usize = 8 * 1024, "bytes";
    /// Deepest nesting of JSON: of an item, a node's parameter, a field that the editor adds, a signal's data.
    ///
    /// An object without objects is one level. JSON readers stop at 128 levels, and all of these travel inside other
    /// documents.
    MAX_DEPTH: usize = 100, "levels";
    /// Deepest nesting of an error's details: an item may carry them, in `error.details`.
    MAX_DETAILS_DEPTH: usize = MAX_DEPTH - 2, "levels";
    /// Largest details of an error, as compact JSON.
    MAX_DETAILS_BYTES: usize = 64 * 1024, "bytes";
    /// Longest message of an error, in bytes. A step's history holds one for each attempt.
    MAX_MESSAGE_BYTES: usize = 4 * 1024, "bytes";
    /// Longest expression: what stands between `{{` and `}}`. It is parsed when a workflow is saved.
    MAX_EXPRESSION_BYTES: usize = 8 * 1024, "bytes";
    /// Most different expressions of a workflow that are more than plain paths.
    MAX_EXPRESSIONS: usize = 2_000, "expressions";
    /// Most that different expressions of a workflow and its programs come to together, plain paths aside.
    MAX_EXPRESSIONS_BYTES: usize = 64 * 1024, "bytes";
    /// Longest program of a `code` node. It is parsed when a workflow is saved, and counts as an expression.
    MAX_CODE_BYTES: usize = 32 * 1024, "bytes";
    /// Most that what JavaScript writes to its console comes to in a step.
    MAX_CONSOLE_BYTES: usize = 16 * 1024, "bytes";
    /// Most classes of characters by property (`\p{L}`), and ranges beyond ASCII (`α-ω`), in the expressions of a workflow.
    MAX_CHARACTER_CLASSES: usize = 100, "classes";
    /// Heaviest regular expression of a parameter: a character counts 1, a class such as `\w` 100, what is repeated `{n}`
    /// as often.
    MAX_PATTERN_WEIGHT: usize = 1_000, "units";
    /// Most that different regular expressions in the parameters of a workflow weigh together.
    MAX_PATTERNS_WEIGHT: usize = 8_000, "units";
    /// Most that a parameter may list: fields, or what is made of fields.
    MAX_FIELDS: usize = 250, "entries";
    /// Deepest nesting of `all` and `any` in a condition.
    MAX_CONDITION_DEPTH: usize = 16, "levels";
    /// Most cases of a `switch`.
    MAX_CASES: usize = 100, "cases";
    /// Longest name of a port that the author of a workflow chooses.
    MAX_PORT_NAME: usize = 64, "characters";
    /// Most mistakes that are told of a document.
    MAX_VIOLATIONS: usize = 100, "violations";
    /// Most that a step's JavaScript may read at a time: its items, and the outputs of the nodes that it names.
    MAX_JAVASCRIPT_INPUT_BYTES: usize = 32 * 1024 * 1024, "bytes";
    /// Most that a step's JavaScript expressions may come to together, as compact JSON.
    MAX_JAVASCRIPT_OUTPUT_BYTES: usize = 16 * 1024 * 1024, "bytes";
    /// Largest text that is read as HTML, XML or Markdown: a parser works on it in one piece.
    MAX_MARKUP_BYTES: usize = 1024 * 1024, "bytes";
    /// Most elements, texts and attributes that such a text may come to: a short text of HTML can stand for many.
    MAX_MARKUP_NODES: usize = 50_000, "nodes";
    /// Deepest nesting of elements of HTML, with those that a reader of HTML adds. What nests deeper is no page of people.
    MAX_MARKUP_DEPTH: usize = 200, "levels";
    /// Longest CSS selector, in bytes.
    MAX_SELECTOR_BYTES: usize = 1_000, "bytes";
    /// Deepest nesting of brackets in a CSS selector: its reader follows them.
    MAX_SELECTOR_DEPTH: usize = 10, "levels";
    /// Most random bytes that one item asks for.
    MAX_RANDOM_BYTES: usize = 1_024, "bytes";
    /// Longest cron pattern of a schedule, in bytes.
    MAX_CRON_BYTES: usize = 256, "bytes";
    /// Longest `jitter` of a schedule: a day.
    MAX_SCHEDULE_JITTER_MS: usize = 86_400_000, "milliseconds";
    /// Longest `catch_up` of a schedule: 7 days, as long as a run waits to begin.
    MAX_SCHEDULE_CATCH_UP_MS: usize = 7 * 86_400_000, "milliseconds";
    /// Most occurrences of a schedule that are started at once; the further ones follow in their order.
    MAX_OCCURRENCES_AT_ONCE: usize = 100, "runs";
    /// Longest idempotency key, in bytes.
    MAX_IDEMPOTENCY_KEY: usize = 255, "bytes";
    /// Largest limit of concurrent runs.
    MAX_CONCURRENCY: u32 = 10_000, "runs";
    /// Most runs within runs: how deep workflows may call each other.
    MAX_CALL_DEPTH: u32 = 16, "levels";
    /// Most runs that a step has called and that have not ended, where it calls one for each item.
    MAX_CALL_CONCURRENCY: usize = 100, "runs";
    /// Most runs that the steps of a run may call together.
    MAX_RUN_CALLS: u32 = 100_000, "runs";
    /// Most pages of an answer that `http_request` asks for.
    MAX_PAGES: usize = 1_000, "pages";
    /// Most credentials of a tenant.
    MAX_CREDENTIALS: usize = 1_000, "credentials";
    /// Largest values of a credential, as compact JSON.
    MAX_CREDENTIAL_BYTES: usize = 16 * 1024, "bytes";
    /// Longest name of a credential.
    MAX_CREDENTIAL_NAME: usize = 128, "characters";
    /// Most hosts that a credential is bound to.
    MAX_CREDENTIAL_HOSTS: usize = 50, "hosts";
    /// Most workflows that are told of those that use a credential.
    MAX_USED_BY: usize = 100, "workflows";
    /// Most attempts that a node's retry may ask for.
    MAX_ATTEMPTS: u32 = 100, "attempts";
}

/// What is said of something above a limit: `600 nodes are above the limit of 500 (MAX_NODES)`.
#[must_use]
pub fn above(found: usize, what: &str, most: impl Display, name: &str) -> String {
    format!("{found} {what} are above the limit of {most} ({name})")
}
