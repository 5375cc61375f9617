//! Makes functions of sources.

use std::{collections::HashMap, sync::Arc};

use rquickjs::{Ctx, Error, Exception, Function, Module, Result, module::Declared};

/// What a text is known to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One expression.
    Expression,
    /// A program that returns.
    Returns,
    /// A program that waits and returns.
    Awaits,
    /// A program whose last statement has its value.
    Completes,
}

/// Texts of which it is known what they are.
pub(super) type Known = HashMap<Arc<str>, Shape>;

/// What errors and stacks call an expression, and a program.
const EXPRESSION: &str = "expression";
pub(super) const PROGRAM: &str = "program";

const SEES: &str =
    "$json, $input, $, $run, $workflow, $env, $now, $itemIndex, $today, $response, $pageCount, $iteration";

/// The function whose result is the expression's value.
///
/// A text that closes the parenthesis it stands in, to go on outside of the function, does not close a bracket in its
/// place, and the reverse: what parses in both is one expression. Both are modules, whose grammar has no comments of
/// HTML that only one of two readers sees.
pub(super) fn expression<'js>(ctx: &Ctx<'js>, source: &Arc<str>, known: &mut Known) -> Result<Function<'js>> {
    // The line break ends a comment at the end of the expression. An arrow function has no `arguments`, no `new.target`.
    let within = |open, close| {
        let code = format!("export default ({SEES}) => {{ return {open}\n{source}\n{close} }}");
        Module::declare(ctx.clone(), EXPRESSION, code)
    };
    let module = within("(", ")")?;
    if known.get(source) != Some(&Shape::Expression) {
        if within("[", "]").is_err() {
            let _ = ctx.catch();
            return Err(Exception::throw_syntax(ctx, "it is not one expression"));
        }
        known.insert(Arc::clone(source), Shape::Expression);
    }
    default(module)
}

/// The function that runs the program; `completes` is the one that runs those without `return`, when it is given the
/// text behind what it sees.
pub(super) fn program<'js>(
    ctx: &Ctx<'js>,
    source: &Arc<str>,
    completes: Function<'js>,
    known: &mut Known,
) -> Result<Function<'js>> {
    let shape = match known.get(source) {
        Some(Shape::Expression) | None => {
            let shape = shape(ctx, source)?;
            known.insert(Arc::clone(source), shape);
            shape
        }
        Some(shape) => *shape,
    };
    match shape {
        Shape::Awaits => default(body(ctx, "async ", source)?),
        Shape::Completes => Ok(completes),
        Shape::Returns | Shape::Expression => default(body(ctx, "", source)?),
    }
}

/// What a program without `return` is given as text, so that it is strict as the others are; where none of its
/// statements has a value, it has none.
pub(super) fn completing(source: &str) -> String {
    format!("\"use strict\";void 0;{source}")
}

fn shape(ctx: &Ctx<'_>, source: &str) -> Result<Shape> {
    if body(ctx, "", source).is_err() {
        let _ = ctx.catch();
        return body(ctx, "async ", source).map(|_| Shape::Awaits);
    }
    // What is right in a function and outside of one does not return.
    match Module::declare(ctx.clone(), PROGRAM, source) {
        Ok(_) => Ok(Shape::Completes),
        Err(Error::Exception) => {
            let _ = ctx.catch();
            Ok(Shape::Returns)
        }
        Err(error) => Err(error),
    }
}

/// The program as the body of a function; its lines are those of the text.
fn body<'js>(ctx: &Ctx<'js>, how: &str, source: &str) -> Result<Module<'js, Declared>> {
    Module::declare(ctx.clone(), PROGRAM, format!("export default {how}({SEES}) => {{{source}\n}}"))
}

fn default<'js>(module: Module<'js, Declared>) -> Result<Function<'js>> {
    let (module, _) = module.eval()?;
    module.get("default")
}
