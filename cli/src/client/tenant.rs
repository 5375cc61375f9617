//! `/api/v1/tenant/…`.

use domain::{
    alert::Alert,
    dead_letter::{DeadLetter, LetterHead},
    ids::{AlertId, LetterId, WorkflowId},
};
use minireipaz::service::Overview;
use reqwest::Method;
use serde_json::Value;

use super::{Client, ClientError, Listing};

impl Client {
    /// `GET /tenant/stats`: of the last so many hours, of all workflows or of one.
    ///
    /// # Errors
    /// As for every request.
    pub async fn stats(&self, hours: u32, workflow: Option<WorkflowId>) -> Result<Overview, ClientError> {
        let mut request = self.request(Method::GET, "tenant/stats").query(&[("hours", hours)]);
        if let Some(workflow) = workflow {
            request = request.query(&[("workflow_id", workflow)]);
        }
        self.json(request).await
    }

    /// `GET /tenant/alerts`: those that go on, or all.
    ///
    /// # Errors
    /// As for every request.
    pub async fn alerts(
        &self,
        all: bool,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Listing<Alert>, ClientError> {
        let state = if all { "all" } else { "open" };
        self.json(self.page("tenant/alerts", limit, cursor).query(&[("state", state)])).await
    }

    /// `POST /tenant/alerts`.
    ///
    /// # Errors
    /// As for every request.
    pub async fn acknowledge_alert(&self, id: AlertId) -> Result<Alert, ClientError> {
        let body = serde_json::json!({ "id": id });
        self.json(self.request(Method::POST, "tenant/alerts").json(&body)).await
    }

    /// `GET /tenant/dead-letters`.
    ///
    /// # Errors
    /// As for every request.
    pub async fn dead_letters(
        &self,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Listing<LetterHead>, ClientError> {
        self.json(self.page("tenant/dead-letters", limit, cursor)).await
    }

    /// `GET /tenant/dead-letter`.
    ///
    /// # Errors
    /// As for every request.
    pub async fn dead_letter(&self, id: LetterId) -> Result<DeadLetter, ClientError> {
        self.json(self.request(Method::GET, "tenant/dead-letter").query(&[("id", id)])).await
    }

    /// `POST /tenant/dead-letter`: sends the record again; what was sent, and where.
    ///
    /// # Errors
    /// As for every request.
    pub async fn send_dead_letter(&self, id: LetterId) -> Result<Value, ClientError> {
        self.json(self.request(Method::POST, "tenant/dead-letter").query(&[("id", id)])).await
    }

    /// `DELETE /tenant/dead-letter`.
    ///
    /// # Errors
    /// As for every request.
    pub async fn dismiss_dead_letter(&self, id: LetterId) -> Result<(), ClientError> {
        let request = self.request(Method::DELETE, "tenant/dead-letter").query(&[("id", id)]);
        self.send(request).await.map(drop)
    }
}
