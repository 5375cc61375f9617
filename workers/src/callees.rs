//! The workflows of the store that runs call.
//!
//! What was read a moment ago is not read again: a step that calls a workflow for each of a thousand items asks once a
//! second. Nothing of it is on the processor's thread.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use domain::{
    ids::{TenantId, WorkflowId},
    workflow::WorkflowKey,
};
use minireipaz::{remembered, store::Store};
use quick_cache::{
    DefaultHashBuilder, Weighter,
    sync::{Cache, DefaultLifecycle},
};

use crate::{
    documents::{Documents, hash_of},
    step::{Callee, Callees, Uncallable, on_thread},
};

/// For so long a run may get the version before the newest.
const FRESH: Duration = Duration::from_secs(1);
/// Documents of so many bytes are kept.
const CACHE_BYTES: usize = 16 << 20;
/// What the cache expects a document to be, to size its tables.
const USUAL_BYTES: usize = 16 << 10;

pub(crate) struct StoredCallees {
    store: Arc<dyn Store>,
    documents: Arc<Documents>,
    read: Cache<WorkflowKey, Read, ByText>,
}

#[derive(Clone)]
struct Read {
    callee: Arc<Callee>,
    at: Instant,
}

#[derive(Clone)]
struct ByText;

impl Weighter<WorkflowKey, Read> for ByText {
    fn weight(&self, _: &WorkflowKey, read: &Read) -> u64 {
        read.callee.document.as_str().len() as u64
    }
}

impl StoredCallees {
    pub(crate) fn new(store: Arc<dyn Store>, documents: Arc<Documents>) -> Self {
        let options = remembered::options(CACHE_BYTES / USUAL_BYTES, CACHE_BYTES, |options| {
            // One lock, so that the largest document has room.
            options.shards(1);
        });
        let hasher = DefaultHashBuilder::default();
        Self {
            store,
            documents,
            read: Cache::with_options(options, ByText, hasher, DefaultLifecycle::default()),
        }
    }

    async fn read(&self, key: &WorkflowKey) -> Result<Arc<Callee>, Uncallable> {
        let workflow = key.1;
        let found = self.store.newest(std::slice::from_ref(key)).await;
        let mut found = found.map_err(|error| Uncallable::Away(workflow, error.to_string()))?;
        let stored = match found.remove(key) {
            None => return Err(Uncallable::Missing(workflow)),
            Some(Err(unreadable)) => return Err(Uncallable::Invalid(workflow, unreadable.to_string())),
            Some(Ok(stored)) => stored,
        };
        let (version, document) = (stored.summary.version, stored.document);
        let documents = Arc::clone(&self.documents);
        let compile = move || {
            let hash = hash_of(&document);
            let compiled = documents.compile(&hash, &document)?;
            Ok::<_, String>(Callee { version, document, hash, definition: Arc::clone(compiled.definition()) })
        };
        let compiled = on_thread(compile).await;
        let compiled =
            compiled.map_err(|_| Uncallable::Away(workflow, "the worker is stopping".to_owned()))?;
        let callee = compiled.map_err(|why| Uncallable::Invalid(workflow, why))?;
        if callee.definition.trigger("manual").is_none() {
            return Err(Uncallable::NoTrigger(workflow));
        }
        Ok(Arc::new(callee))
    }
}

#[async_trait]
impl Callees for StoredCallees {
    async fn newest(&self, tenant: &TenantId, workflow: WorkflowId) -> Result<Arc<Callee>, Uncallable> {
        let key = (tenant.clone(), workflow);
        if let Some(read) = self.read.get(&key).filter(|read| read.at.elapsed() < FRESH) {
            return Ok(read.callee);
        }
        let at = Instant::now();
        let callee = self.read(&key).await?;
        self.read.insert(key, Read { callee: Arc::clone(&callee), at });
        Ok(callee)
    }
}
