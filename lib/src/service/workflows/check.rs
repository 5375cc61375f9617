//! What is checked of a document before it is saved.

use std::{num::NonZero, panic::resume_unwind, sync::Arc, thread::available_parallelism};

use super::WorkflowError;
use crate::fair::{PlaceLimits, Places};
use domain::{
    definition::Definition,
    ids::TenantId,
    limits,
    violation::{Violation, ViolationCode, Violations},
    workflow::{DocumentText, WorkflowDocument},
};

/// Fields of a workflow that are the server's: a client that sends back what it read does not set them.
const SERVER_FIELDS: [&str; 4] = ["id", "version", "created_at", "updated_at"];

/// Most documents of a tenant's that wait to be checked, in this process.
const MAX_WAITING: usize = 32;

/// Checks documents: the worst takes a tenth of a second. So it is done on threads that may be busy for long, of which
/// tenants have their shares.
#[derive(Debug)]
pub(super) struct DocumentCheck {
    places: Arc<Places<TenantId>>,
}

impl DocumentCheck {
    pub(super) fn new() -> Self {
        let places = available_parallelism().map_or(1, NonZero::get);
        Self { places: Places::new(PlaceLimits::halves(places, MAX_WAITING)) }
    }

    /// The document without what is the server's, and its text, if it is a valid workflow.
    pub(super) async fn checked(
        &self,
        tenant: &TenantId,
        mut document: WorkflowDocument,
    ) -> Result<(WorkflowDocument, DocumentText), WorkflowError> {
        let place = self.places.take(tenant).await?;
        let check = move || {
            SERVER_FIELDS.iter().for_each(|field| {
                document.extra.shift_remove(*field);
            });
            let text = check(&document).map_err(WorkflowError::Invalid)?;
            // Whoever asked may be gone: the thread is busy all the same, until now.
            drop(place);
            Ok((document, text))
        };
        match tokio::task::spawn_blocking(check).await {
            Ok(checked) => checked,
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The process is stopping.
                Err(_) => Err(WorkflowError::Busy),
            },
        }
    }
}

/// The document's text, if it is a valid workflow that this version of the product can run.
fn check(document: &WorkflowDocument) -> Result<DocumentText, Vec<Violation>> {
    let mut violations = Violations::new();
    let text = DocumentText::of(document)
        .map_err(|error| {
            violations.add(
                "",
                ViolationCode::InvalidValue,
                format!("the document cannot be written as JSON: {error}"),
            );
        })
        .ok();
    if let Some(bytes) = text.as_ref().map(|text| text.as_str().len())
        && bytes > limits::MAX_DOCUMENT_BYTES
    {
        let message = limits::above(bytes, "bytes", limits::MAX_DOCUMENT_BYTES, "MAX_DOCUMENT_BYTES");
        violations.add("", ViolationCode::Limit, message);
        // What is too large is not looked at further.
        return Err(violations.into_vec());
    }
    let mut all = Definition::new(document).err().unwrap_or_default();
    all.extend(violations.into_vec());
    match text {
        Some(text) if all.is_empty() => Ok(text),
        _ => Err(all),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn a_tenant_that_saves_too_much_at_once_is_told_so_and_others_are_served() {
        let check = DocumentCheck::new();
        let [many, other] = ["many", "other"].map(|name| TenantId::parse(name).unwrap());
        let document = || {
            let node = json!({"id": "start", "type": "manual"});
            serde_json::from_value(json!({"name": "Test", "nodes": [node]})).unwrap()
        };
        let mut held = Vec::new();
        while let Some(place) = check.places.try_take(&many) {
            held.push(place);
        }
        let mut waiting: Vec<_> =
            (0..MAX_WAITING).map(|_| Box::pin(check.checked(&many, document()))).collect();
        assert!(waiting.iter_mut().all(|one| one.now_or_never().is_none()));
        assert!(matches!(check.checked(&many, document()).await, Err(WorkflowError::TooMany(_))));
        held.clear();
        assert!(check.checked(&other, document()).await.is_ok());
        assert!(futures_util::future::join_all(waiting).await.iter().all(Result::is_ok));
    }
}
