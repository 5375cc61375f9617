//! Extractors: what handlers take. Each refuses with a problem document of its own.

mod accept;
mod body;
mod caller;
mod conditions;
mod controls;
mod credential;
mod document;
mod file;
mod hooks;
mod items;
mod page;
mod path;
mod pins;
mod query;
mod replay_body;
mod schedule;
mod shape;
mod tenant;

pub use body::{Capped, StartBody, WorkflowBody};
pub use caller::{
    AnyScope, Authorized, Connector, CredentialsRead, CredentialsWrite, Cron, RunsRead, RunsWrite,
    WorkflowsRead, WorkflowsWrite,
};
pub use conditions::{IfMatch, IfNoneMatch, KeyHeader, etag};
pub(super) use controls::invalid_data;
pub use controls::{CancelBody, LinkToken, ResumeBody};
pub(super) use credential::invalid_credential;
pub use credential::{Callback, CredentialBody, CredentialChangeBody, CredentialTestBody, Force};
pub use file::{ByteRange, OfFile};
pub use hooks::RotateBody;
pub use items::ItemsQuery;
pub use page::{PageQuery, cursor_text};
pub use path::{CredentialPath, RunPath, WorkflowPath};
pub(super) use query::MAX_WAIT;
pub use query::{BriefWait, Deep, OfNode, Waiting};
pub use replay_body::ReplayBody;
pub(super) use schedule::invalid_schedule;
pub use schedule::{OfWorkflow, PreviewBody};
pub use tenant::{AcknowledgeBody, AlertState, LetterQuery, WindowQuery};

use http::StatusCode;

use super::problem::ApiError;
use domain::{limits::MAX_VIOLATIONS, violation::Violation};

/// A document that is JSON and not a valid workflow.
pub(super) fn invalid_workflow(violations: Vec<Violation>) -> ApiError {
    invalid("the workflow", "invalid_workflow", violations)
}

/// A run's input that is not what a run can take.
pub(super) fn invalid_input(violations: Vec<Violation>) -> ApiError {
    invalid("the input", "invalid_input", violations)
}

/// Something in a request that is not what it must be.
fn invalid(what: &str, code: &'static str, violations: Vec<Violation>) -> ApiError {
    let detail = format!("{what} is not valid: {}", summary(&violations));
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail).with_violations(violations)
}

/// What a run is asked for beside its input, and that its workflow cannot do.
pub(super) fn invalid_plan(violations: Vec<Violation>) -> ApiError {
    let detail = format!("what is asked for is not valid: {}", summary(&violations));
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_plan", detail).with_violations(violations)
}

fn summary(violations: &[Violation]) -> String {
    match violations {
        [] => "it has no violations".to_owned(),
        [one] if one.path.is_empty() => one.message.clone(),
        [one] => format!("{}: {}", one.path, one.message),
        [first, rest @ ..] => {
            let (rest, path, message) = (rest.len(), &first.path, &first.message);
            let all = violations.len() < MAX_VIOLATIONS;
            let bound = if all { "" } else { " at least: only so many are looked for" };
            format!("{path}: {message} (and {rest} more{bound})")
        }
    }
}
