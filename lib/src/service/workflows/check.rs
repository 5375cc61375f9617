//! What is checked of a document before it is saved.

use super::WorkflowError;
use domain::{
    definition::Definition,
    limits,
    violation::{Violation, ViolationCode, Violations},
    workflow::{DocumentText, WorkflowDocument},
};

/// Fields of a workflow that are the server's: a client that sends back what it read does not set them.
const SERVER_FIELDS: [&str; 4] = ["id", "version", "created_at", "updated_at"];

/// The document without what is the server's, and its text, if it is a valid workflow.
pub(super) fn checked(
    mut document: WorkflowDocument,
) -> Result<(WorkflowDocument, DocumentText), WorkflowError> {
    SERVER_FIELDS.iter().for_each(|field| {
        document.extra.shift_remove(*field);
    });
    let text = check(&document).map_err(WorkflowError::Invalid)?;
    Ok((document, text))
}

/// The document's text, if it is a valid workflow that this version of the product can run.
fn check(document: &WorkflowDocument) -> Result<DocumentText, Vec<Violation>> {
    let mut violations = Violations::new();
    if document.settings.error_workflow.is_some() {
        let message = "error workflows are not available yet; leave it out or set it to null";
        violations.add("settings.error_workflow", ViolationCode::NotAvailable, message);
    }
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
    }
    let mut all = Definition::new(document).err().unwrap_or_default();
    all.extend(violations.into_vec());
    match text {
        Some(text) if all.is_empty() => Ok(text),
        _ => Err(all),
    }
}
