//! The runner: one attempt of one step, from its inputs to its outcome.
//!
//! It keeps a step within the node's time limit, within the published limits of items and bytes, and away from the
//! async threads when it computes for long. A step that panics fails; nothing else does.

mod compiled;
mod earlier;
mod settings;
mod trial;

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

pub use crate::{
    expr::{JavaScriptLimits, ResumeLinks, javascript_child},
    files::Files,
    http_client::{Allow, HttpSettings, HttpSetupError, InvalidAllow, RateFloor},
    step::{Input, Inputs, StepTask},
};
pub use compiled::{Attempt, Compiled};
use domain::{
    ids::{RunId, TenantId},
    retry::Failure,
    run::NodeError,
    trace::TraceContext,
    workflow::OnError,
};
use earlier::EarlierRuns;
use futures_util::FutureExt;
use minireipaz::clock::Clock;
use minireipaz::store::Store;
use minireipaz::telemetry::{TraceSpan, names};
pub use settings::RunnerSettings;
use tracing::{Instrument, Span};

use crate::{
    crash_points::{CrashPoint, may_panic, pass},
    credentials::Credentials,
    engine::Outcome,
    expr::{Ask, Evaluator, FEW_STEPS, JavaScript, Scope, Trails, Values},
    http_client::HttpClient,
    nodes::{CallContext, Executable, PureStep, Traits},
    spans,
    step::{
        Callees, Facilities, NoCallees, failed, on_thread, panicked, timed_out, unevaluated, unknown_node,
        with_console,
    },
};

/// How much longer than its time limit a step may take to say so itself, with what it has done so far.
const GRACE: Duration = Duration::from_millis(500);

/// A step is run inline when it evaluates no more values than this: some tens of microseconds.
const INLINE_VALUES: usize = 200;

/// Runs steps.
#[derive(Clone)]
pub struct Runner {
    facilities: Arc<Facilities>,
    /// `None`: it executes every step.
    earlier: Option<EarlierRuns>,
}

impl Runner {
    /// A runner.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up: no TLS, no system certificates.
    pub fn new(settings: RunnerSettings, clock: Arc<dyn Clock>) -> Result<Self, HttpSetupError> {
        Self::with_store(settings, clock, Arc::new(NoCallees), None)
    }

    /// A runner whose steps can call these workflows, and show the credentials of this store; tokens that it does not have
    /// yet are kept in the folder.
    ///
    /// # Errors
    /// As [`Runner::new`].
    pub(crate) fn with_store(
        settings: RunnerSettings,
        clock: Arc<dyn Clock>,
        callees: Arc<dyn Callees>,
        credentials: Option<(Arc<dyn Store>, PathBuf)>,
    ) -> Result<Self, HttpSetupError> {
        let RunnerSettings {
            env,
            javascript,
            javascript_processes,
            javascript_program,
            links,
            credential_keys,
            http,
            files,
        } = settings;
        let http = Arc::new(HttpClient::new(&http)?);
        let credentials = credential_keys.zip(credentials).map(|(keys, (store, folder))| {
            Credentials::new(store, keys, Arc::clone(&http), Arc::clone(&clock), Some(folder))
        });
        let facilities = Facilities {
            clock,
            env: Arc::new(env),
            links: links.map(Arc::new),
            javascript: JavaScript::new(javascript, javascript_processes, javascript_program),
            http,
            credentials,
            callees,
            files,
        };
        Ok(Self { facilities: Arc::new(facilities), earlier: None })
    }

    /// The runner with the store in which it finds what steps gave in earlier runs, for those that are not executed again.
    #[must_use]
    pub fn with_earlier_runs(self, store: Arc<dyn Store>) -> Self {
        let clock = Arc::clone(&self.facilities.clock);
        Self { earlier: Some(EarlierRuns::new(store, clock)), ..self }
    }

    /// The circuit breakers that are open: of which tenant's calls, to which destination, and for how long.
    pub(crate) fn open_breakers(&self, now: tokio::time::Instant) -> Vec<(TenantId, String, Duration)> {
        self.facilities.http.hosts.open_breakers(now)
    }

    /// What calls show, if this worker opens credentials.
    pub(crate) fn credentials(&self) -> Option<&Credentials> {
        self.facilities.credentials.as_ref()
    }

    /// Starts ahead of need what the first step that needs it would wait for. Needs a runtime.
    pub fn warm(&self) {
        self.facilities.javascript.warm();
    }

    /// Runs an attempt. The future may be dropped at any time to abort it.
    pub fn run(&self, attempt: Attempt) -> impl Future<Output = Outcome> + Send + 'static {
        let (facilities, earlier) = (Arc::clone(&self.facilities), self.earlier.clone());
        let here = TraceSpan::after(Some(attempt.task.run.trace()));
        let span = spans::step(&attempt.task, here);
        let (began, kind) = (Instant::now(), attempt.task.name().1);
        async move {
            if let Some(run) = attempt.task.earlier {
                // Not within the node's time limit: that is one of its execution.
                return given_by(earlier.as_ref(), &attempt.task, run).await;
            }
            let Some(limit) = attempt.task.node().map(|node| node.timeout) else {
                return unknown_node(&attempt.task);
            };
            let deadline = Instant::now() + limit;
            let net = tokio::time::Instant::from_std(deadline + GRACE);
            let work = execute(facilities, attempt, deadline, here.context());
            let outcome = match tokio::time::timeout_at(net, AssertUnwindSafe(work).catch_unwind()).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) => panicked(),
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
        let executable = attempt.executable().filter(|_| attempt.task.earlier.is_none())?;
        let Executable::Pure(pure) = executable else { return None };
        let traits = executable.traits();
        if traits.needs_javascript || !is_little(traits, pure.works_on(&attempt.task)) {
            return None;
        }
        let _span = spans::inline_step(&attempt.task).entered();
        let run = AssertUnwindSafe(|| {
            let mut scope = attempt.task.scope(&self.facilities);
            scope.trails = Trails::within(FEW_STEPS);
            let scope = Arc::new(scope);
            let outcome = compute(attempt, &scope, Values::default(), Instant::now() + GRACE);
            // To find origins takes longer than it may here: the step begins anew elsewhere.
            (!scope.trails.gave_up()).then_some(outcome)
        });
        let began = Instant::now();
        let outcome = std::panic::catch_unwind(run).unwrap_or_else(|_| Some(panicked()))?;
        measure(attempt.task.name().1, began, &outcome);
        Some(outcome)
    }
}

async fn given_by(earlier: Option<&EarlierRuns>, task: &StepTask, run: RunId) -> Outcome {
    let Some(earlier) = earlier else {
        let message =
            format!("this worker has no store in which it finds run {run}, which is a bug of the worker");
        return failed(NodeError::new("no_earlier_runs", message), Failure::Permanent);
    };
    earlier.give(task, run).await
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
        Some(executable @ Executable::Pure(pure)) => {
            let (task, traits) = (&attempt.task, executable.traits());
            let (scope, items) = (Arc::new(task.scope(&facilities)), pure.evaluates(task));
            let mut values = Values::default();
            if traits.needs_javascript
                && let Some(node) = task.node()
            {
                let (sources, stop_at_limit) = (executable.javascript(), node.on_error == OnError::Fail);
                let ask =
                    Ask { scope: &scope, form: pure.form(), sources: &sources, stop_at_limit, deadline };
                values = match facilities.javascript.all(ask, &items.collect::<Vec<_>>()).await {
                    Ok(values) => values,
                    Err(why) => {
                        let (error, failure) = unevaluated(why, node.timeout);
                        return failed(*error, failure);
                    }
                };
            }
            let console = scope.console(values.take_console());
            let computed = if is_little(traits, pure.works_on(task)) {
                compute(&attempt, &scope, values, deadline)
            } else {
                on_thread(move || compute(&attempt, &scope, values, deadline))
                    .await
                    .unwrap_or_else(|failure| failure)
            };
            with_console(computed, console)
        }
        Some(Executable::Call(_)) => {
            let Attempt { workflow, task } = attempt;
            let Some(Executable::Call(executable)) = workflow.executable(task.step.node) else {
                return unknown_node(&task);
            };
            let scope = Arc::new(task.scope(&facilities));
            if let Some(node) = task.node() {
                may_panic(&node.id, "call");
            }
            pass(CrashPoint::EffectBegins);
            let outcome = executable.call(CallContext { facilities, scope, task, deadline, trace }).await;
            pass(CrashPoint::EffectDone);
            outcome
        }
    }
}

/// Whether evaluating it takes some tens of microseconds, JavaScript aside.
fn is_little(traits: Traits, items: usize) -> bool {
    !traits.takes_long && items.saturating_mul(traits.values) <= INLINE_VALUES
}

fn compute(attempt: &Attempt, scope: &Arc<Scope>, values: Values, deadline: Instant) -> Outcome {
    let task = &attempt.task;
    let (Some(Executable::Pure(executable)), Some(node)) = (attempt.executable(), task.node()) else {
        return unknown_node(task);
    };
    may_panic(&node.id, "compute");
    executable.run(PureStep { node, task, scope, evaluator: Evaluator::new(scope, values), deadline })
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
