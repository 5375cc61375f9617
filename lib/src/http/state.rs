//! What every request shares.

use std::{ops::Deref, sync::Arc};

use super::{ApiConfig, HttpConfig, health::Checkup};
use crate::clock::{Clock, SystemClock};
use crate::{
    auth::{Authenticator, CallbackSecrets, ConnectorDoor},
    bus::{EventBus, rest_proxy::RestProxy},
    credentials::{
        Vault,
        worker::{CredentialDoor, CredentialWorker},
    },
    hooks::{HookSecrets, NoHookSecrets},
    live::{LiveRuns, WorkerDoor},
    service::{Credentials, Hooks, RunWatch, Runs, Scheduler, Schedules, Tenants, Workflows},
    store::{Store, clickhouse::ClickHouse},
};

/// What the API is made of; tests pass stand-ins.
pub struct ApiParts {
    /// The record and the read side.
    pub store: Arc<dyn Store>,
    /// Where events go.
    pub bus: Arc<dyn EventBus>,
    /// Who is calling.
    pub auth: Arc<Authenticator>,
    /// Secrets of connectors.
    pub callbacks: CallbackSecrets,
    /// Who knows runs before the store does, if anybody does.
    pub live: Option<Arc<dyn LiveRuns>>,
    /// Who opens the credentials of webhooks.
    pub hook_secrets: Arc<dyn HookSecrets>,
    /// Who calls providers and tries credentials, if anybody does.
    pub credential_worker: Option<Arc<dyn CredentialWorker>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Settings.
    pub config: HttpConfig,
}

/// What every request shares; a clone is the same state.
#[derive(Clone)]
pub struct AppState(Arc<App>);

/// The parts, put together to use cases.
pub struct App {
    /// Use cases of workflows.
    pub workflows: Arc<Workflows>,
    /// Use cases of runs.
    pub runs: Runs,
    /// Use cases of webhooks.
    pub hooks: Hooks,
    /// Use cases of a tenant as a whole.
    pub tenants: Tenants,
    /// Use cases of credentials.
    pub credentials: Credentials,
    /// The use case of the scheduler.
    pub scheduler: Scheduler,
    /// Use cases of schedules.
    pub schedules: Arc<Schedules>,
    /// The event bus.
    pub bus: Arc<dyn EventBus>,
    /// Whether the parts can be reached.
    pub health: Checkup,
    /// Who is calling.
    pub auth: Arc<Authenticator>,
    /// Where connectors come in.
    pub connectors: ConnectorDoor,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Settings.
    pub config: HttpConfig,
}

impl AppState {
    /// The state of a process, from its settings: the only place that decides what the API is made of.
    ///
    /// Nothing is reached for yet, so that what is down at the start is used when it is up.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn connect(config: &ApiConfig) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let live = config.live.clone().map(|live| Arc::new(WorkerDoor::new(live)) as Arc<dyn LiveRuns>);
        let door =
            config.live.clone().map(|live| Arc::new(CredentialDoor::new(live)) as Arc<dyn CredentialWorker>);
        let store: Arc<dyn Store> = Arc::new(ClickHouse::new(&config.store)?);
        Ok(Self::new(ApiParts {
            live,
            credential_worker: door,
            hook_secrets: match &config.http.credential_keys {
                Some(keys) => Arc::new(Vault::new(Arc::clone(&store), keys.clone())),
                None => Arc::new(NoHookSecrets),
            },
            store,
            bus: Arc::new(RestProxy::new(config.bus.clone())),
            auth: Arc::new(Authenticator::new(config.auth.clone(), Arc::clone(&clock))),
            callbacks: config.callbacks.clone(),
            clock,
            config: config.http.clone(),
        }))
    }

    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: ApiParts) -> Self {
        let ApiParts { store, bus, auth, callbacks, live, hook_secrets, credential_worker, clock, config } =
            parts;
        let workflows = Arc::new(Workflows::new(Arc::clone(&store), Arc::clone(&bus), Arc::clone(&clock)));
        let schedules = Arc::new(Schedules::new(Arc::clone(&store), Arc::clone(&bus), Arc::clone(&clock)));
        let watch = RunWatch::new(Arc::clone(&store), live.clone(), config.watch);
        let hooks = Hooks::new(
            config.hooks.clone(),
            hook_secrets,
            Arc::clone(&store),
            Arc::clone(&clock),
            Arc::clone(&workflows),
        );
        Self(Arc::new(App {
            hooks,
            runs: Runs::new(
                Arc::clone(&store),
                live,
                Arc::clone(&bus),
                Arc::clone(&clock),
                Arc::clone(&workflows),
                watch,
            ),
            workflows,
            tenants: Tenants::new(Arc::clone(&store), Arc::clone(&bus), Arc::clone(&clock)),
            credentials: Credentials::new(
                Arc::clone(&store),
                Arc::clone(&clock),
                config.credential_keys.clone(),
                credential_worker,
                config.public_url.as_ref(),
            ),
            scheduler: Scheduler::new(
                Arc::clone(&store),
                Arc::clone(&bus),
                Arc::clone(&clock),
                Arc::clone(&schedules),
            ),
            schedules,
            bus: Arc::clone(&bus),
            health: Checkup::new(bus, store),
            auth,
            connectors: ConnectorDoor::new("scheduler", callbacks, Arc::clone(&clock)),
            clock,
            config,
        }))
    }
}

impl Deref for AppState {
    type Target = App;

    fn deref(&self) -> &App {
        &self.0
    }
}
