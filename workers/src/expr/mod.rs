//! Expressions: what `{{ }}` means.
//!
//! An expression is JavaScript. Plain paths (`$json.a.b[0]`, `$('Node').first().x`, `$input.all()`, `$run.id`, …) and
//! literals are evaluated here without an engine, everything else by `QuickJS` in a process of its own, with limits on
//! time, memory, stack and output. Both give the same value, or the same error, for what both can do, with one
//! exception: a number that JavaScript cannot hold (`9007199254740993`) stays exact on a plain path.
//!
//! What an expression sees: `$json` (the item), `$input` and `$('node id or label')` with `.all()`, `.first()`,
//! `.last()` (each takes a port's name or place), `.item` and `.itemMatching(index)` (along the lineage: `trail`), `$run`
//! with `.resumeUrl('signal')` (`links`), `$workflow`, `$now`, `$env`, `$itemIndex`, `$iteration`; behind a page of an
//! answer also `$response` and `$pageCount`. Items that come from `$input` and `$('..')` are frozen; `$json` is a copy of its own. Local time is UTC,
//! wherever the worker is.

mod environment;
mod evaluator;
mod expression;
pub(crate) mod javascript;
mod links;
mod methods;
mod native;
mod param;
mod path;
mod scope;
mod text;
mod trail;

pub(crate) use environment::{keep_out, secrets_of_environment};
pub(crate) use evaluator::{Evaluator, javascript_of};
pub(crate) use expression::{Expression, ExpressionError};
pub(crate) use javascript::{Ask, Form, JavaScript, Unevaluated, Values};
pub use javascript::{JavaScriptLimits, javascript_child};
pub use links::ResumeLinks;
pub(crate) use links::StepLinks;
pub(crate) use param::Param;
pub(crate) use scope::{Page, Scope};
pub(crate) use text::append as append_text;
pub(crate) use trail::{FEW_STEPS, Trails};

#[cfg(test)]
pub(crate) mod tests;
