//! Credentials: sealed where they are kept, and opened for as long as a call.
//!
//! [`CredentialKeys`] seals and opens, [`Vault`] reads and opens, [`oauth2`] makes the requests of OAuth 2.0 and reads
//! their answers, [`ConsentState`] is what travels through a person's browser, and `worker` what functions ask workers
//! for: only workers call addresses that people name, so they exchange codes and try credentials.

mod keys;
pub mod oauth2;
mod state;
mod tokens;
mod vault;
pub mod worker;

pub use keys::{CredentialKeys, InvalidKeys, InvalidSealed, NotOpened, Purpose, Sealed};
pub use state::{ConsentState, InvalidState};
pub use tokens::Tokens;
pub use vault::{Granted, OpenCredential, OpenError, Vault};
