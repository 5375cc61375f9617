//! Requests to webhooks: who may send them, what they say, what is answered. Pure but for the secrets that it asks for.
//!
//! A hook is a `webhook` node of a workflow. Which one an address means, [`crate::auth::HookKeys`] says; what becomes of a
//! request, `service::hooks` does.

mod address;
mod auth;
mod body;
mod cors;
mod item;
mod jwt;
mod replies;
mod scheme;
mod secrets;
mod signature;
mod vault;

pub use address::HookAddress;
pub use auth::{Admitted, NotAdmitted, admit, field};
pub(crate) use body::add;
pub use body::{Content, FilePart, InvalidHookBody, Part, read_body};
pub use cors::HookCors;
pub use item::{Said, item};
pub use jwt::InvalidToken;
pub use replies::{Told, answer, at_once, items, last_items, told};
pub use scheme::{Delivery, Scheme};
#[cfg(any(test, feature = "testing"))]
pub use secrets::MemoryHookSecrets;
pub use secrets::{HookSecrets, HookSecretsError, NoHookSecrets, SecretFields};
pub use signature::{NotSigned, Signed, verify};
