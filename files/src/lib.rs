//! The file store: bytes by tenant and hash, in a folder or in the cloud, with a lifetime.
//!
//! What is stored twice is there once, and its lifetime begins anew. Whoever asks says which tenant he asks for: the id
//! alone opens nothing.

mod address;
mod error;
mod leftovers;
mod open;
mod place;
mod settings;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod upload;

pub use error::FilesError;
pub use open::OpenError;
pub use settings::FilesSettings;
pub use store::{Content, FileStore, Swept, charge};
pub use upload::{Stored, Upload};
