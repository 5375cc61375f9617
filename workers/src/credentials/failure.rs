//! Why a credential cannot be shown, in the words of a step's error.

use std::time::Duration;

use domain::{credential::Hosts, ids::CredentialId, retry::Failure, run::NodeError};
use minireipaz::{
    credentials::{OpenError, oauth2::TokenError},
    store::StoreError,
    telemetry::redact::Redactor,
};
use serde_json::json;
use url::Url;

use crate::http_client::Blocked;

/// A credential that cannot be shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CredentialFailure {
    pub(crate) error: Box<NodeError>,
    pub(crate) failure: Failure,
}

impl CredentialFailure {
    fn new(code: &str, message: impl Into<String>, failure: Failure) -> Self {
        Self { error: Box::new(NodeError::new(code, message)), failure }
    }

    fn of(id: CredentialId, code: &str, message: impl Into<String>, failure: Failure) -> Self {
        let error = NodeError::new(code, message).with_details(json!({ "credential": id }));
        Self { error: Box::new(error), failure }
    }

    /// It is not set up here.
    pub(crate) fn off() -> Self {
        let message = "this worker opens no credentials: let the operator set CREDENTIAL_KEYS";
        Self::new("credentials_off", message, Failure::Permanent)
    }

    /// The worker is stopping, or its code panicked.
    pub(super) fn aborted() -> Self {
        Self::new("aborted", "the worker is stopping", Failure::Connection)
    }

    /// Calls cannot show this type.
    pub(super) fn of_type(id: CredentialId, kind: &str) -> Self {
        let message = format!("the credential {id} is of the type {kind}, which calls cannot show");
        Self::of(id, "credential_type", message, Failure::Permanent)
    }

    /// A value that a request cannot hold.
    pub(super) fn unsendable(id: CredentialId) -> Self {
        let message = format!("the credential {id} cannot be sent: no header can hold it");
        Self::of(id, "invalid_credential", message, Failure::Permanent)
    }

    /// It is bound to other hosts.
    pub(crate) fn of_host(id: CredentialId, url: &Url, hosts: &Hosts) -> Self {
        let origin = url.origin().ascii_serialization();
        let message = format!("the credential {id} is not shown to {origin}: it is bound to {hosts}");
        Self::of(id, "credential_host", message, Failure::Permanent)
    }

    /// Somebody has to agree first, or again.
    pub(super) fn needs_consent(id: CredentialId, why: &str) -> Self {
        let message = format!(
            "the credential {id} needs somebody's consent: {why}; let them agree at the provider \
             (`minireipaz credentials login {id}`)"
        );
        Self::of(id, "credential_needs_consent", message, Failure::Permanent)
    }

    /// Somebody else renews it, and it takes long.
    pub(super) fn busy(id: CredentialId) -> Self {
        let message =
            format!("another worker renews the credential {id}, and has not said yet what came of it");
        Self::of(id, "credential_busy", message, Failure::Server { retry_after: None })
    }

    /// It was not there within the step's time.
    pub(crate) fn late(id: CredentialId) -> Self {
        let message = format!("the credential {id} could not be had within the node's time limit");
        Self::of(id, "timeout", message, Failure::Timeout)
    }

    /// The provider's address may not be called.
    pub(super) fn blocked(id: CredentialId, blocked: &Blocked) -> Self {
        let message = format!("the provider of the credential {id} is not called: {blocked}");
        Self::of(id, "address_blocked", message, Failure::Permanent)
    }

    /// The provider keeps failing.
    pub(super) fn rejected(id: CredentialId, retry_after: Duration) -> Self {
        let message = format!("the provider of the credential {id} was not called: its last calls failed");
        Self::of(id, "rejected", message, Failure::Rejected { retry_after: Some(retry_after) })
    }

    /// The provider did not answer.
    pub(super) fn no_answer(id: CredentialId, why: &str) -> Self {
        let message = format!("the provider of the credential {id} gave no answer: {why}");
        Self::of(id, "credential_provider", message, Failure::Connection)
    }

    /// The provider gave no tokens. Its words may repeat what it was sent.
    pub(super) fn of_provider(id: CredentialId, error: &TokenError, redactor: &Redactor) -> Self {
        let failure = match *error {
            TokenError::Unavailable { status: 429, retry_after } => Failure::RateLimited { retry_after },
            TokenError::Unavailable { retry_after, .. } => Failure::Server { retry_after },
            TokenError::InvalidGrant(_) | TokenError::Refused { .. } | TokenError::Unreadable(_) => {
                Failure::Permanent
            }
        };
        let said = error.to_string();
        let message = format!("the credential {id}: {}", redactor.text(&said));
        Self::of(id, "credential_provider", message, failure)
    }

    /// The store did not take or give something.
    pub(super) fn of_store(id: CredentialId, error: &StoreError) -> Self {
        OpenError::Away(id, error.to_string()).into()
    }
}

impl From<OpenError> for CredentialFailure {
    fn from(error: OpenError) -> Self {
        let (id, code, failure) = match &error {
            OpenError::Away(id, _) => (*id, "store_unavailable", Failure::Server { retry_after: None }),
            OpenError::Missing(id) => (*id, "credential_not_found", Failure::Permanent),
            OpenError::Unreadable(id, _) => (*id, "credential_unreadable", Failure::Permanent),
        };
        Self::of(id, code, error.to_string(), failure)
    }
}
