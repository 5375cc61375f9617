//! What functions ask workers for, as both sides write and read it.
//!
//! A person names the addresses of a provider and of what a credential is tried with. Only a worker calls such
//! addresses, since its client refuses those that are not public.

use std::fmt;

use async_trait::async_trait;
use domain::ids::{CredentialId, TenantId};
use serde::{Deserialize, Serialize};
use url::Url;

/// Where credentials are, below a worker's address: `/credentials/{id}/…`.
pub const PATH: &str = "/credentials";
/// Below a credential: exchanges a code for tokens ([`Exchange`]).
pub const EXCHANGE: &str = "/exchange";
/// Below a credential: tries it ([`Trial`]).
pub const TEST: &str = "/test";

/// A code that came back from a provider.
#[derive(Clone, Serialize, Deserialize)]
pub struct Exchange {
    /// Whose credential it is.
    pub tenant: TenantId,
    /// The code.
    pub code: String,
    /// The half of PKCE that the provider has not seen.
    pub verifier: String,
    /// Where the provider was to send the person back to.
    pub redirect_uri: String,
}

/// Without the code.
impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

/// What a credential is tried with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Trial {
    /// Whose credential it is.
    pub tenant: TenantId,
    /// What is called with it (GET); without it, only a token is asked for, of OAuth 2.0.
    pub url: Option<Url>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
pub struct TrialResult {
    /// Whether it is good: the server answered with a status below 400, or the provider gave a token.
    pub ok: bool,
    /// The server's status, if it was called and answered.
    pub status: Option<u16>,
    /// What is wrong, without any secret.
    pub error: Option<TrialError>,
}

/// What is wrong with a credential that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
pub struct TrialError {
    /// For programs: the code that a step's error would have.
    pub code: String,
    /// For people.
    pub message: String,
}

/// Why a worker did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkerError {
    /// No worker answers.
    #[error("no worker answers: {0}")]
    Away(String),
    /// It says why not.
    #[error("{detail}")]
    Refused {
        /// For programs.
        code: String,
        /// For people.
        detail: String,
    },
}

/// A worker, as functions see it.
#[async_trait]
pub trait CredentialWorker: Send + Sync + 'static {
    /// Exchanges a code for tokens, and keeps them.
    ///
    /// # Errors
    /// When the provider gives none, or no worker answers.
    async fn exchange(&self, credential: CredentialId, exchange: &Exchange) -> Result<(), WorkerError>;

    /// Tries a credential.
    ///
    /// # Errors
    /// When no worker answers.
    async fn test(&self, credential: CredentialId, trial: &Trial) -> Result<TrialResult, WorkerError>;
}

#[cfg(feature = "api")]
pub use door::CredentialDoor;

#[cfg(feature = "api")]
mod door {
    use std::time::Duration;

    use bytes::Bytes;
    use secrecy::ExposeSecret as _;
    use tokio::time::timeout;

    use super::*;
    use crate::{
        live::LiveConfig,
        outbound::{self, Outbound},
    };

    /// How long a worker may take: it calls somebody else, for whom it has its own limit.
    const PATIENCE: Duration = Duration::from_secs(22);
    /// The largest answer.
    const MAX_REPLY: usize = 64 * 1024;

    /// The workers' door, at the address that they share.
    #[derive(Debug)]
    pub struct CredentialDoor {
        outbound: Outbound,
        config: LiveConfig,
    }

    impl CredentialDoor {
        /// A way to the workers. Connects when it is first used.
        #[must_use]
        pub fn new(config: LiveConfig) -> Self {
            Self { outbound: Outbound::to(&config.url), config }
        }

        async fn ask(&self, below: &str, body: &impl Serialize) -> Result<Bytes, WorkerError> {
            #[derive(Deserialize)]
            struct ProblemForm {
                code: String,
                detail: String,
            }
            let away = |why: &dyn fmt::Display| WorkerError::Away(why.to_string());
            let request = self
                .outbound
                .client()
                .map_err(|error| away(&error))?
                .post(format!("{}{PATH}/{below}", self.config.url.as_str().trim_end_matches('/')))
                .json(body)
                .bearer_auth(self.config.secret.expose_secret());
            let sent = timeout(PATIENCE, outbound::send(request, MAX_REPLY)).await;
            let reply = sent
                .map_err(|_| WorkerError::Away(format!("nothing came within {PATIENCE:?}")))?
                .map_err(|error| away(&error))?;
            if reply.is_success() {
                return Ok(reply.body);
            }
            match (reply.status, serde_json::from_slice(&reply.body)) {
                (422, Ok(ProblemForm { code, detail })) => Err(WorkerError::Refused { code, detail }),
                (status, _) => Err(WorkerError::Away(format!("status {status}"))),
            }
        }
    }

    #[async_trait]
    impl CredentialWorker for CredentialDoor {
        async fn exchange(&self, credential: CredentialId, exchange: &Exchange) -> Result<(), WorkerError> {
            self.ask(&format!("{credential}{EXCHANGE}"), exchange).await.map(drop)
        }

        async fn test(&self, credential: CredentialId, trial: &Trial) -> Result<TrialResult, WorkerError> {
            let body = self.ask(&format!("{credential}{TEST}"), trial).await?;
            serde_json::from_slice(&body)
                .map_err(|error| WorkerError::Away(format!("what it sent is no result: {error}")))
        }
    }
}
