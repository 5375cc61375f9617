//! Bearer tokens: verified against their issuer's keys; and an issuer for one machine.

mod authenticator;
mod claims;
mod config;
pub mod issuer;
mod keys;
mod principal;
mod source;
mod verified;

use std::time::Duration;

pub use authenticator::Authenticator;
pub use config::{Algorithm, Algorithms, AuthConfig};
pub use principal::{Principal, Scope, Scopes};

/// Why a token is not accepted. Except for [`AuthError::Unavailable`] it is the token's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// It is not a token, or one that lacks what every token of ours has.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// It is signed in a way that is not allowed, or not in the way of its key.
    #[error("the token's algorithm is not accepted")]
    WrongAlgorithm,
    /// The issuer has no such key.
    #[error("the token was signed with a key that its issuer does not publish")]
    UnknownKey,
    /// The signature does not fit.
    #[error("the token's signature is wrong")]
    WrongSignature,
    /// Its time is over.
    #[error("the token has expired; get a new one")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Somebody else issued it.
    #[error("the token was issued by somebody else")]
    WrongIssuer,
    /// It was issued for somebody else.
    #[error("the token was issued for another audience")]
    WrongAudience,
    /// It names no tenant, or none that can be one.
    #[error("the token names no valid tenant")]
    NoTenant,
    /// The issuer's keys cannot be had, so nothing is known about the token.
    #[error("the identity provider's keys cannot be fetched; try again later")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
}
