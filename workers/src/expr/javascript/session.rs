//! A runtime, its frozen world and the expressions compiled in it.

use std::{
    cell::Cell,
    collections::HashMap,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use rquickjs::{
    Context, Ctx, Error, Function, Persistent, Runtime, String as Text, Value as Js,
    context::{EvalOptions, intrinsic},
};
use serde_json::Value;

use super::{
    JavaScriptLimits,
    host::{self, Current},
    result,
};
use crate::expr::scope::Scope;

/// No proxies, clocks, weak references: expressions compute.
type Intrinsics = (
    intrinsic::Date,
    intrinsic::Eval,
    intrinsic::RegExpCompiler,
    intrinsic::RegExp,
    intrinsic::Json,
    intrinsic::MapSet,
    intrinsic::TypedArrays,
    intrinsic::Promise,
);

type Kept = Persistent<Function<'static>>;

/// Time to build the world: not the expression's.
const START: Duration = Duration::from_secs(2);

/// Expressions that are kept compiled.
const MAX_COMPILED: usize = 256;

/// An engine.
pub(super) struct Session {
    /// `None` once it is spent.
    world: Option<World>,
    limits: JavaScriptLimits,
    watch: Rc<Watch>,
    current: Current,
}

/// Fields are dropped in this order: what the runtime owns before the runtime.
struct World {
    compiled: HashMap<Arc<str>, Kept>,
    enter: Kept,
    leave: Kept,
    evaluate: Kept,
    to_json: Kept,
    context: Context,
    runtime: Runtime,
}

/// Shared with the interrupt handler.
struct Watch {
    deadline: Cell<Instant>,
    interrupted: Cell<bool>,
}

impl Session {
    pub(super) fn start(limits: JavaScriptLimits) -> Result<Self, String> {
        let failed = |error: Error| format!("the JavaScript engine did not start: {error}");
        let runtime = Runtime::new().map_err(failed)?;
        runtime.set_memory_limit(limits.memory);
        runtime.set_max_stack_size(limits.stack);
        let watch =
            Rc::new(Watch { deadline: Cell::new(Instant::now() + START), interrupted: Cell::new(false) });
        let watched = Rc::clone(&watch);
        runtime.set_interrupt_handler(Some(Box::new(move || {
            let late = Instant::now() >= watched.deadline.get();
            watched.interrupted.set(watched.interrupted.get() || late);
            late
        })));
        let context = Context::custom::<Intrinsics>(&runtime).map_err(failed)?;
        let current = Current::default();
        let [enter, leave, evaluate, to_json] = context.with(|ctx| {
            prelude(&ctx, &current).map_err(|error| {
                format!("the JavaScript engine did not start: {}", result::describe(&ctx, &error))
            })
        })?;
        let world = World { compiled: HashMap::new(), enter, leave, evaluate, to_json, context, runtime };
        Ok(Self { world: Some(world), limits, watch, current })
    }

    pub(super) const fn limits(&self) -> JavaScriptLimits {
        self.limits
    }

    /// Whether a limit stopped it, so that it must not be used again.
    pub(super) const fn is_spent(&self) -> bool {
        self.world.is_none()
    }

    /// From now on expressions see this scope.
    pub(super) fn enter(&mut self, scope: &Arc<Scope>) -> Result<(), String> {
        let Some(world) = &self.world else { return Err(spent()) };
        self.watch.deadline.set(Instant::now() + START);
        *self.current.borrow_mut() = Some(Arc::clone(scope));
        let [run, workflow, env] = [scope.run_object(), scope.workflow_object(), scope.env_object()];
        let constants = format!("[{run},{workflow},{env}]");
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of this age of the world are exact")]
        let now = scope.now.as_millis() as f64;
        world.context.with(|ctx| {
            let enter = world.enter.clone().restore(&ctx);
            enter
                .and_then(|enter| enter.call((constants, now)))
                .map_err(|error| result::describe(&ctx, &error))
        })
    }

    /// The session without anything of the attempt, to be used by the next one; `None` when it should not be.
    pub(super) fn leave(&mut self) -> Option<Self> {
        self.current.borrow_mut().take();
        let mut world = self.world.take()?;
        self.watch.deadline.set(Instant::now() + START);
        // What waits for a promise would wait for ever, and hold what it knows.
        let clean = !world.runtime.is_job_pending()
            && world.context.with(|ctx| {
                world.leave.clone().restore(&ctx).and_then(|leave| leave.call::<_, ()>(())).is_ok()
            });
        if world.compiled.len() > MAX_COMPILED {
            world.compiled.clear();
        }
        clean.then(|| Self {
            world: Some(world),
            limits: self.limits,
            watch: Rc::clone(&self.watch),
            current: Rc::clone(&self.current),
        })
    }

    /// The value of `source` for one item. The message of an error lacks the expression's text.
    pub(super) fn evaluate(
        &mut self,
        source: &Arc<str>,
        item: usize,
        deadline: Instant,
    ) -> Result<Value, String> {
        let now = Instant::now();
        if now >= deadline {
            return Err("the node's time limit has passed".to_owned());
        }
        let own = now + self.limits.time;
        self.watch.deadline.set(own.min(deadline));
        let Some(world) = &mut self.world else { return Err(spent()) };
        let scope = self.current.borrow().clone().ok_or_else(spent)?;
        let value = world.evaluate(&scope, source, item, self.limits.output);
        let Err(reason) = value else { return value };
        let limit = if self.watch.interrupted.get() && own <= deadline {
            format!("it took longer than the limit of {} ms for an expression", self.limits.time.as_millis())
        } else if self.watch.interrupted.get() {
            "it took longer than the node's time limit".to_owned()
        } else if reason.contains("out of memory") {
            format!("it needs more memory than the limit of {} bytes for JavaScript", self.limits.memory)
        } else {
            return Err(reason);
        };
        self.world = None;
        Err(limit)
    }
}

impl World {
    fn evaluate(
        &mut self,
        scope: &Scope,
        source: &Arc<str>,
        item: usize,
        limit: usize,
    ) -> Result<Value, String> {
        let Self { compiled, evaluate, to_json, context, .. } = self;
        context.with(|ctx| {
            let thrown = |error: Error| result::describe(&ctx, &error);
            let function = match compiled.get(source) {
                Some(known) => known.clone(),
                None => {
                    let made = Persistent::save(&ctx, compile(&ctx, source).map_err(thrown)?);
                    compiled.insert(Arc::clone(source), made.clone());
                    made
                }
            };
            let restore = |kept: Kept| kept.restore(&ctx).map_err(thrown);
            let (function, evaluate) = (restore(function)?, restore(evaluate.clone())?);
            let json = match scope.input.get(item) {
                Some(item) if source.contains("$json") => host::text(&ctx, item)
                    .and_then(|text| Text::from_str(ctx.clone(), &text))
                    .map_err(thrown)?
                    .into_value(),
                _ => Js::new_undefined(ctx.clone()),
            };
            let index = i32::try_from(item).unwrap_or(i32::MAX);
            let value = evaluate.call((function, json, index)).map_err(thrown)?;
            result::read(&ctx, value, &restore(to_json.clone())?, limit)
        })
    }
}

fn spent() -> String {
    "the JavaScript engine has stopped".to_owned()
}

fn prelude(ctx: &Ctx<'_>, current: &Current) -> rquickjs::Result<[Kept; 4]> {
    ctx.eval::<(), _>(include_str!("locale.js"))?;
    let make: Function<'_> = ctx.eval(include_str!("prelude.js"))?;
    let made: Vec<Function<'_>> = make.call(host::functions(ctx, current)?)?;
    let made: [Function<'_>; 4] = made.try_into().map_err(|_| Error::Unknown)?;
    Ok(made.map(|function| Persistent::save(ctx, function)))
}

fn compile<'js>(ctx: &Ctx<'js>, source: &str) -> rquickjs::Result<Function<'js>> {
    let mut options = EvalOptions::default();
    options.filename = Some("expression".to_owned());
    // The line break ends a comment at the end of the expression.
    let code = format!(
        "(function ($json, $input, $, $run, $workflow, $env, $now, $itemIndex) {{ return (\n{source}\n) }})"
    );
    ctx.eval_with_options(code, options)
}
