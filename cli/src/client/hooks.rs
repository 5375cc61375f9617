//! Webhooks of workflows.

use domain::{
    duration::HumanDuration,
    ids::{NodeId, WorkflowId},
};
pub use minireipaz::http::routes::{HookAddresses, HookPage};
use reqwest::Method;
use serde_json::json;

use super::{Client, ClientError};

impl Client {
    /// `GET /workflows/{id}/hooks`.
    ///
    /// # Errors
    /// As for every request: [`ClientError`].
    pub async fn hooks(&self, workflow: WorkflowId) -> Result<HookPage, ClientError> {
        self.json(self.request(Method::GET, &format!("workflows/{workflow}/hooks"))).await
    }

    /// `POST /workflows/{id}/hooks`: another address for a webhook; the one before works for `overlap` too.
    ///
    /// # Errors
    /// As for every request.
    pub async fn rotate_hook(
        &self,
        workflow: WorkflowId,
        node: &NodeId,
        overlap: Option<HumanDuration>,
    ) -> Result<HookAddresses, ClientError> {
        let request = self.request(Method::POST, &format!("workflows/{workflow}/hooks"));
        self.json(request.json(&json!({ "node": node, "overlap": overlap }))).await
    }
}
