//! Who is calling: bearer tokens of people and programs, static secrets of connectors.

mod callback;
#[cfg(feature = "api")]
mod token;

pub use callback::{CallbackSecrets, WeakSecret};
#[cfg(feature = "api")]
pub use token::{
    Algorithm, Algorithms, AuthConfig, AuthError, Authenticator, Principal, Scope, Scopes, issuer,
};
