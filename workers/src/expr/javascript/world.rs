//! A runtime, the world in it and the expressions compiled there, for one message after another.

use std::{cell::Cell, rc::Rc, time::Duration};

use nix::time::{ClockId, clock_gettime};
use rquickjs::{
    Context, Ctx, Error, Function, Object, Persistent, Runtime, Value as Js,
    context::{EvalOptions, intrinsic},
    function::Rest,
};
use serde_json::value::{RawValue, to_raw_value};

use super::{
    JavaScriptLimits,
    compile::{self, Known},
    host::{self, Host, Json},
    memory::{self, Memory},
    message::{Answer, Form, Request, Seen},
    reads::{mentions, needs_libraries},
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
    prelude: Prelude,
    /// Those of the host, kept so that they cannot be dropped by an expression.
    functions: Persistent<Object<'static>>,
    context: Context,
    _runtime: Runtime,
    memory: Memory,
    /// The language, and nothing else.
    bare: memory::Copy,
    /// The language and the libraries, once a message has needed them. It is ten times as large, so only such messages
    /// pay for it.
    full: Option<memory::Copy>,
    limits: JavaScriptLimits,
    watch: Rc<Watch>,
    host: Host,
}

/// The functions of the prelude.
struct Prelude {
    enter: Kept,
    evaluate: Kept,
    settle: Kept,
    to_json: Kept,
    extend: Kept,
    /// Runs a program without `return`.
    completes: Kept,
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
        let host = Host { current: Rc::default(), console: Rc::default() };
        let ([enter, evaluate, settle, to_json, extend, completes], functions) = context.with(|ctx| {
            prelude(&ctx, &host).map_err(|error| {
                format!("the JavaScript engine did not start: {}", result::describe(&ctx, &error))
            })
        })?;
        let (compiled, bare) = (Vec::new(), memory.copy());
        let _runtime = runtime;
        Ok(Self {
            compiled,
            prelude: Prelude { enter, evaluate, settle, to_json, extend, completes },
            functions,
            context,
            _runtime,
            memory,
            bare,
            full: None,
            limits,
            watch,
            host,
        })
    }

    /// Forgets the last request, if there was one, and all that its expressions did.
    #[expect(unsafe_code, reason = "who puts memory back answers for what refers to it")]
    pub(super) fn clear(&mut self) {
        if self.host.current.borrow_mut().take().is_none() {
            return;
        }
        self.compiled.clear();
        self.watch.interrupted.set(false);
        // SAFETY: the compiled expressions were dropped just now.
        unsafe { self.put_back(false) };
    }

    /// Puts back the language, or the language with the libraries if these were loaded before.
    ///
    /// # Safety
    /// Nothing is kept of what the engine allocated since [`Self::new`], beside `full`.
    #[expect(unsafe_code, reason = "who puts memory back answers for what refers to it")]
    unsafe fn put_back(&mut self, full: bool) {
        let copy = self.full.as_ref().filter(|_| full).unwrap_or(&self.bare);
        // SAFETY: the copies are of this memory. Handles of values live in calls of `Context::with`, none of which goes on,
        // or are kept in this struct: the compiled expressions, dropped just now, and functions from before the copy.
        // What the engine refers to outside of its memory is: `Opaque` of the runtime and the allocator, which
        // live as long as it; the prototype that `Opaque` knows, which `Function::new` made before the copy, for no
        // other class of Rust's is used; and the closures behind the functions of the host, which `functions` keeps.
        unsafe { self.memory.put_back(copy) };
    }

    /// Makes the libraries be there. Nothing has been evaluated since the memory was put back.
    #[expect(unsafe_code, reason = "who puts memory back answers for what refers to it")]
    fn load(&mut self) -> Result<(), String> {
        if self.full.is_some() {
            // SAFETY: no expression is compiled.
            unsafe { self.put_back(true) };
            return Ok(());
        }
        self.watch.deadline.set(cpu_time() + START);
        let (extend, host) = (self.prelude.extend.clone(), self.functions.clone());
        self.context.with(|ctx| {
            let loaded = extend.restore(&ctx).and_then(|extend| libraries(&ctx, &extend, host));
            loaded.map_err(|error| {
                format!("the libraries of JavaScript were not loaded: {}", result::describe(&ctx, &error))
            })
        })?;
        self.full = Some(self.memory.copy());
        Ok(())
    }

    /// From now on expressions see what this request brought.
    pub(super) fn enter(&mut self, request: &Rc<Request<Json>>) -> Result<(), String> {
        self.clear();
        if request.sources.iter().any(|source| needs_libraries(source)) {
            self.load()?;
        }
        self.watch.deadline.set(cpu_time() + START);
        *self.host.current.borrow_mut() = Some(Rc::clone(request));
        self.compiled = vec![None; request.sources.len()];
        let Seen { run, workflow, env, response, page_count, now, iteration, .. } = &request.scope;
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of this age of the world are exact")]
        let now = *now as f64;
        self.context.with(|ctx| {
            let entered = || {
                let constant = |json: &Option<Json>| given(&ctx, json.as_deref());
                let enter = self.prelude.enter.clone().restore(&ctx)?;
                let own = request.form == Form::ProgramForAll;
                let (run, workflow, env) = (constant(run)?, constant(workflow)?, constant(env)?);
                // `None` would be null.
                let count =
                    page_count.map_or_else(|| Js::new_undefined(ctx.clone()), |count| number(&ctx, count));
                let iteration = match iteration {
                    Some(iteration) => Js::new_number(ctx.clone(), f64::from(*iteration)),
                    None => Js::new_null(ctx.clone()),
                };
                let constants = Rest(vec![run, workflow, env, constant(response)?, count]);
                enter.call::<_, ()>((now, own, iteration, constants))
            };
            entered().map_err(|error| result::describe(&ctx, &error))
        })
    }

    /// The value of an expression of the request, or of its program, for the item in that row. What its text is, is in
    /// `known` afterwards.
    pub(super) fn evaluate(&mut self, source: usize, row: usize, known: &mut Known) -> Result<Json, Failed> {
        let Some(request) = self.host.current.borrow().clone() else {
            return Err(Failed::Wrong("nothing is asked".to_owned()));
        };
        self.watch.deadline.set(cpu_time() + request.form.time(self.limits));
        let reason = match self.value(&request, source, row, known) {
            Ok(value) => return Ok(value),
            Err(reason) => reason,
        };
        if self.watch.interrupted.get() {
            return Err(Failed::Limit(request.form.too_long(self.limits)));
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

    /// An answer with these values, and with what was said meanwhile.
    pub(super) fn answer(&self, values: Vec<Result<Json, String>>, ended: bool) -> Answer<Json> {
        let console = self.host.console.borrow_mut().take();
        Answer::Values { values, ended, retire: false, console }
    }

    fn value(
        &mut self,
        request: &Request<Json>,
        source: usize,
        row: usize,
        known: &mut Known,
    ) -> Result<Json, String> {
        let Self { compiled, prelude, context, limits, .. } = self;
        let (Some(text), Some(&item), Some(compiled)) =
            (request.sources.get(source), request.items.get(row), compiled.get_mut(source))
        else {
            return Err("there is no such expression".to_owned());
        };
        let is_program = request.form != Form::Expression;
        context.with(|ctx| {
            let thrown = |error: Error| {
                if is_program {
                    result::describe_in_program(&ctx, &error)
                } else {
                    result::describe(&ctx, &error)
                }
            };
            let restore = |kept: &Kept| kept.clone().restore(&ctx).map_err(thrown);
            let function = match compiled {
                Some(function) => restore(function)?,
                none => {
                    let made = if is_program {
                        compile::program(&ctx, text, restore(&prelude.completes)?, known)
                    } else {
                        compile::expression(&ctx, text, known)
                    };
                    let made = made.map_err(thrown)?;
                    *none = Some(Persistent::save(&ctx, made.clone()));
                    made
                }
            };
            let Seen { input, json, .. } = &request.scope;
            let json = match (input, json) {
                _ if !mentions(text, "$json") => None,
                (Some(all), _) => all.get(item),
                (None, asked) => asked.as_ref().and_then(|asked| asked.get(row)),
            };
            let json = given(&ctx, json.map(|json| &**json)).map_err(thrown)?;
            let index = i32::try_from(item).unwrap_or(i32::MAX);
            let evaluate = restore(&prelude.evaluate)?;
            let mut value: Js<'_> = if is_program {
                evaluate.call((function, json, index, compile::completing(text)))
            } else {
                evaluate.call((function, json, index))
            }
            .map_err(thrown)?;
            if is_program {
                if let Some(promise) = value.as_promise() {
                    value = promise.finish().map_err(thrown)?;
                }
                let all = request.form == Form::ProgramForAll;
                value = restore(&prelude.settle)?.call((value, all)).map_err(thrown)?;
            }
            let value = result::read(&ctx, value, &restore(&prelude.to_json)?, limits.output)?;
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

fn number<'js>(ctx: &Ctx<'js>, count: usize) -> Js<'js> {
    Js::new_int(ctx.clone(), i32::try_from(count).unwrap_or(i32::MAX))
}

/// The functions that the prelude makes, and what it got of the host.
fn prelude(ctx: &Ctx<'_>, host: &Host) -> rquickjs::Result<([Kept; 6], Persistent<Object<'static>>)> {
    let program: Function<'_> = ctx.eval_with_options(include_str!("program.js"), sloppy())?;
    let completes: Function<'_> = program.call((ctx.globals().get::<_, Js<'_>>("eval")?,))?;
    let script = |source: &str| ctx.eval::<Function<'_>, _>(source);
    let (libraries, host) = (Object::new(ctx.clone())?, host::functions(ctx, host)?);
    script(include_str!("locale.js"))?.call::<_, ()>((libraries.clone(),))?;
    script(include_str!("extensions.js"))?.call::<_, ()>((libraries.clone(), host.clone()))?;
    let mut made: Vec<Function<'_>> = script(include_str!("prelude.js"))?.call((libraries, host.clone()))?;
    made.push(completes);
    let made: [Function<'_>; 6] = made.try_into().map_err(|_| Error::Unknown)?;
    Ok((made.map(|function| Persistent::save(ctx, function)), Persistent::save(ctx, host)))
}

/// For code that says itself whether it is strict.
fn sloppy() -> EvalOptions {
    let mut options = EvalOptions::default();
    options.strict = false;
    options
}

/// Loads the libraries, and gives them to `extend`.
fn libraries<'js>(
    ctx: &Ctx<'js>,
    extend: &Function<'js>,
    host: Persistent<Object<'static>>,
) -> rquickjs::Result<()> {
    let script = |source: &str| ctx.eval::<Function<'js>, _>(source);
    let library = |source: &str, exports: &str| {
        let module = format!("(function (exports) {{ {source}\nreturn {exports}; }})({{}})");
        ctx.eval_with_options::<Object<'js>, _>(module, sloppy())
    };
    let host = host.restore(ctx)?;
    let intl: Object<'_> = script(include_str!("intl.js"))?.call((host.clone(),))?;
    let own: Js<'_> = intl.get("Intl")?;
    // luxon looks for it when it is loaded.
    ctx.globals().set("Intl", own.clone())?;
    let luxon = library(include_str!("vendor/luxon.min.js"), "luxon")?;
    let dates: Object<'_> = script(include_str!("dates.js"))?.call((luxon, host, own))?;
    let jmespath = library(include_str!("vendor/jmespath.js"), "exports")?;
    extend.call((dates, jmespath, intl))
}
