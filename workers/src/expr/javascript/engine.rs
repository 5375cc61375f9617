//! Answers requests: what a child does, without the process.

use std::{rc::Rc, time::Instant};

use domain::limits::MAX_JAVASCRIPT_OUTPUT_BYTES;

use super::{
    JavaScriptLimits,
    compile::Known,
    host::Json,
    message::{Answer, Request},
    world::{Failed, World},
};

/// Texts of which it is known what they are.
const MAX_KNOWN: usize = 4_096;

/// Longest message of an error, in characters.
const MAX_REASON: usize = 2_000;

/// An engine that answers one request after another, each in a world as new.
pub(super) struct Engine {
    limits: JavaScriptLimits,
    world: Option<World>,
    known: Known,
}

/// Where an engine is: at this expression, or at none.
pub(super) type Progress<'p> = &'p mut dyn FnMut(Option<usize>);

impl Engine {
    pub(super) fn new(limits: JavaScriptLimits) -> Self {
        Self { limits, world: None, known: Known::new() }
    }

    /// Makes ready for the next request what takes time.
    pub(super) fn prepare(&mut self) {
        match &mut self.world {
            Some(world) => world.clear(),
            // If it fails, it fails again when somebody is there to be told.
            none => *none = World::new(self.limits).ok(),
        }
        if self.known.len() > MAX_KNOWN {
            self.known.clear();
        }
    }

    /// The answer to a request.
    pub(super) fn answer(&mut self, request: Request<Json>, progress: Progress<'_>) -> Answer<Json> {
        self.values(&Rc::new(request), progress).unwrap_or_else(Answer::Failed)
    }

    fn values(
        &mut self,
        request: &Rc<Request<Json>>,
        progress: Progress<'_>,
    ) -> Result<Answer<Json>, String> {
        let Self { limits, world, known } = self;
        let begun = Instant::now();
        let world = match world {
            Some(world) => world,
            none => none.insert(World::new(*limits)?),
        };
        world.enter(request)?;
        let (mut values, mut bytes) = (Vec::new(), 0);
        for row in 0..request.items.len() {
            if row > 0 && bytes >= request.most_bytes {
                break;
            }
            let first = if row == 0 { request.from } else { 0 };
            for source in first..request.sources.len() {
                if !values.is_empty() && begun.elapsed() >= limits.slice {
                    return Ok(world.answer(values, false));
                }
                progress(Some(source));
                let value = world.evaluate(source, row, known);
                progress(None);
                let (value, limit) = match value {
                    Ok(json) if bytes + json.get().len() > MAX_JAVASCRIPT_OUTPUT_BYTES => {
                        (Err(too_much()), false)
                    }
                    Ok(json) => (Ok(json), false),
                    Err(Failed::Wrong(reason)) => (Err(shortened(reason)), false),
                    Err(Failed::Limit(reason)) => (Err(reason), true),
                };
                bytes += value.as_ref().map_or_else(String::len, |json| json.get().len());
                values.push(value);
                if limit && request.stop_at_limit {
                    return Ok(world.answer(values, true));
                }
                if limit {
                    // What it did must not cost the next one.
                    world.enter(request)?;
                }
            }
        }
        Ok(world.answer(values, false))
    }
}

/// Why a value does not fit beside the others.
pub(super) fn too_much() -> String {
    format!(
        "the values of the step's expressions are above the limit of {MAX_JAVASCRIPT_OUTPUT_BYTES} bytes \
         (MAX_JAVASCRIPT_OUTPUT_BYTES)"
    )
}

/// What an author's code throws may be of any size.
fn shortened(mut reason: String) -> String {
    if let Some((end, _)) = reason.char_indices().nth(MAX_REASON) {
        reason.truncate(end);
        reason.push('…');
    }
    reason
}
