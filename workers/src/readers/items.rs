//! The items of a step, by page: of what the worker still has of its run.

use std::sync::Arc;

use bytes::Bytes;
use domain::run::{ItemsPage, RunKey, Side};
use minireipaz::live::ItemsAsk;

use super::{Readers, look::Looked, read::NoAnswer};
use crate::engine::{RunState, StepKey};

impl Readers {
    /// The JSON of a page.
    ///
    /// # Errors
    /// When this worker cannot tell: the store may know.
    pub(crate) async fn items(self: &Arc<Self>, key: RunKey, ask: ItemsAsk) -> Result<Bytes, NoAnswer> {
        let place = self.reads.take(&key.0).await.map_err(NoAnswer::TooManyReads)?;
        let readers = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || {
            let _place = place;
            readers.read_items(&key, &ask)
        });
        read.await.unwrap_or_else(|error| Err(NoAnswer::Journal(error.to_string())))
    }

    fn read_items(&self, key: &RunKey, ask: &ItemsAsk) -> Result<Bytes, NoAnswer> {
        let ended = self.lock().ended.get(key).cloned();
        let view = match ended {
            Some(view) => view,
            None => match self.read_journal(key, minireipaz::live::Ask::NOW)? {
                Looked::Whole(view) => view,
                Looked::Unknown | Looked::Ended | Looked::Waits => return Err(NoAnswer::Unknown(key.1)),
            },
        };
        let page = view.state().and_then(|state| page(state, ask)).ok_or(NoAnswer::NoSuchItems)?;
        serde_json::to_vec(&page).map(Bytes::from).map_err(|error| NoAnswer::Journal(error.to_string()))
    }
}

/// `None`: the step is not there, or not any more, or something else is wrong with what is asked for.
fn page(state: &RunState, ask: &ItemsAsk) -> Option<ItemsPage> {
    let definition = state.definition();
    let node = definition.node(ask.node.as_str())?;
    let step = match &ask.iteration {
        None => state.steps().newest(node)?,
        Some(iteration) => state.steps().of(node).find(|step| step.iteration() == iteration)?,
    };
    step.ordinal()?;
    let place = (&ask.node, step.iteration());
    let page = match ask.side {
        Side::Out => {
            let gave = step.output().map(|output| &output.ports);
            ItemsPage::out(place, Some(definition), gave, ask.page())
        }
        Side::In => {
            let key = StepKey { node, iteration: step.iteration().clone() };
            ItemsPage::given(place, definition, &state.given(&key)?, ask.page())
        }
    };
    page.ok()
}
