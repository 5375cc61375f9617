//! The JavaScript of steps: places that tenants share, and a message to a child for whoever has one.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{
    ids::TenantId,
    limits::{MAX_JAVASCRIPT_INPUT_BYTES, MAX_JAVASCRIPT_OUTPUT_BYTES},
};
use metrics::counter;
use minireipaz::{
    fair::{PlaceLimits, Places},
    telemetry::names,
};
use tokio::time::timeout_at;

use super::{
    JavaScriptLimits, Unevaluated,
    answer::{self, Told},
    engine::too_much,
    frame,
    message::{Form, longest},
    pool::Pool,
    request::request,
    values::Values,
};
use crate::{
    crash_points::may_panic,
    expr::{ExpressionError, Scope},
};

/// Steps of one tenant that may wait for a place; what comes then fails and is tried again. With the default of
/// `WORKER_MAX_STEPS` a tenant has fewer steps under way.
const MAX_WAITING: usize = 1_024;

/// How much longer than all its expressions may take a child may be silent. It says itself when one does not stop, so
/// this is for a child that does not say anything any more, on a machine that may be busy.
const SILENCE: Duration = Duration::from_secs(5);
const BUSY: u32 = 4;

/// Data of more items or bytes than that is written and read away from the async threads.
const FEW_ITEMS: usize = 200;
const FEW_BYTES: usize = 128 * 1024;

/// What JavaScript runs on.
pub(crate) struct JavaScript {
    limits: JavaScriptLimits,
    places: Arc<Places<TenantId>>,
    engines: Engines,
}

enum Engines {
    Children(Arc<Pool>),
    /// In this process: for tests of what is evaluated.
    #[cfg(test)]
    Here,
}

/// What a step asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) scope: &'a Arc<Scope>,
    /// What its sources are.
    pub(crate) form: Form,
    /// Its expressions, in the order in which they are evaluated.
    pub(crate) sources: &'a [Arc<str>],
    /// Whether the step is over when a limit stopped an expression.
    pub(crate) stop_at_limit: bool,
    /// When the attempt's time is up.
    pub(crate) deadline: Instant,
}

impl JavaScript {
    /// JavaScript in at most so many processes at a time, of which one tenant has at most half. `program` is what they
    /// run, the worker's own if it is `None`.
    pub(crate) fn new(limits: JavaScriptLimits, places: usize, program: Option<PathBuf>) -> Self {
        #[cfg(test)]
        let engines =
            program.map_or(Engines::Here, |program| Engines::Children(Pool::new(program, limits, places)));
        #[cfg(not(test))]
        let engines = Engines::Children(Pool::new(program.unwrap_or_else(own_program), limits, places));
        let places = Places::new(PlaceLimits::halves(places, MAX_WAITING));
        Self { limits, places, engines }
    }

    /// Starts a process ahead of need.
    pub(crate) fn warm(&self) {
        match &self.engines {
            Engines::Children(pool) => pool.warm(),
            #[cfg(test)]
            Engines::Here => {}
        }
    }

    /// The values for all these items, in one message, or in several when it takes long.
    pub(crate) async fn all(&self, ask: Ask<'_>, items: &[usize]) -> Result<Values, Unevaluated> {
        let (mut values, mut bytes) = (Values::of(ask.sources), 0);
        while values.items() < items.len() && !ask.sources.is_empty() {
            let rest = &items[values.items()..];
            let most = MAX_JAVASCRIPT_OUTPUT_BYTES.saturating_sub(bytes);
            bytes += self.message(ask, rest, most, &mut values).await?;
            if bytes > MAX_JAVASCRIPT_OUTPUT_BYTES {
                return Err(Unevaluated::TooMuch(too_much()));
            }
        }
        Ok(values)
    }

    /// The values for the first of these items, one at least: as many as one message brings, and not many more bytes
    /// than `most`.
    pub(crate) async fn some(
        &self,
        ask: Ask<'_>,
        items: &[usize],
        most: usize,
    ) -> Result<Values, Unevaluated> {
        let (mut values, mut bytes) = (Values::of(ask.sources), 0);
        while values.items() == 0 {
            bytes += self.message(ask, items, most, &mut values).await?;
            if bytes > MAX_JAVASCRIPT_OUTPUT_BYTES {
                return Err(Unevaluated::TooMuch(too_much()));
            }
        }
        Ok(values)
    }

    /// Adds what one message brings; how many bytes that are.
    async fn message(
        &self,
        ask: Ask<'_>,
        items: &[usize],
        most: usize,
        values: &mut Values,
    ) -> Result<usize, Unevaluated> {
        let brought = self.bring(ask, items, most, values).await;
        if brought.as_ref().is_err_and(Unevaluated::ended_a_process) {
            counter!(names::WORKER_JAVASCRIPT_ENDED).increment(1);
        }
        brought
    }

    async fn bring(
        &self,
        ask: Ask<'_>,
        items: &[usize],
        most: usize,
        values: &mut Values,
    ) -> Result<usize, Unevaluated> {
        let deadline = ask.deadline.into();
        // No thread waits with it, and what it will send is not written yet.
        let place = timeout_at(deadline, self.places.take(&ask.scope.run.tenant));
        let _place = place.await.map_err(|_| Unevaluated::Late)?.map_err(Unevaluated::Busy)?;
        let from = values.begun();
        let asked = items.len() * ask.sources.len() - from;
        let framed = self.framed(ask, items, from, most).await?;
        if let Some(node) = ask.scope.definition.nodes.get(ask.scope.node) {
            may_panic(&node.id, "javascript");
        }
        let silence = longest(self.limits, ask.form).saturating_mul(BUSY).saturating_add(SILENCE);
        let until = tokio::time::Instant::now() + silence;
        let told = match timeout_at(until.min(deadline), self.exchange(framed, asked, ask)).await {
            Ok(told) => told?,
            // The child was dropped, which ended it.
            Err(_) => {
                self.warm();
                return Err(if until < deadline {
                    Unevaluated::Silent(silence)
                } else {
                    Unevaluated::OutOfTime
                });
            }
        };
        match told {
            Told::Values { cells, bytes, ended, console, .. } => {
                values.extend(items, cells, ended);
                values.say(console);
                Ok(bytes)
            }
            Told::Stuck(source) => {
                let why = ask.form.too_long(self.limits) + ", and did not stop: its process was ended";
                Err(Unevaluated::Stuck(match ask.form {
                    Form::Expression => ExpressionError::new(&ask.sources[source], why),
                    Form::ProgramForAll | Form::ProgramForEach => ExpressionError::Program(why),
                }))
            }
            Told::Failed(why) => Err(Unevaluated::Crashed(why)),
        }
    }

    /// The message.
    async fn framed(
        &self,
        ask: Ask<'_>,
        items: &[usize],
        from: usize,
        most: usize,
    ) -> Result<Vec<u8>, Unevaluated> {
        let (scope, sources) = (Arc::clone(ask.scope), ask.sources.to_vec());
        let (owned, stop, form) = (items.to_vec(), ask.stop_at_limit, ask.form);
        off_thread(items.len() > FEW_ITEMS, move || {
            let request = request(&scope, (form, &sources), &owned, from, most, stop);
            frame::framed(&request, MAX_JAVASCRIPT_INPUT_BYTES).map_err(|_| {
                Unevaluated::TooMuch(format!(
                    "what the step's expressions may read is above the limit of {MAX_JAVASCRIPT_INPUT_BYTES} bytes \
                     (MAX_JAVASCRIPT_INPUT_BYTES); let them read fewer items, and name nodes as in $('name')"
                ))
            })
        })
        .await
    }

    async fn exchange(&self, framed: Vec<u8>, asked: usize, ask: Ask<'_>) -> Result<Told, Unevaluated> {
        let columns = ask.sources.len();
        match &self.engines {
            Engines::Children(pool) => {
                let mut process = pool.take().await.map_err(Unevaluated::Unavailable)?;
                let answered = process.ask(&framed).await;
                drop(framed);
                let told = match answered {
                    Ok(bytes) => {
                        off_thread(bytes.len() > FEW_BYTES, move || answer::read(&bytes, asked, columns))
                            .await
                    }
                    Err(error) => Err(error.to_string()),
                };
                let (told, why) = match told {
                    Ok(told @ Told::Values { retire: false, .. }) => {
                        pool.give_back(process);
                        return Ok(told);
                    }
                    Ok(Told::Failed(why)) => (None, why),
                    Ok(told) => (Some(told), String::new()),
                    Err(why) => (None, why),
                };
                let told = match told {
                    Some(told) => {
                        drop(process);
                        Ok(told)
                    }
                    None => Err(Unevaluated::Crashed(format!("{why} ({})", process.end().await))),
                };
                pool.warm();
                told
            }
            #[cfg(test)]
            Engines::Here => {
                let limits = self.limits;
                let told =
                    off_thread(true, move || super::answered_here(&framed, limits, asked, columns)).await;
                told.map_err(Unevaluated::Crashed)
            }
        }
    }
}

#[cfg(test)]
impl JavaScript {
    pub(crate) const fn places(&self) -> &Arc<Places<TenantId>> {
        &self.places
    }
}

/// The program that this process runs, also when its file has been replaced meanwhile.
#[cfg(not(test))]
fn own_program() -> PathBuf {
    if cfg!(target_os = "linux") {
        return PathBuf::from("/proc/self/exe");
    }
    std::env::current_exe().unwrap_or_default()
}

/// Does the work here, or where it may take long.
async fn off_thread<T: Send + 'static>(long: bool, work: impl FnOnce() -> T + Send + 'static) -> T {
    if !long {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Only at the runtime's end, which ends this too.
            Err(_) => std::future::pending().await,
        },
    }
}
