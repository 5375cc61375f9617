//! What happens when a run of a workflow fails, also of one that is not valid.

use crate::{ids::WorkflowId, json::Fields};

/// What a workflow says of its failed runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OnFailure {
    /// What people call the workflow.
    pub name: String,
    /// The workflow that is started then (`settings.error_workflow`).
    pub error_workflow: Option<WorkflowId>,
}

impl OnFailure {
    /// What a document says that need not be a valid workflow: whatever is wrong with the rest of it costs nothing of this.
    #[must_use]
    pub fn said_by(document: &str) -> Self {
        let Some(document) = Fields::of(document) else { return Self::default() };
        let settings = document.raw("settings").and_then(|settings| Fields::of(settings.get()));
        Self {
            name: document.get("name").unwrap_or_default(),
            error_workflow: settings.and_then(|settings| settings.get("error_workflow")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALARM: &str = "018f3c3e-0000-7000-8000-000000000001";

    #[test]
    fn a_document_that_is_no_workflow_says_what_its_failures_start() {
        let alarm = Some(ALARM.parse().unwrap());
        let settings = format!(r#""settings":{{"error_workflow":"{ALARM}","timeout":"soon"}}"#);
        for (document, name) in [
            (format!(r#"{{"name":"Orders","nodes":7,{settings}}}"#), "Orders"),
            (format!(r#"{{"name":["Orders"],"nodes":[],{settings}}}"#), ""),
            (format!("{{{settings}}}"), ""),
        ] {
            let expected = OnFailure { name: name.to_owned(), error_workflow: alarm };
            assert_eq!(OnFailure::said_by(&document), expected, "{document}");
        }
        for document in ["", "[]", r#"{"settings":[]}"#, r#"{"settings":{"error_workflow":"alarm"}}"#] {
            assert_eq!(OnFailure::said_by(document), OnFailure::default(), "{document}");
        }
    }
}
