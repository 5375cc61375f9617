//! Who is calling: bearer tokens of people and programs, static secrets of connectors.

mod callback;
mod door;
#[cfg(feature = "api")]
mod token;

pub use callback::{CallbackSecrets, NotAdmitted, WeakSecret, bearer};
pub use door::{ConnectorDoor, TurnedAway};
#[cfg(feature = "api")]
pub use token::{
    Algorithm, Algorithms, AuthConfig, AuthError, Authenticator, Principal, Scope, Scopes, issuer,
};
