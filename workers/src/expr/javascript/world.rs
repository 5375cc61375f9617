//! A runtime, the world in it and the expressions compiled there, for one message after another.

use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use nix::time::{ClockId, clock_gettime};
use rquickjs::{
    Context, Ctx, Error, Exception, Function, Module, Persistent, Runtime, Value as Js, context::intrinsic,
};
use serde_json::value::{RawValue, to_raw_value};

use super::{
    JavaScriptLimits,
    host::{self, Current, Json},
    memory::{self, Memory},
    message::{Request, Seen},
    reads::mentions,
    result,
};

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

/// An engine with the language in it, and what one message brought.
pub(super) struct World {
    // Dropped in this order: what the runtime owns before the runtime.
    compiled: Vec<Option<Kept>>,
    enter: Kept,
    evaluate: Kept,
    to_json: Kept,
    /// Kept, so that they cannot be dropped by an expression.
    _host: [Kept; 5],
    context: Context,
    _runtime: Runtime,
    memory: Memory,
    /// The language, and nothing else.
    bare: memory::Copy,
    limits: JavaScriptLimits,
    watch: Rc<Watch>,
    current: Current,
}

/// Shared with the interrupt handler. Times are CPU times of this thread.
struct Watch {
    deadline: Cell<Duration>,
    interrupted: Cell<bool>,
}

/// Why an expression has no value.
pub(super) enum Failed {
    /// It is wrong. The message lacks the expression's text.
    Wrong(String),
    /// A limit stopped it, anywhere: what it was working at is not to be trusted.
    Limit(String),
}

impl World {
    pub(super) fn new(limits: JavaScriptLimits) -> Result<Self, String> {
        let failed = |error: Error| format!("the JavaScript engine did not start: {error}");
        let memory = Memory::new(limits.memory).map_err(|error| failed(Error::Io(error)))?;
        let runtime = Runtime::new_with_alloc(memory.clone()).map_err(failed)?;
        runtime.set_max_stack_size(limits.stack);
        let watch = Rc::new(Watch { deadline: Cell::new(cpu_time() + START), interrupted: Cell::new(false) });
        let watched = Rc::clone(&watch);
        runtime.set_interrupt_handler(Some(Box::new(move || {
            let late = cpu_time() >= watched.deadline.get();
            watched.interrupted.set(watched.interrupted.get() || late);
            late
        })));
        let context = Context::custom::<Intrinsics>(&runtime).map_err(failed)?;
        let current: Current = Rc::new(RefCell::new(None));
        let ([enter, evaluate, to_json], _host) = context.with(|ctx| {
            prelude(&ctx, &current).map_err(|error| {
                format!("the JavaScript engine did not start: {}", result::describe(&ctx, &error))
            })
        })?;
        let (compiled, bare) = (Vec::new(), memory.copy());
        let _runtime = runtime;
        Ok(Self {
            compiled,
            enter,
            evaluate,
            to_json,
            _host,
            context,
            _runtime,
            memory,
            bare,
            limits,
            watch,
            current,
        })
    }

    /// Forgets the last request, if there was one, and all that its expressions did.
    #[expect(unsafe_code, reason = "who puts memory back answers for what refers to it")]
    pub(super) fn clear(&mut self) {
        if self.current.borrow_mut().take().is_none() {
            return;
        }
        self.compiled.clear();
        self.watch.interrupted.set(false);
        // SAFETY: `bare` is of this memory. Handles of values live in calls of `Context::with`, none of which goes on,
        // or are kept in this struct: the compiled expressions, dropped just now, and functions from before the copy.
        // What the engine refers to outside of its memory is: `Opaque` of the runtime and the allocator, which
        // live as long as it; the prototype that `Opaque` knows, which `Function::new` made before the copy, for no
        // other class of Rust's is used; and the closures behind the functions of `host`, which `_host` keeps.
        unsafe { self.memory.put_back(&self.bare) };
    }

    /// From now on expressions see what this request brought.
    pub(super) fn enter(&mut self, request: &Rc<Request<Json>>) -> Result<(), String> {
        self.clear();
        self.watch.deadline.set(cpu_time() + START);
        *self.current.borrow_mut() = Some(Rc::clone(request));
        self.compiled = vec![None; request.sources.len()];
        let Seen { run, workflow, env, now, iteration, .. } = &request.scope;
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of this age of the world are exact")]
        let now = *now as f64;
        self.context.with(|ctx| {
            let entered = || {
                let constant = |json: &Option<Json>| given(&ctx, json.as_deref());
                let enter = self.enter.clone().restore(&ctx)?;
                let iteration = match iteration {
                    Some(iteration) => Js::new_number(ctx.clone(), f64::from(*iteration)),
                    None => Js::new_null(ctx.clone()),
                };
                let constants = (constant(run)?, constant(workflow)?, constant(env)?);
                enter.call::<_, ()>((now, iteration, constants.0, constants.1, constants.2))
            };
            entered().map_err(|error| result::describe(&ctx, &error))
        })
    }

    /// The value of an expression of the request, for the item in that row. Its text is in `known` once it is sure to
    /// be one expression.
    pub(super) fn evaluate(
        &mut self,
        source: usize,
        row: usize,
        known: &mut HashSet<Arc<str>>,
    ) -> Result<Json, Failed> {
        let Some(request) = self.current.borrow().clone() else {
            return Err(Failed::Wrong("nothing is asked".to_owned()));
        };
        self.watch.deadline.set(cpu_time() + self.limits.time);
        let reason = match self.value(&request, source, row, known) {
            Ok(value) => return Ok(value),
            Err(reason) => reason,
        };
        if self.watch.interrupted.get() {
            let limit = self.limits.time.as_millis();
            return Err(Failed::Limit(format!(
                "it took longer than the limit of {limit} ms for an expression"
            )));
        }
        // When no memory is left for an error, the engine throws null.
        let refused = self.memory.has_refused();
        if refused && (reason.contains("out of memory") || reason == result::THREW_NULL) {
            let limit = self.limits.memory;
            let reason = format!("it needs more memory than the limit of {limit} bytes for JavaScript");
            return Err(Failed::Limit(reason));
        }
        Err(Failed::Wrong(reason))
    }

    fn value(
        &mut self,
        request: &Request<Json>,
        source: usize,
        row: usize,
        known: &mut HashSet<Arc<str>>,
    ) -> Result<Json, String> {
        let Self { compiled, evaluate, to_json, context, limits, .. } = self;
        let (Some(text), Some(&item), Some(compiled)) =
            (request.sources.get(source), request.items.get(row), compiled.get_mut(source))
        else {
            return Err("there is no such expression".to_owned());
        };
        context.with(|ctx| {
            let thrown = |error: Error| result::describe(&ctx, &error);
            let function = match compiled {
                Some(function) => function.clone(),
                none => {
                    none.insert(Persistent::save(&ctx, compile(&ctx, text, known).map_err(thrown)?)).clone()
                }
            };
            let restore = |kept: Kept| kept.restore(&ctx).map_err(thrown);
            let (function, evaluate) = (restore(function)?, restore(evaluate.clone())?);
            let Seen { input, json, .. } = &request.scope;
            let json = match (input, json) {
                _ if !mentions(text, "$json") => None,
                (Some(all), _) => all.get(item),
                (None, asked) => asked.as_ref().and_then(|asked| asked.get(row)),
            };
            let json = given(&ctx, json.map(|json| &**json)).map_err(thrown)?;
            let index = i32::try_from(item).unwrap_or(i32::MAX);
            let value = evaluate.call((function, json, index)).map_err(thrown)?;
            let value = result::read(&ctx, value, &restore(to_json.clone())?, limits.output)?;
            to_raw_value(&value).map_err(|error| format!("the result cannot be kept as JSON: {error}"))
        })
    }
}

/// The CPU time that this thread has used.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from).unwrap_or_default()
}

fn given<'js>(ctx: &Ctx<'js>, json: Option<&RawValue>) -> rquickjs::Result<Js<'js>> {
    json.map_or_else(|| Ok(Js::new_undefined(ctx.clone())), |json| host::value(ctx, json))
}

/// The functions that the prelude makes, and those of the host.
fn prelude(ctx: &Ctx<'_>, current: &Current) -> rquickjs::Result<([Kept; 3], [Kept; 5])> {
    ctx.eval::<(), _>(include_str!("locale.js"))?;
    let make: Function<'_> = ctx.eval(include_str!("prelude.js"))?;
    let host = host::functions(ctx, current)?;
    let (count, item, find, paired, chance) = host.clone();
    let made: Vec<Function<'_>> = make.call(host)?;
    let made: [Function<'_>; 3] = made.try_into().map_err(|_| Error::Unknown)?;
    let keep = |function| Persistent::save(ctx, function);
    Ok((made.map(keep), [count, item, find, paired, chance].map(keep)))
}

/// The function whose result is the expression's value.
///
/// A text that closes the parenthesis it stands in, to go on outside of the function, does not close a bracket in its
/// place, and the reverse: what parses in both is one expression. Both are modules, whose grammar has no comments of
/// HTML that only one of two readers sees.
fn compile<'js>(
    ctx: &Ctx<'js>,
    source: &Arc<str>,
    known: &mut HashSet<Arc<str>>,
) -> rquickjs::Result<Function<'js>> {
    let module = Module::declare(ctx.clone(), "expression", function(source, "(", ")"))?;
    if !known.contains(source) {
        if Module::declare(ctx.clone(), "expression", function(source, "[", "]")).is_err() {
            let _ = ctx.catch();
            return Err(Exception::throw_syntax(ctx, "it is not one expression"));
        }
        known.insert(Arc::clone(source));
    }
    let (module, _) = module.eval()?;
    module.get("default")
}

fn function(source: &str, open: &str, close: &str) -> String {
    // The line break ends a comment at the end of the expression. An arrow function has no `arguments`, no `new.target`.
    format!(
        "export default ($json, $input, $, $run, $workflow, $env, $now, $itemIndex, $iteration) => {{ return {open}\n{source}\n{close} }}"
    )
}
