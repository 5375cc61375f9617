//! A credential that is tried: an attempt of an `http_request` that shows it, so that all that holds for steps does.

use std::sync::Arc;

use domain::{
    credential::CredentialKey,
    ids::{RunId, WorkflowId},
    items::Item,
    run::{NodeError, RunPlan, Trigger},
};
use minireipaz::credentials::worker::{TrialError, TrialResult};
use serde_json::{Value, json};
use url::Url;

use super::{Attempt, Compiled, Inputs, Runner};
use crate::{
    credentials::CredentialFailure,
    engine::{Execute, Outcome, RunHeader, StepKey},
};

/// How long a server may take.
const TIMEOUT: &str = "15s";

impl Runner {
    /// Tries a credential: calls the address with it, or without one asks the provider for a token.
    pub(crate) async fn try_credential(&self, key: CredentialKey, url: Option<Url>) -> TrialResult {
        let Some(url) = url else { return self.ask_token(&key).await };
        let attempt = match attempt(&key, &url) {
            Ok(attempt) => attempt,
            Err(why) => return failed(&NodeError::new("invalid_params", why)),
        };
        match self.run(attempt).await {
            Outcome::Succeeded(output) => {
                let answer = output.ports.get("main").and_then(|items| items.first());
                let status = answer.and_then(|item| item.get("status")).and_then(Value::as_u64);
                let status = status.and_then(|status| u16::try_from(status).ok());
                TrialResult { ok: status.is_some_and(|status| status < 400), status, error: None }
            }
            Outcome::Failed(failure) => failed(&failure.error),
            Outcome::Later(_) | Outcome::Calling(_) => failed(&NodeError::new("internal_error", "no answer")),
        }
    }

    async fn ask_token(&self, key: &CredentialKey) -> TrialResult {
        let Some(credentials) = self.credentials() else { return failed(&CredentialFailure::off().error) };
        match credentials.show(key).await {
            Ok(shown) if shown.token().is_some() => TrialResult { ok: true, status: None, error: None },
            Ok(_) => failed(&NodeError::new(
                "url_required",
                "only `oauth2` can be tried without an address; send `url`",
            )),
            Err(failure) => failed(&failure.error),
        }
    }
}

fn failed(error: &NodeError) -> TrialResult {
    let error = TrialError { code: error.code.clone(), message: error.message.clone() };
    TrialResult { ok: false, status: None, error: Some(error) }
}

/// The one call of a workflow that nobody has saved.
fn attempt((tenant, credential): &CredentialKey, url: &Url) -> Result<Attempt, String> {
    // An address is data here: what looks like an expression in it is none.
    let params = json!({
        "url": "{{ $json.url }}", "credential": credential, "accept_status": "any",
        "response": { "format": "text", "full": true },
    });
    let document = json!({
        "name": "Test of a credential",
        "nodes": [
            { "id": "start", "type": "manual" },
            { "id": "call", "type": "http_request", "data": { "params": params, "timeout": TIMEOUT } },
        ],
        "edges": [{ "source": "start", "target": "call" }],
    });
    let document = serde_json::from_value(document).map_err(|error| error.to_string())?;
    let workflow = Compiled::new(&document).map_err(|_| "the address cannot be called".to_owned())?;
    let run = RunHeader {
        tenant: tenant.clone(),
        run_id: RunId(uuid::Uuid::now_v7()),
        attempt: 1,
        workflow_id: WorkflowId(uuid::Uuid::nil()),
        workflow_version: 0,
        trigger: Trigger::manual(),
        input: Value::Null,
        plan: RunPlan::default(),
        created_at: domain::timestamp::Timestamp::default(),
        traceparent: None,
    };
    let item = Item::from_iter([("url".to_owned(), Value::from(url.as_str()))]);
    let items = Inputs::one(Arc::new(vec![item]));
    Ok(Attempt::new(
        &Arc::new(workflow),
        &Arc::new(run),
        Execute::first(StepKey::outside(1)),
        items,
        Vec::new(),
    ))
}
