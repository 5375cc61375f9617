//! Workflow documents, compiled once for all runs of the same text.

use std::sync::Arc;

use domain::workflow::DocumentText;
use minireipaz::remembered;
use quick_cache::{
    DefaultHashBuilder, Weighter,
    sync::{Cache, DefaultLifecycle},
};
use sha2::{Digest, Sha256};

use crate::{caught::read_caught, journal::DocumentHash, runner::Compiled};

/// Texts of so many bytes stay compiled.
const CACHE_BYTES: usize = 32 << 20;
/// What the cache expects a text to be, to size its tables.
const USUAL_BYTES: usize = 16 << 10;

/// Compiled documents that were used lately.
#[derive(Debug)]
pub(crate) struct Documents {
    cache: Cache<DocumentHash, Cached, ByText>,
}

#[derive(Debug, Clone)]
struct Cached {
    compiled: Arc<Compiled>,
    text: DocumentText,
}

/// An entry weighs what its text does: what is compiled from it grows with it.
#[derive(Debug, Clone)]
struct ByText;

impl Weighter<DocumentHash, Cached> for ByText {
    fn weight(&self, _: &DocumentHash, cached: &Cached) -> u64 {
        cached.text.as_str().len() as u64
    }
}

/// The hash that stands for a document.
pub(crate) fn hash_of(document: &DocumentText) -> DocumentHash {
    Sha256::digest(document.as_str().as_bytes()).into()
}

impl Documents {
    pub(crate) fn new() -> Self {
        let options = remembered::options(CACHE_BYTES / USUAL_BYTES, CACHE_BYTES, |options| {
            // One lock, so that the largest document has room: a shard's share of the bytes is its own.
            options.shards(1);
        });
        let hasher = DefaultHashBuilder::default();
        Self { cache: Cache::with_options(options, ByText, hasher, DefaultLifecycle::default()) }
    }

    /// The document with that hash, if it is ready to run, and its text, which many runs share.
    pub(crate) fn ready(&self, hash: &DocumentHash) -> Option<(Arc<Compiled>, DocumentText)> {
        self.cache.get(hash).map(|Cached { compiled, text }| (compiled, text))
    }

    /// The document with that hash, ready to run. Of those who come for it at once, one compiles it.
    ///
    /// # Errors
    /// In words, when the document is not a workflow that this worker can run.
    pub(crate) fn compile(
        &self,
        hash: &DocumentHash,
        document: &DocumentText,
    ) -> Result<Arc<Compiled>, String> {
        let cached = self.cache.get_or_insert_with(hash, || read_caught(|| compile(document)))?;
        Ok(cached.compiled)
    }
}

fn compile(document: &DocumentText) -> Result<Cached, String> {
    let read = document.read().map_err(|error| format!("the document is not a workflow: {error}"))?;
    let compiled = Compiled::new(&read).map_err(|violations| {
        let said: Vec<_> = violations.iter().map(|one| format!("{}: {}", one.path, one.message)).collect();
        format!("the workflow is not valid: {}", said.join("; "))
    })?;
    Ok(Cached { compiled: Arc::new(compiled), text: document.clone() })
}
