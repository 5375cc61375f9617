//! JavaScript's grammar, as the engine that evaluates expressions knows it: QuickJS compiles, and nothing is executed.
//!
//! The parser bounds its own recursion by the stack that it is given; its time grows with the text and with the depth
//! of its brackets, which the stack bounds.

use std::{borrow::Cow, fmt};

use super::scan::Scanned;
use rquickjs::{Context, Error, Module, Runtime, context::intrinsic};

/// Stack of the parser, in bytes: less than an expression has when it is evaluated, so that what is accepted here can
/// be compiled there. Some 60 brackets in each other fit in; a text that is all brackets and commas, looked through again
/// for each of them, takes some 0.2 s for 32 KB.
const STACK: usize = 96 * 1024;

/// Memory of the parser, in bytes.
const MEMORY: usize = 32 * 1024 * 1024;

/// A context keeps what it has compiled: after so many bytes there is a new one.
const RENEWED_AFTER: usize = 128 * 1024;

/// How the parser names the source in its errors.
const NAME: &str = "expression";

/// What is wrong with a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// Where, as a byte offset.
    pub(super) at: Option<usize>,
    /// What, for people.
    pub(super) what: String,
}

/// Parses; the engine starts when it is first needed.
#[derive(Default)]
pub(super) struct Parser {
    engine: Option<Engine>,
    parsed: usize,
}

struct Engine {
    context: Context,
    runtime: Runtime,
    parsed: usize,
}

impl Parser {
    /// How many bytes it has parsed.
    #[cfg(test)]
    pub(super) const fn parsed(&self) -> usize {
        self.parsed
    }

    /// Whether the source is one expression. Unless its brackets are sure to be its own, it is put into two kinds of
    /// them: what closes one of them does not fit the other, so no source that leaves its brackets fits both.
    ///
    /// The function around it is an arrow function of a module, which has no `new.target`, `super` or `await`.
    pub(super) fn check(&mut self, source: &str, scanned: &Scanned) -> Result<(), Problem> {
        let ends = |problem: Problem| match problem.at {
            Some(at) if at >= source.len() => {
                Problem { at: Some(source.len()), what: "it ends too early".to_owned() }
            }
            _ => problem,
        };
        let round = self.parse("(()=>{return(\n", source, "\n)})").map_err(ends);
        if !(scanned.balanced && round.is_ok()) {
            let square = self.parse("(()=>{return[\n", source, "\n]})").map_err(ends);
            match (round, square) {
                (Ok(()), Ok(())) => {}
                (Err(one), Ok(())) | (Ok(()), Err(one)) => return Err(one),
                // The other one has gone on behind the end of the expression.
                (Err(one), Err(other)) => return Err(if other.at < one.at { other } else { one }),
            }
        }
        if scanned.arguments {
            // A class's field has none, so whatever is left is a function's of its own.
            let what = || "`arguments` has no meaning outside of a function of its own".to_owned();
            self.parse("(class{a=()=>{return[\n", source, "\n]}})")
                .map_err(|problem| Problem { what: what(), ..problem })?;
        }
        Ok(())
    }

    /// Compiles the source between two pieces; the first ends with a line break.
    pub(super) fn parse(&mut self, before: &str, source: &str, after: &str) -> Result<(), Problem> {
        if let Some(at) = source.find('\0') {
            return Err(Problem { at: Some(at), what: "there is a NUL character".to_owned() });
        }
        self.parsed += source.len().max(1);
        let code = format!("{before}{}{after}", readable(source));
        let engine = self
            .engine(code.len())
            .map_err(|error| Problem { at: None, what: format!("the parser did not start: {error}") })?;
        // A module is compiled by itself: nothing of it is executed or declared anywhere.
        engine.context.with(|ctx| match Module::declare(ctx.clone(), NAME, code) {
            Ok(_) => Ok(()),
            Err(Error::Exception) => {
                let thrown = ctx.catch();
                let part = |name: &str| {
                    thrown
                        .as_object()
                        .and_then(|object| object.get::<_, Option<String>>(name).ok().flatten())
                        .unwrap_or_default()
                };
                Err(read_problem(source, &part("message"), &part("stack")))
            }
            Err(error) => Err(Problem { at: None, what: error.to_string() }),
        })
    }

    fn engine(&mut self, bytes: usize) -> Result<&Engine, Error> {
        let engine = match self.engine.take() {
            Some(engine) if engine.parsed + bytes <= RENEWED_AFTER => engine,
            Some(Engine { runtime, .. }) => Engine::new(runtime)?,
            None => {
                let runtime = Runtime::new()?;
                runtime.set_memory_limit(MEMORY);
                runtime.set_max_stack_size(STACK);
                Engine::new(runtime)?
            }
        };
        let engine = self.engine.insert(engine);
        engine.parsed += bytes;
        Ok(engine)
    }
}

impl Engine {
    fn new(runtime: Runtime) -> Result<Self, Error> {
        let context = Context::custom::<(intrinsic::Eval, intrinsic::RegExpCompiler)>(&runtime)?;
        Ok(Self { context, runtime, parsed: 0 })
    }
}

impl fmt::Debug for Parser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parser").field("parsed", &self.parsed).finish_non_exhaustive()
    }
}

/// The source as it is compiled, at the same length.
///
/// Line breaks are one character, so that the parser's lines are ours. A script, as which it is evaluated later, takes
/// `<!--` for a comment (ECMA-262, B.1.1), and a module does not: it becomes what is an error in code and the same
/// elsewhere.
fn readable(source: &str) -> Cow<'_, str> {
    if !source.contains('\r') && !source.contains("<!--") {
        return Cow::Borrowed(source);
    }
    source.replace("\r\n", "\n ").replace('\r', "\n").replace("<!--", "<#--").into()
}

/// What the parser has thrown: its words, and the place from the first line of the stack (`at expression:3:12`).
fn read_problem(source: &str, message: &str, stack: &str) -> Problem {
    let place = stack.lines().next().and_then(|first| {
        let (line, column) =
            first.trim().strip_prefix("at ")?.strip_prefix(NAME)?.strip_prefix(':')?.split_once(':')?;
        Some((line.parse::<usize>().ok()?, column.parse::<usize>().ok()?))
    });
    // The first line is what stands before the source.
    let at = place.map(|(line, column)| {
        let readable = readable(source);
        let mut starts = std::iter::once(0).chain(readable.match_indices('\n').map(|(at, _)| at + 1));
        let start = starts.nth(line.saturating_sub(2));
        start.map_or(source.len() + 1, |start| start + column.saturating_sub(1))
    });
    let (before, behind) = at.and_then(|at| source.split_at_checked(at)).unwrap_or_default();
    let what = if before.ends_with('<') && behind.starts_with("!--") {
        "`<!--` begins a comment here; write `< !--`".to_owned()
    } else if message.contains("call stack") {
        "it is nested too deeply".to_owned()
    } else if message.is_empty() || message.contains("out of memory") {
        "it is too much for the parser".to_owned()
    } else if at.is_none() {
        // Patterns have a compiler of their own, which knows no places.
        format!("a pattern in it is no regular expression: {message}")
    } else {
        let mut letters = message.chars();
        letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
    };
    Problem { at, what }
}
