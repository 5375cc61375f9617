//! Answers requests: what a child does, without the process.

use std::{collections::HashSet, rc::Rc, sync::Arc, time::Instant};

use domain::limits::MAX_JAVASCRIPT_OUTPUT_BYTES;

use super::{
    JavaScriptLimits,
    host::Json,
    message::{Answer, Request},
    world::{Failed, World},
};

/// Texts that are known to be one expression.
const MAX_KNOWN: usize = 4_096;

/// Longest message of an error, in characters.
const MAX_REASON: usize = 2_000;

/// An engine that answers one request after another, each in a world of its own.
pub(super) struct Engine {
    limits: JavaScriptLimits,
    /// Made while nobody waits for it.
    ahead: Option<World>,
    /// Taken apart when nobody waits any more.
    spent: Option<World>,
    known: HashSet<Arc<str>>,
}

/// Where an engine is: at this expression, or at none.
pub(super) type Progress<'p> = &'p mut dyn FnMut(Option<usize>);

impl Engine {
    pub(super) fn new(limits: JavaScriptLimits) -> Self {
        Self { limits, ahead: None, spent: None, known: HashSet::new() }
    }

    /// Makes the world for the next request.
    pub(super) fn prepare(&mut self) {
        self.spent = None;
        if self.ahead.is_none() {
            // If it fails, it fails again when somebody is there to be told.
            self.ahead = World::new(self.limits).ok();
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
        let begun = Instant::now();
        let mut world = self.world(request)?;
        let (mut values, mut bytes, mut limited) = (Vec::new(), 0, false);
        for row in 0..request.items.len() {
            if row > 0 && (bytes >= request.most_bytes || begun.elapsed() >= self.limits.slice) {
                break;
            }
            for source in 0..request.sources.len() {
                progress(Some(source));
                let value = world.evaluate(source, row, &mut self.known);
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
                if limit {
                    if request.stop_at_limit {
                        self.spent = Some(world);
                        return Ok(Answer::Values { values, ended: true, retire: true });
                    }
                    // What it did must not cost the next one.
                    limited = true;
                    world = self.world(request)?;
                }
            }
        }
        self.spent = Some(world);
        Ok(Answer::Values { values, ended: false, retire: limited })
    }

    fn world(&mut self, request: &Rc<Request<Json>>) -> Result<World, String> {
        let mut world = match self.ahead.take() {
            Some(world) => world,
            None => World::new(self.limits)?,
        };
        world.enter(request)?;
        Ok(world)
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
