//! What requests ask of versions of workflows, without reading their documents each time.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
};

use quick_cache::{Weighter, unsync::Cache};
use serde::Deserialize;

use super::Workflows;
use crate::store::{StoreError, UnreadableRow, UnreadableWorkflow, VersionKey};
use domain::{
    definition::Definition,
    ids::NodeId,
    workflow::{Concurrency, DocumentText},
};

/// All outlines that are kept take no more than this together, in bytes.
const MAX_BYTES: usize = 8 << 20;
/// Only a hint of how many that are.
const ABOUT: usize = 5_000;

/// What a document says to those who start its runs and read them. Nothing, if it cannot be read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::service) struct Outline {
    /// The node at which runs of it begin that are started by request.
    pub(in crate::service) manual: Option<NodeId>,
    /// Its nodes, in their order.
    pub(in crate::service) nodes: Vec<NodeId>,
    /// How many of its runs may run at once.
    pub(in crate::service) concurrency: Option<Concurrency>,
}

impl Outline {
    pub(super) fn of(document: &DocumentText) -> Self {
        #[derive(Deserialize)]
        struct Nodes<'a> {
            #[serde(borrow)]
            nodes: Vec<Node<'a>>,
            settings: Option<Limits>,
        }
        #[derive(Deserialize)]
        struct Limits {
            concurrency: Option<Concurrency>,
        }
        #[derive(Deserialize)]
        struct Node<'a> {
            id: NodeId,
            #[serde(rename = "type", borrow)]
            kind: Cow<'a, str>,
            data: Option<Data>,
        }
        #[derive(Deserialize)]
        struct Data {
            disabled: Option<bool>,
        }
        let is_enabled =
            |node: &Node<'_>| !node.data.as_ref().and_then(|data| data.disabled).unwrap_or(false);
        let Ok(Nodes { nodes, settings }) = serde_json::from_str(document.as_str()) else {
            return Self::default();
        };
        let manual =
            nodes.iter().find(|node| node.kind == "manual" && is_enabled(node)).map(|node| node.id.clone());
        let concurrency = settings.and_then(|settings| settings.concurrency);
        Self { manual, nodes: nodes.into_iter().map(|node| node.id).collect(), concurrency }
    }
}

/// Outlines of versions that were named. A version never changes, so none of them grows old; those that are hardly used
/// go first.
pub(super) struct Outlines(Mutex<Cache<VersionKey, Arc<Outline>, Bytes>>);

/// An outline weighs what its nodes' names do, and about as much as the rest takes.
struct Bytes;

impl Weighter<VersionKey, Arc<Outline>> for Bytes {
    fn weight(&self, _: &VersionKey, outline: &Arc<Outline>) -> u64 {
        let nodes: usize = outline.nodes.iter().map(|node| node.as_str().len() + 32).sum();
        let key = outline.concurrency.as_ref().and_then(|concurrency| concurrency.key.as_ref());
        (nodes + key.map_or(0, String::len)) as u64 + 300
    }
}

impl Outlines {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Cache::with_weighter(ABOUT, MAX_BYTES as u64, Bytes)))
    }

    fn get(&self, version: &VersionKey) -> Option<Arc<Outline>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(version).cloned()
    }

    fn keep(&self, version: VersionKey, outline: &Arc<Outline>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(version, Arc::clone(outline));
    }
}

impl Workflows {
    /// The outline of a version, also of a deleted workflow; `None`: there is none of that number. It is read once.
    ///
    /// # Errors
    /// When the store does not answer, or what it has cannot be read.
    pub(in crate::service) async fn outline(
        &self,
        version: VersionKey,
    ) -> Result<Option<Arc<Outline>>, StoreError> {
        if let Some(outline) = self.outlines.get(&version) {
            return Ok(Some(outline));
        }
        let mut found = self.store.at_versions(std::slice::from_ref(&version)).await?;
        let Some(found) = found.remove(&version) else { return Ok(None) };
        let outline = Arc::new(Outline::of(&found.map_err(|why| unreadable(&why))?.document));
        self.outlines.keep(version, &outline);
        Ok(Some(outline))
    }
}

impl Workflows {
    /// What a version runs, also of a deleted workflow. `None`: there is none of that number, or it cannot be read.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(in crate::service) async fn definition(
        &self,
        version: VersionKey,
    ) -> Result<Option<Arc<Definition>>, StoreError> {
        let mut found = self.store.at_versions(std::slice::from_ref(&version)).await?;
        let document =
            found.remove(&version).and_then(Result::ok).and_then(|found| found.document.read().ok());
        Ok(document.and_then(|document| Definition::of_saved(&document).ok()).map(Arc::new))
    }
}

pub(super) fn unreadable(why: &UnreadableWorkflow) -> StoreError {
    UnreadableRow(why.to_string()).into()
}

#[cfg(test)]
mod tests {
    use domain::workflow::AboveLimit;

    use super::*;

    #[test]
    fn an_outline_has_what_the_document_has_whatever_stands_beside_it() {
        let of = |text: &str| Outline::of(&DocumentText::parse(text.to_owned()).unwrap());
        let nodes =
            r#""nodes": [{"x": 1, "type": "manu\u0061l", "id": "a \u00e4"}, {"id": "b", "type": "noop"}]"#;
        let ids = ["a ä", "b"].map(|id| NodeId::parse(id).unwrap()).to_vec();
        let plain = Outline { manual: Some(ids[0].clone()), nodes: ids, concurrency: None };
        assert_eq!(of(&format!(r#"{{"name": "N", {nodes}, "settings": {{"timeout": "1h"}}}}"#)), plain);
        let limited = of(&format!(
            r#"{{{nodes}, "settings": {{"x": 1, "concurrency": {{"limit": 2, "key": "a.b"}}}}}}"#
        ));
        let limit = Concurrency { limit: 2, key: Some("a.b".to_owned()), above: AboveLimit::Queue };
        assert_eq!(limited, Outline { concurrency: Some(limit), ..plain });
        assert_eq!(of(r#"{"nodes": [{"id": "b", "type": "noop"}]}"#).manual, None);
        assert_eq!(
            of(r#"{"nodes": [{"id": "b", "type": "manual", "data": {"disabled": true}}]}"#).manual,
            None
        );
        for other in ["{}", "[]", r#"{"nodes": [{"id": 7, "type": "manual"}]}"#] {
            assert_eq!(of(other), Outline::default(), "{other}");
        }
    }
}
