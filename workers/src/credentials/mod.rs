//! Credentials at work: opened for a call, shown to who is called, renewed when their time is up.
//!
//! Access that a person gave is renewed **once, whatever the number of workers**, for most providers take a refresh token
//! once and end the access when it comes again. Whoever finds it outdated claims the next generation of tokens in the
//! store (`minireipaz::claims`); who is alone asks the provider, the others wait until its row is there. So every worker
//! may renew every credential, whoever of them is away, and nothing has to be configured; it costs an insert and two
//! reads an hour. What a provider gave is in a file before anything else happens ([`kept`]), so that neither a crash nor
//! a store that is away loses it.

mod failure;
mod kept;
mod provider;
mod renewal;
mod shown;

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use domain::credential::{CredentialKey, CredentialValues, OAuth2};
use minireipaz::{
    claims::Claims,
    clock::Clock,
    credentials::{CredentialKeys, OpenCredential, Tokens, Vault},
    locks::Locks,
    remembered,
    store::Store,
};
use quick_cache::{
    DefaultHashBuilder, UnitWeighter,
    sync::{Cache, DefaultLifecycle},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::kept::Kept;
pub(crate) use self::{failure::CredentialFailure, kept::FOLDER, shown::Shown};
use crate::http_client::HttpClient;

/// Tokens of clients' own (`client_credentials`) that are remembered; one that is forgotten is asked for again.
const MAX_OWN: usize = 10_000;
/// How often tokens that are kept are offered to the store.
const OFFERED: Duration = Duration::from_secs(1);

/// The credentials of a worker; a clone is the same.
#[derive(Clone)]
pub(crate) struct Credentials(Arc<Inner>);

pub(super) struct Inner {
    vault: Vault,
    store: Arc<dyn Store>,
    claims: Claims,
    http: Arc<HttpClient>,
    clock: Arc<dyn Clock>,
    /// Who of this worker asks a provider about a credential.
    turns: Locks<CredentialKey>,
    /// What clients have of their own, with the version of the credential.
    own: Cache<CredentialKey, (u32, Tokens)>,
    kept: Kept,
    /// What must not be given up half done.
    tasks: TaskTracker,
}

impl Credentials {
    /// Opens with these keys what this store has; tokens that the store does not have yet are kept in a folder.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        keys: CredentialKeys,
        http: Arc<HttpClient>,
        clock: Arc<dyn Clock>,
        folder: Option<PathBuf>,
    ) -> Self {
        let options = remembered::options(MAX_OWN, MAX_OWN, |_| ());
        Self(Arc::new(Inner {
            vault: Vault::new(Arc::clone(&store), keys),
            claims: Claims::new(Arc::clone(&store)),
            store,
            http,
            clock,
            turns: Locks::new(),
            own: Cache::with_options(
                options,
                UnitWeighter,
                DefaultHashBuilder::default(),
                DefaultLifecycle::default(),
            ),
            kept: Kept::open(folder),
            tasks: TaskTracker::new(),
        }))
    }

    /// The credential as a call shows it.
    pub(crate) async fn show(&self, key: &CredentialKey) -> Result<Shown, CredentialFailure> {
        self.shown(key, None).await
    }

    /// The same once a server has refused the token that it showed.
    pub(crate) async fn renew(&self, refused: &Shown) -> Result<Shown, CredentialFailure> {
        self.shown(refused.key(), refused.token()).await
    }

    async fn shown(&self, key: &CredentialKey, refused: Option<&str>) -> Result<Shown, CredentialFailure> {
        let open = self.0.vault.open(key).await?;
        let CredentialValues::OAuth2(client) = &open.values else { return Shown::of(&open, None) };
        let tokens = self.tokens(&open, client, refused).await?;
        Shown::of(&open, Some(&tokens))
    }

    async fn tokens(
        &self,
        open: &OpenCredential,
        client: &OAuth2,
        refused: Option<&str>,
    ) -> Result<Tokens, CredentialFailure> {
        // Consent that was given a moment ago may not be known here yet, so nothing else is believed without a look.
        if let Ok(Some(tokens)) = self.0.at_hand(open, client, refused) {
            return Ok(tokens);
        }
        // Who asks may be gone by then; what the provider gives must not be.
        let (inner, key) = (Arc::clone(&self.0), open.key.clone());
        let refused = refused.map(str::to_owned);
        let asked = self.0.tasks.spawn(async move { inner.ask(&key, refused.as_deref()).await });
        asked.await.unwrap_or_else(|_| Err(CredentialFailure::aborted()))
    }

    /// Exchanges a code for tokens, and keeps them.
    pub(crate) async fn exchange(
        &self,
        key: &CredentialKey,
        code: String,
        verifier: String,
        redirect_uri: String,
    ) -> Result<(), CredentialFailure> {
        let (inner, key) = (Arc::clone(&self.0), key.clone());
        let asked =
            self.0.tasks.spawn(async move { inner.exchange(&key, &code, &verifier, &redirect_uri).await });
        asked.await.unwrap_or_else(|_| Err(CredentialFailure::aborted()))
    }

    /// Offers what is kept to the store until it has it, and at the end waits for what is under way.
    pub(crate) async fn keep(self, stop: CancellationToken) {
        while stop.run_until_cancelled(self.0.kept.wait()).await.is_some() {
            self.0.offer_all().await;
            stop.run_until_cancelled(tokio::time::sleep(OFFERED)).await;
        }
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("vault", &self.0.vault).finish_non_exhaustive()
    }
}
