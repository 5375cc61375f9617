//! Why a credential was not read, changed or used.

use crate::{
    credentials::{InvalidState, NotOpened, worker::WorkerError},
    store::{StoreError, UsedBy},
};
use domain::{ids::CredentialId, limits::MAX_CREDENTIALS, violation::Violation};

/// How many of those that use a credential a refusal names.
const NAMED: usize = 5;

/// Why a credential was not read, changed or used.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// It does not exist, or belongs to somebody else: the caller cannot tell which.
    #[error("there is no credential {0}")]
    NotFound(CredentialId),
    /// It is not valid.
    #[error("the credential has {} violation(s)", .0.len())]
    Invalid(Vec<Violation>),
    /// The tenant has as many as it may have.
    #[error(
        "there are {MAX_CREDENTIALS} credentials, which is the limit (MAX_CREDENTIALS); delete one that is not used"
    )]
    TooMany,
    /// Somebody else has changed it meanwhile.
    #[error("the credential is at version {current} now; read it again and repeat the change")]
    VersionMismatch {
        /// The newest version.
        current: u32,
    },
    /// Somebody else is changing it at this moment.
    #[error(
        "somebody else is changing the credential at this moment; read it again in a second and repeat the change"
    )]
    Busy,
    /// Workflows name it.
    #[error("the credential is used by {}; change them first, or delete it all the same with force=true", named(.0))]
    Used(Vec<UsedBy>),
    /// Credentials are not set up.
    #[error("there are no credentials here: let the operator set CREDENTIAL_KEYS")]
    NoKeys,
    /// Nobody calls providers.
    #[error("credentials are not tried here, and codes are not exchanged: let the operator set WORKER_URL")]
    NoWorker,
    /// Providers would not know where to send people back to.
    #[error("nobody can agree here: let the operator set PUBLIC_URL")]
    NoAddress,
    /// Nobody has to agree to it.
    #[error(
        "the credential {0} needs nobody's consent: only `oauth2` with the grant `authorization_code` does"
    )]
    NoConsent(CredentialId),
    /// What came back from the provider is not what was sent there.
    #[error(transparent)]
    State(#[from] InvalidState),
    /// A worker did not do it.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// Its old values do not open, and are to stay.
    #[error("the values of the credential cannot be kept: {0}; send new ones")]
    NotOpened(#[from] NotOpened),
    /// It cannot be written as JSON.
    #[error("the credential cannot be written")]
    Unwritable,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn named(used_by: &[UsedBy]) -> String {
    let names: Vec<_> =
        used_by.iter().take(NAMED).map(|one| format!("{:?} ({})", one.name, one.workflow_id)).collect();
    match used_by.len().saturating_sub(NAMED) {
        0 => names.join(", "),
        more => format!("{} and {more} more workflows", names.join(", ")),
    }
}
