//! Who is calling: bearer tokens of people and programs, static secrets of connectors, links of people who answer.

mod callback;
mod door;
#[cfg(feature = "api")]
mod hook_keys;
mod resume_link;
#[cfg(feature = "api")]
mod token;

pub use callback::{CallbackSecrets, NotAdmitted, WeakSecret, bearer};
pub use door::{ConnectorDoor, TurnedAway};
#[cfg(feature = "api")]
pub use hook_keys::{HookKeys, HookScope, WeakHookSecret};
pub use resume_link::{InvalidLink, LinkKey, LinkScope, LinkSecrets, ResumeLink, WeakLinkSecret};
#[cfg(feature = "api")]
pub use token::{
    Algorithm, Algorithms, AuthConfig, AuthError, Authenticator, Principal, Scope, Scopes, issuer,
};
