//! The webhooks of a workflow's newest version.

use std::{borrow::Cow, sync::Arc};

use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use super::{
    Workflows,
    cache::{Known, Version},
    outline::unreadable,
};
use crate::store::StoreError;
use domain::{
    ids::NodeId,
    kinds::{
        params::{At, Reader},
        webhook::{self, Params},
    },
    violation::Violations,
    workflow::{Concurrency, DocumentText, WorkflowKey},
};

/// Webhooks by their nodes, in the order of the document; disabled ones are none.
pub(super) type HookNodes = Arc<Vec<(NodeId, Arc<Params>)>>;

/// The webhooks of a workflow.
#[derive(Debug, Clone)]
pub(in crate::service) struct HooksOf {
    /// Whether its triggers fire by themselves.
    pub(in crate::service) active: bool,
    /// Its newest version, whose hooks these are.
    pub(in crate::service) version: u32,
    /// How many of its runs may run at once.
    pub(in crate::service) concurrency: Option<Concurrency>,
    /// They.
    pub(in crate::service) params: HookNodes,
}

impl Workflows {
    /// The webhooks of the newest version as it was within the last second; `None`: there is no such workflow.
    ///
    /// # Errors
    /// When the store does not answer, or the workflow cannot be read.
    pub(in crate::service) async fn hooks(&self, key: &WorkflowKey) -> Result<Option<HooksOf>, StoreError> {
        let known = self.lately(key).await?;
        self.hooks_of(key, known).await
    }

    /// The same, read now.
    ///
    /// # Errors
    /// As [`Self::hooks`].
    pub(in crate::service) async fn hooks_now(
        &self,
        key: &WorkflowKey,
    ) -> Result<Option<HooksOf>, StoreError> {
        let known = self.newest(key).await?;
        self.hooks_of(key, known).await
    }

    async fn hooks_of(&self, key: &WorkflowKey, known: Option<Known>) -> Result<Option<HooksOf>, StoreError> {
        // Its runs name the version, so the store must have it.
        let known = match known {
            Some(Known::Saved(version)) if !version.visible => self.shown(key, &version).await?,
            known => known,
        };
        match known {
            Some(Known::Saved(version)) => Ok(Some(HooksOf {
                active: version.stored.summary.active,
                version: version.stored.summary.version,
                concurrency: version.concurrency.clone(),
                params: version.hooks(),
            })),
            Some(Known::Unreadable(why)) => Err(unreadable(&why)),
            Some(Known::Deleted(_)) | None => Ok(None),
        }
    }
}

impl Version {
    /// Its webhooks: read when they are first asked for.
    fn hooks(&self) -> HookNodes {
        Arc::clone(self.hooks.get_or_init(|| Arc::new(nodes(&self.stored.document))))
    }
}

/// What cannot be read was not saved by this version of the product; it is no hook.
fn nodes(document: &DocumentText) -> Vec<(NodeId, Arc<Params>)> {
    #[derive(Deserialize)]
    struct Nodes<'a> {
        #[serde(borrow)]
        nodes: Vec<Node<'a>>,
    }
    #[derive(Deserialize)]
    struct Node<'a> {
        id: NodeId,
        #[serde(rename = "type", borrow)]
        kind: Cow<'a, str>,
        #[serde(borrow)]
        data: Option<&'a RawValue>,
    }
    #[derive(Deserialize, Default)]
    struct Data {
        disabled: Option<bool>,
        params: Option<Map<String, Value>>,
    }
    let Ok(Nodes { nodes }) = serde_json::from_str(document.as_str()) else { return Vec::new() };
    let hooks = nodes.into_iter().filter(|node| node.kind == webhook::DECLARATION.name);
    let read = hooks.filter_map(|node| {
        let data = node.data.map_or(Ok(None), |data| serde_json::from_str::<Option<Data>>(data.get()));
        let Data { disabled, params } = data.ok()?.unwrap_or_default();
        if disabled == Some(true) {
            return None;
        }
        let mut violations = Violations::new();
        let params = params.unwrap_or_default();
        let read = webhook::read(&params, &At::root("params"), &mut Reader::proven(&mut violations))?;
        violations.into_vec().is_empty().then_some((node.id, Arc::new(read)))
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_webhooks_of_a_document_are_read_and_those_that_are_disabled_are_none() {
        let document = r#"{"nodes": [
            {"id": "a", "type": "webhook"},
            {"id": "b", "type": "webhook", "data": {"disabled": true}},
            {"id": "c", "type": "webhook", "data": {"params": {"methods": ["GET"], "reply": {"body": "{{ x }}"}}}},
            {"id": "d", "type": "manual"},
            {"id": "e", "type": "webhook", "data": null}
        ]}"#;
        let read = nodes(&DocumentText::parse(document.to_owned()).unwrap());
        let named: Vec<_> =
            read.iter().map(|(id, params)| (id.as_str(), params.methods.contains("GET"))).collect();
        assert_eq!(named, [("a", false), ("c", true), ("e", false)]);
    }
}
