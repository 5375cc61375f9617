//! The runner: one attempt of one node, from its inputs to its outcome.
//!
//! It keeps a step within the node's time limit, within the published limits of items and bytes, and away from the
//! async threads when it computes for long. A step that panics fails; nothing else does.

mod settings;
mod task;

use std::{
    any::Any,
    future::Future,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

pub use crate::{
    expr::JavaScriptLimits,
    nodes::{Allow, HttpSettings, HttpSetupError, InvalidAllow},
};
use domain::{duration::HumanDuration, retry::Failure, run::NodeError, trace::TraceContext};
use futures_util::FutureExt;
use minireipaz::clock::Clock;
use minireipaz::telemetry::{TraceSpan, names};
pub use settings::RunnerSettings;
pub use task::{Compiled, StepTask};
use tokio::sync::Semaphore;
use tracing::{Instrument, Span};

use crate::{
    engine::Outcome,
    expr::{Evaluator, Scope},
    nodes::{CallContext, Executable, HttpClient, PureStep, failed},
    spans,
};

/// How much longer than its time limit a step may take to say so itself, with what it has done so far.
const GRACE: Duration = Duration::from_millis(500);

/// A step is run inline when it evaluates no more values than this: some tens of microseconds.
const INLINE_VALUES: usize = 200;

/// Runs steps.
#[derive(Clone)]
pub struct Runner {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) settings: RunnerSettings,
    clock: Arc<dyn Clock>,
    env: Arc<std::collections::BTreeMap<String, String>>,
    javascript: Arc<Semaphore>,
    http: HttpClient,
}

impl Runner {
    /// A runner.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up: no TLS, no system certificates.
    pub fn new(settings: RunnerSettings, clock: Arc<dyn Clock>) -> Result<Self, HttpSetupError> {
        let shared = Shared {
            clock,
            env: Arc::new(settings.env.clone()),
            javascript: Arc::new(Semaphore::new(settings.javascript_threads.max(1))),
            http: HttpClient::new(&settings.http)?,
            settings,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Runs an attempt. The future may be dropped at any time to abort it.
    pub fn run(&self, task: StepTask) -> impl Future<Output = Outcome> + Send + 'static {
        let shared = Arc::clone(&self.shared);
        let here = TraceSpan::after(Some(task.run.trace()));
        let span = spans::step(&task, here);
        let (began, kind) = (Instant::now(), task.name().1);
        async move {
            let Some(limit) = task.workflow.definition().nodes.get(task.node).map(|node| node.timeout) else {
                return unknown_node(&task);
            };
            let deadline = Instant::now() + limit;
            let net = tokio::time::Instant::from_std(deadline + GRACE);
            let work = AssertUnwindSafe(shared.execute(task, deadline, here.context())).catch_unwind();
            let outcome = match tokio::time::timeout_at(net, work).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(panic)) => panicked(&*panic),
                Err(_) => timed_out(limit),
            };
            measure(kind, began, &outcome);
            outcome
        }
        .instrument(span)
    }

    /// Runs an attempt on this thread, when that takes microseconds: the kind only computes, nothing needs
    /// JavaScript, and there is little to compute.
    #[must_use]
    pub fn run_inline(&self, task: &StepTask) -> Option<Outcome> {
        let Some(Executable::Pure(executable)) = task.workflow.executable(task.node) else { return None };
        let traits = executable.traits();
        let items: usize = task.inputs.iter().map(|(_, items)| items.len()).sum();
        if traits.needs_javascript || items.saturating_mul(traits.values) > INLINE_VALUES {
            return None;
        }
        let _span = spans::inline_step(task).entered();
        let run = AssertUnwindSafe(|| self.shared.compute(task, Instant::now() + GRACE));
        let began = Instant::now();
        let outcome = std::panic::catch_unwind(run).unwrap_or_else(|panic| panicked(&*panic));
        measure(task.name().1, began, &outcome);
        Some(outcome)
    }
}

/// Counts the attempt's time, and notes in its span how it ended.
fn measure(kind: &'static str, began: Instant, outcome: &Outcome) {
    if let Outcome::Failed(failed) = outcome {
        Span::current().record("error.code", failed.error.code.as_str());
    }
    let outcome = if matches!(outcome, Outcome::Succeeded(_)) { "succeeded" } else { "failed" };
    metrics::histogram!(names::WORKER_STEP_SECONDS, names::NODE_KIND => kind, names::OUTCOME => outcome)
        .record(began.elapsed());
}

impl Shared {
    async fn execute(self: Arc<Self>, task: StepTask, deadline: Instant, trace: TraceContext) -> Outcome {
        match task.workflow.executable(task.node) {
            None => unknown_node(&task),
            Some(Executable::Pure(executable)) => {
                let needs_javascript = executable.traits().needs_javascript;
                let shared = Arc::clone(&self);
                self.on_thread(needs_javascript, move || shared.compute(&task, deadline))
                    .await
                    .unwrap_or_else(|failure| failure)
            }
            Some(Executable::Call(_)) => {
                let workflow = Arc::clone(&task.workflow);
                let Some(Executable::Call(executable)) = workflow.executable(task.node) else {
                    return unknown_node(&task);
                };
                let scope = Arc::new(self.scope(&task));
                executable.call(CallContext { shared: self, scope, task, deadline, trace }).await
            }
        }
    }

    fn compute(&self, task: &StepTask, deadline: Instant) -> Outcome {
        let (Some(Executable::Pure(executable)), Some(node)) =
            (task.workflow.executable(task.node), task.workflow.definition().nodes.get(task.node))
        else {
            return unknown_node(task);
        };
        let scope = Arc::new(self.scope(task));
        let evaluator = Evaluator::new(&scope, self.settings.javascript, deadline);
        match executable.run(PureStep { node, scope: &scope, inputs: &task.inputs, evaluator, deadline }) {
            // An expression that was cut off by the node's time limit is not wrong.
            Outcome::Failed(failed) if failed.error.code == "expression" && Instant::now() >= deadline => {
                timed_out(node.timeout)
            }
            outcome => outcome,
        }
    }

    fn scope(&self, task: &StepTask) -> Scope {
        let input = match task.inputs.as_slice() {
            [] => Arc::default(),
            [(_, only)] => Arc::clone(only),
            several => Arc::new(several.iter().flat_map(|(_, items)| items.iter().cloned()).collect()),
        };
        Scope {
            run: Arc::clone(&task.run),
            definition: Arc::clone(task.workflow.definition()),
            workflow_name: Arc::clone(task.workflow.name()),
            input,
            outputs: task.outputs.clone(),
            now: self.clock.now(),
            env: Arc::clone(&self.env),
            objects: Default::default(),
        }
    }

    pub(crate) const fn http(&self) -> &HttpClient {
        &self.http
    }

    pub(crate) fn now(&self) -> domain::timestamp::Timestamp {
        self.clock.now()
    }

    /// Runs `work` on a thread that may be blocked. The place of a step that is given up on stays taken until its
    /// thread is really free.
    pub(crate) async fn on_thread<T: Send + 'static>(
        &self,
        needs_javascript: bool,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Outcome> {
        let place =
            if needs_javascript { Arc::clone(&self.javascript).acquire_owned().await.ok() } else { None };
        let done = tokio::task::spawn_blocking(move || {
            let _place = place;
            work()
        })
        .await;
        done.map_err(|error| match error.try_into_panic() {
            Ok(panic) => panicked(&*panic),
            // Only at the runtime's end.
            Err(_) => failed(NodeError::new("aborted", "the worker is stopping"), Failure::Connection),
        })
    }
}

/// The attempt took longer than the node's time limit.
pub(crate) fn timed_out(limit: Duration) -> Outcome {
    failed(timeout_error(limit), Failure::Timeout)
}

pub(crate) fn timeout_error(limit: Duration) -> NodeError {
    let limit = HumanDuration(limit);
    NodeError::new("timeout", format!("the attempt took longer than the node's time limit of {limit}"))
}

fn panicked(panic: &(dyn Any + Send)) -> Outcome {
    let said = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    tracing::error!(panic = said, "a step panicked");
    let message = format!("the node's code panicked, which is a bug of the worker: {said}");
    failed(NodeError::new("panic", message), Failure::Permanent)
}

fn unknown_node(task: &StepTask) -> Outcome {
    let message = format!("the workflow has no node {}", task.node);
    failed(NodeError::new("unknown_node", message), Failure::Permanent)
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
