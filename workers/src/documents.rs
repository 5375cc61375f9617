//! Workflow documents, compiled once for all runs of the same text.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::workflow::DocumentText;
use lru::LruCache;
use sha2::{Digest, Sha256};

use crate::{journal::DocumentHash, runner::Compiled};

/// Texts of so many bytes stay compiled.
const CACHE_BYTES: usize = 32 << 20;

/// Compiled documents that were used lately.
#[derive(Debug)]
pub(crate) struct Documents {
    cache: Mutex<Cache>,
}

#[derive(Debug)]
struct Cache {
    compiled: LruCache<DocumentHash, (Arc<Compiled>, usize)>,
    bytes: usize,
}

/// The hash that stands for a document.
pub(crate) fn hash_of(document: &DocumentText) -> DocumentHash {
    Sha256::digest(document.as_str().as_bytes()).into()
}

impl Documents {
    pub(crate) fn new() -> Self {
        Self { cache: Mutex::new(Cache { compiled: LruCache::unbounded(), bytes: 0 }) }
    }

    /// The document with that hash, ready to run.
    ///
    /// # Errors
    /// In words, when the document is not a workflow that this worker can run.
    pub(crate) fn compile(
        &self,
        hash: &DocumentHash,
        document: &DocumentText,
    ) -> Result<Arc<Compiled>, String> {
        if let Some((compiled, _)) = self.lock().compiled.get(hash) {
            return Ok(Arc::clone(compiled));
        }
        // Not under the lock: a large document takes milliseconds.
        let read = document.read().map_err(|error| format!("the document is not a workflow: {error}"))?;
        let compiled = Arc::new(Compiled::new(&read).map_err(|violations| {
            let said: Vec<_> =
                violations.iter().map(|one| format!("{}: {}", one.path, one.message)).collect();
            format!("the workflow is not valid: {}", said.join("; "))
        })?);
        self.lock().keep(*hash, &compiled, document.as_str().len());
        Ok(compiled)
    }

    fn lock(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache {
    fn keep(&mut self, hash: DocumentHash, compiled: &Arc<Compiled>, bytes: usize) {
        if let Some((_, before)) = self.compiled.put(hash, (Arc::clone(compiled), bytes)) {
            self.bytes -= before;
        }
        self.bytes += bytes;
        while self.bytes > CACHE_BYTES {
            let Some((_, (_, bytes))) = self.compiled.pop_lru() else { break };
            self.bytes -= bytes;
        }
    }
}
