//! A runtime, its frozen world and the expressions compiled in it.

use std::{
    cell::Cell,
    collections::HashMap,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use rquickjs::{
    Context, Ctx, Error, Function, Persistent, Runtime,
    context::{EvalOptions, intrinsic},
};
use serde_json::Value;

use super::{JavaScriptLimits, host, result};
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

/// One attempt's engine. Fields are dropped in this order: what the runtime owns before the runtime.
pub(in crate::expr) struct Session {
    compiled: HashMap<Arc<str>, Kept>,
    evaluate: Kept,
    to_json: Kept,
    context: Context,
    scope: Arc<Scope>,
    limits: JavaScriptLimits,
    watch: Rc<Watch>,
    exhausted: bool,
}

/// Shared with the interrupt handler.
struct Watch {
    deadline: Cell<Instant>,
    interrupted: Cell<bool>,
}

/// Time to build the world: not the expression's.
const START: Duration = Duration::from_secs(2);

impl Session {
    pub(in crate::expr) fn start(scope: Arc<Scope>, limits: JavaScriptLimits) -> Result<Self, String> {
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
        let (evaluate, to_json) = context.with(|ctx| {
            prelude(&ctx, &scope).map_err(|error| {
                format!("the JavaScript engine did not start: {}", result::describe(&ctx, &error))
            })
        })?;
        Ok(Self {
            compiled: HashMap::new(),
            evaluate,
            to_json,
            context,
            scope,
            limits,
            watch,
            exhausted: false,
        })
    }

    /// Whether it should not be used again.
    pub(in crate::expr) const fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    /// The value of `source` for one item. The message of an error lacks the expression's text.
    pub(in crate::expr) fn evaluate(
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
        let Self { compiled, evaluate, to_json, context, scope, limits, watch, .. } = self;
        let value = context.with(|ctx| {
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
                    .and_then(|text| rquickjs::String::from_str(ctx.clone(), &text))
                    .map_err(thrown)?
                    .into_value(),
                _ => rquickjs::Value::new_undefined(ctx.clone()),
            };
            let index = i32::try_from(item).unwrap_or(i32::MAX);
            let value = evaluate.call((function, json, index)).map_err(thrown)?;
            result::read(&ctx, value, &restore(to_json.clone())?, limits.output)
        });
        let Err(reason) = value else { return value };
        if watch.interrupted.get() {
            self.exhausted = true;
            let limit = if own <= deadline {
                format!("the limit of {} ms for an expression", limits.time.as_millis())
            } else {
                "the node's time limit".to_owned()
            };
            return Err(format!("it took longer than {limit}"));
        }
        if reason.contains("out of memory") {
            self.exhausted = true;
            return Err(format!(
                "it needs more memory than the limit of {} bytes for JavaScript",
                limits.memory
            ));
        }
        Err(reason)
    }
}

fn prelude(ctx: &Ctx<'_>, scope: &Arc<Scope>) -> rquickjs::Result<(Kept, Kept)> {
    let make: Function<'_> = ctx.eval(include_str!("prelude.js"))?;
    let (count, item, find, paired) = host::functions(ctx, scope)?;
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this age of the world are exact")]
    let now = scope.now.as_millis() as f64;
    let [run, workflow, env] = [scope.run_object(), scope.workflow_object(), scope.env_object()];
    let constants = format!("[{run},{workflow},{env}]");
    let [evaluate, to_json]: [Function<'_>; 2] = {
        let made: Vec<Function<'_>> = make.call((count, item, find, paired, now, constants))?;
        made.try_into().map_err(|_| Error::Unknown)?
    };
    Ok((Persistent::save(ctx, evaluate), Persistent::save(ctx, to_json)))
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
