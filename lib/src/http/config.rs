//! Settings of the API.

use std::{sync::Arc, time::Duration};

use files::FileStore;
use url::Url;

use crate::{
    auth::{AuthConfig, CallbackSecrets, HookKeys, LinkSecrets},
    bus::BusConfig,
    credentials::CredentialKeys,
    live::LiveConfig,
    service::WatchSettings,
    store::StoreConfig,
};

/// All settings of a function; every function has the same.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// The HTTP edge.
    pub http: HttpConfig,
    /// Which tokens are accepted.
    pub auth: AuthConfig,
    /// Which secrets of connectors are accepted.
    pub callbacks: CallbackSecrets,
    /// The event bus.
    pub bus: BusConfig,
    /// The store.
    pub store: StoreConfig,
    /// The workers, which know runs before the store does.
    pub live: Option<LiveConfig>,
}

/// Settings of the HTTP edge.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Origins whose pages may use the API, or `*`. `CORS_ORIGINS`, separated by commas; default: none.
    pub cors_origins: Vec<String>,
    /// How long an event stream lasts; the client then connects again. It must end before the function's time
    /// limit does (300 s on the smallest plan).
    pub stream_limit: Duration,
    /// Longest wait of a request, whatever it asks for; it then gets what there is.
    pub longest_wait: Duration,
    /// Where files of runs are. `FILES_URL` and `FILES_TTL`; without it there are none.
    pub files: Option<Arc<FileStore>>,
    /// How runs are watched for those who wait.
    pub watch: WatchSettings,
    /// What has made the links by which people give signals: `LINK_SECRET` and `LINK_SECRET_NEXT`; without them there are
    /// none.
    pub links: Option<LinkSecrets>,
    /// What the addresses of webhooks are made with: `HOOK_SECRET` and `HOOK_SECRET_NEXT`; without them there are none.
    pub hooks: Option<HookKeys>,
    /// What credentials are sealed with: `CREDENTIAL_KEYS`; without it there are none.
    pub credential_keys: Option<CredentialKeys>,
    /// The API's address as people reach it: `PUBLIC_URL`. Providers of OAuth 2.0 send people back to it.
    pub public_url: Option<Url>,
    /// What a clock shows that may tick, such as Vercel Cron: `CRON_SECRET`; without it none may.
    pub cron: Option<CallbackSecrets>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            cors_origins: Vec::new(),
            stream_limit: Duration::from_secs(280),
            longest_wait: Duration::from_secs(60),
            files: None,
            watch: WatchSettings::default(),
            links: None,
            hooks: None,
            credential_keys: None,
            public_url: None,
            cron: None,
        }
    }
}
