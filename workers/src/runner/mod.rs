//! The runner: one attempt of one step, from its inputs to its outcome.
//!
//! It keeps a step within the node's time limit, within the published limits of items and bytes, and away from the
//! async threads when it computes for long. A step that panics fails; nothing else does.

mod compiled;
mod settings;

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

pub use crate::{
    expr::JavaScriptLimits,
    http_client::{Allow, HttpSettings, HttpSetupError, InvalidAllow, RateFloor},
    step::{Input, Inputs, StepTask},
};
pub use compiled::{Attempt, Compiled};
use domain::trace::TraceContext;
use futures_util::FutureExt;
use minireipaz::clock::Clock;
use minireipaz::telemetry::{TraceSpan, names};
pub use settings::RunnerSettings;
use tracing::{Instrument, Span};

use crate::{
    engine::Outcome,
    expr::Evaluator,
    http_client::HttpClient,
    nodes::{CallContext, Executable, PureStep},
    spans,
    step::{Facilities, JavaScript, panicked, timed_out, unknown_node},
};

/// How much longer than its time limit a step may take to say so itself, with what it has done so far.
const GRACE: Duration = Duration::from_millis(500);

/// A step is run inline when it evaluates no more values than this: some tens of microseconds.
const INLINE_VALUES: usize = 200;

/// Runs steps.
#[derive(Clone)]
pub struct Runner {
    facilities: Arc<Facilities>,
}

impl Runner {
    /// A runner.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up: no TLS, no system certificates.
    pub fn new(settings: RunnerSettings, clock: Arc<dyn Clock>) -> Result<Self, HttpSetupError> {
        let facilities = Facilities {
            clock,
            env: Arc::new(settings.env),
            javascript: JavaScript::new(settings.javascript, settings.javascript_threads),
            http: HttpClient::new(&settings.http)?,
        };
        Ok(Self { facilities: Arc::new(facilities) })
    }

    /// Runs an attempt. The future may be dropped at any time to abort it.
    pub fn run(&self, attempt: Attempt) -> impl Future<Output = Outcome> + Send + 'static {
        let facilities = Arc::clone(&self.facilities);
        let here = TraceSpan::after(Some(attempt.task.run.trace()));
        let span = spans::step(&attempt.task, here);
        let (began, kind) = (Instant::now(), attempt.task.name().1);
        async move {
            let Some(limit) = attempt.task.node().map(|node| node.timeout) else {
                return unknown_node(&attempt.task);
            };
            let deadline = Instant::now() + limit;
            let net = tokio::time::Instant::from_std(deadline + GRACE);
            let work = execute(facilities, attempt, deadline, here.context());
            let outcome = match tokio::time::timeout_at(net, AssertUnwindSafe(work).catch_unwind()).await {
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
    pub fn run_inline(&self, attempt: &Attempt) -> Option<Outcome> {
        let Some(Executable::Pure(executable)) = attempt.executable() else { return None };
        let traits = executable.traits();
        let items = attempt.task.inputs.len();
        if traits.needs_javascript || items.saturating_mul(traits.values) > INLINE_VALUES {
            return None;
        }
        let _span = spans::inline_step(&attempt.task).entered();
        let run = AssertUnwindSafe(|| compute(&self.facilities, attempt, Instant::now() + GRACE));
        let began = Instant::now();
        let outcome = std::panic::catch_unwind(run).unwrap_or_else(|panic| panicked(&*panic));
        measure(attempt.task.name().1, began, &outcome);
        Some(outcome)
    }
}

/// Counts the attempt's time, and notes in its span how it ended.
fn measure(kind: &'static str, began: Instant, outcome: &Outcome) {
    if let Outcome::Failed(failed) = outcome {
        Span::current().record("error.code", failed.error.code.as_str());
    }
    metrics::histogram!(names::WORKER_STEP_SECONDS, names::NODE_KIND => kind, names::OUTCOME => outcome.name())
        .record(began.elapsed());
}

async fn execute(
    facilities: Arc<Facilities>,
    attempt: Attempt,
    deadline: Instant,
    trace: TraceContext,
) -> Outcome {
    match attempt.executable() {
        None => unknown_node(&attempt.task),
        Some(Executable::Pure(executable)) => {
            let needs_javascript = executable.traits().needs_javascript;
            let own = Arc::clone(&facilities);
            facilities
                .on_thread(needs_javascript, move || compute(&own, &attempt, deadline))
                .await
                .unwrap_or_else(|failure| failure)
        }
        Some(Executable::Call(_)) => {
            let Attempt { workflow, task } = attempt;
            let Some(Executable::Call(executable)) = workflow.executable(task.step.node) else {
                return unknown_node(&task);
            };
            let scope = Arc::new(task.scope(&facilities));
            executable.call(CallContext { facilities, scope, task, deadline, trace }).await
        }
    }
}

fn compute(facilities: &Facilities, attempt: &Attempt, deadline: Instant) -> Outcome {
    let task = &attempt.task;
    let (Some(Executable::Pure(executable)), Some(node)) = (attempt.executable(), task.node()) else {
        return unknown_node(task);
    };
    let scope = Arc::new(task.scope(facilities));
    let evaluator = Evaluator::new(&scope, facilities.javascript.limits, deadline);
    match executable.run(PureStep { node, task, scope: &scope, evaluator, deadline }) {
        // An expression that was cut off by the node's time limit is not wrong.
        Outcome::Failed(failed) if failed.error.code == "expression" && Instant::now() >= deadline => {
            timed_out(node.timeout)
        }
        outcome => outcome,
    }
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
