//! What the tests share, started when the first of them needs it.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use libtest_mimic::{Failed, Trial};
use tokio::{runtime::Runtime, sync::OnceCell};

use crate::{client::Client, cluster::Cluster, faults, leftovers, setting, system::System};

/// What the tests share.
pub struct World {
    inner: Arc<Inner>,
}

struct Inner {
    runtime: Runtime,
    shared: OnceCell<Shared>,
    tenants: AtomicUsize,
    table: Mutex<Vec<faults::Row>>,
}

/// The system that tests share.
enum Shared {
    Dev(Box<System>),
    Cluster(Box<Cluster>),
}

impl Inner {
    async fn shared(&self) -> &Shared {
        self.shared
            .get_or_init(async || {
                if wants_cluster() {
                    Shared::Cluster(Box::new(Cluster::start().await))
                } else {
                    Shared::Dev(Box::new(System::start().await))
                }
            })
            .await
    }

    /// A caller of a tenant that nobody else uses.
    async fn client(&self) -> Client {
        let tenant = format!("t{}", self.tenants.fetch_add(1, Ordering::Relaxed));
        match self.shared().await {
            Shared::Dev(system) => system.api.of(&tenant),
            Shared::Cluster(cluster) => cluster.client(&tenant),
        }
    }
}

/// Whether the tests share a cluster.
fn wants_cluster() -> bool {
    match setting("E2E_SYSTEM").as_deref() {
        Some("cluster") => true,
        None | Some("dev") => false,
        Some(other) => panic!("E2E_SYSTEM is dev or cluster, and not {other}"),
    }
}

impl World {
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let (tenants, table) = (AtomicUsize::new(1), Mutex::default());
        Self { inner: Arc::new(Inner { runtime, shared: OnceCell::new(), tenants, table }) }
    }

    /// Starts a cluster and holds it until the program is killed.
    pub fn hold(self, file: &str) {
        self.inner.runtime.block_on(leftovers::hold(file));
    }

    /// A test that speaks to the shared system.
    pub fn shared<T: AsyncFnOnce(Client) + Send + 'static>(&self, name: &str, test: T) -> Trial {
        let inner = Arc::clone(&self.inner);
        Trial::test(name, move || {
            inner.runtime.block_on(async { test(inner.client().await).await });
            Ok(())
        })
    }

    /// A test that lets something go wrong on the cluster.
    pub fn fault<T: AsyncFnOnce(&Cluster) -> faults::Row + Send + 'static>(
        &self,
        name: &str,
        test: T,
    ) -> Trial {
        let inner = Arc::clone(&self.inner);
        Trial::test(name, move || {
            let row = inner.runtime.block_on(async {
                match inner.shared().await {
                    Shared::Cluster(cluster) => test(cluster).await,
                    Shared::Dev(_) => unreachable!("faults are listed only with a cluster"),
                }
            });
            inner.table.lock().unwrap().push(row);
            Ok(())
        })
    }

    pub fn has_cluster(&self) -> bool {
        wants_cluster()
    }

    /// A test that starts what it needs.
    pub fn alone<T: AsyncFnOnce() + Send + 'static>(&self, name: &str, test: T) -> Trial {
        let inner = Arc::clone(&self.inner);
        Trial::test(name, move || {
            inner.runtime.block_on(test());
            Ok(())
        })
    }

    /// Stops what was started; says what was wrong with that.
    pub fn end(self) -> Result<(), Failed> {
        let inner = Arc::into_inner(self.inner).expect("all tests have ended");
        faults::print(&inner.table.lock().unwrap());
        match inner.shared.into_inner() {
            None => Ok(()),
            Some(Shared::Dev(mut system)) => {
                let status = inner.runtime.block_on(system.interrupt());
                if status.success() { Ok(()) } else { Err(format!("dev stopped with {status}").into()) }
            }
            Some(Shared::Cluster(cluster)) => inner.runtime.block_on(cluster.stop()),
        }
    }
}
