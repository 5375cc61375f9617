//! Tokens: those at hand, the next ones, and whose turn it is to ask for them.

use std::time::Duration;

use domain::{
    credential::{CredentialKey, CredentialValues, Grant, OAuth2},
    ids::CredentialId,
};
use minireipaz::{
    claims,
    credentials::{Granted, OpenCredential, Tokens, Vault, oauth2::TokenRequest},
    store::{Claim, StoredTokens},
};
use tokio::time::{Instant, sleep};

use super::{CredentialFailure, Inner, provider::Denied};

/// How long somebody else's renewal is waited for: as long as their claim lasts.
const OTHERS: Duration = Claim::EXPIRY;
/// How often it is looked for, at least.
const LOOK: Duration = Duration::from_millis(250);
/// A claim that is older is not acted upon: the provider has to answer before it expires.
const ACTS_WITHIN: Duration = Duration::from_secs(10);

impl Inner {
    /// Tokens that may be shown as they are. `refused` is the access token that a server has refused.
    pub(super) fn at_hand(
        &self,
        open: &OpenCredential,
        client: &OAuth2,
        refused: Option<&str>,
    ) -> Result<Option<Tokens>, CredentialFailure> {
        let id = open.key.1;
        let is_good = |tokens: &Tokens| {
            tokens.are_fresh(self.clock.now()) && refused != Some(tokens.access_token.as_str())
        };
        if client.grant == Grant::ClientCredentials {
            let own = self
                .own
                .get(&open.key)
                .filter(|(version, tokens)| *version == open.version && is_good(tokens));
            return Ok(own.map(|(_, tokens)| tokens));
        }
        match &open.granted {
            Granted::Nothing { .. } => Err(CredentialFailure::needs_consent(id, "nobody has agreed yet")),
            Granted::Refused { .. } => Err(CredentialFailure::needs_consent(
                id,
                "the provider does not renew the access (invalid_grant)",
            )),
            Granted::Tokens { tokens, .. } if is_good(tokens) => Ok(Some(tokens.clone())),
            Granted::Tokens { tokens, .. } if tokens.refresh_token.is_none() => {
                let why =
                    "its access token is not taken any more, and the provider gave nothing to renew it with";
                Err(CredentialFailure::needs_consent(id, why))
            }
            Granted::Tokens { .. } => Ok(None),
        }
    }

    /// The next tokens: asked for by this worker, or by the one that claims to.
    pub(super) async fn ask(
        &self,
        key: &CredentialKey,
        refused: Option<&str>,
    ) -> Result<Tokens, CredentialFailure> {
        let _turn = self.turns.turn(key.clone()).await;
        let began = Instant::now();
        let mut tries = 0;
        while began.elapsed() < OTHERS {
            let (open, client) = self.read_now(key).await?;
            if let Some(tokens) = self.at_hand(&open, &client, refused)? {
                return Ok(tokens);
            }
            let Granted::Tokens { generation, tokens } = open.granted else {
                return self.own_tokens(key, open.version, &client).await;
            };
            if let Some(next) = self.renewed(key, &client, generation, &tokens).await? {
                return Ok(next);
            }
            tries += 1;
            sleep(LOOK.max(claims::pause(tries))).await;
        }
        Err(CredentialFailure::busy(key.1))
    }

    /// The client's own access: every worker may have its own.
    async fn own_tokens(
        &self,
        key: &CredentialKey,
        version: u32,
        client: &OAuth2,
    ) -> Result<Tokens, CredentialFailure> {
        let request = TokenRequest::client_credentials(client);
        let answer =
            self.provider(key, client, &request, &[]).await.map_err(|denied| plain(key.1, denied))?;
        let tokens = self.tokens_of(answer, client, None);
        self.own.insert(key.clone(), (version, tokens.clone()));
        Ok(tokens)
    }

    /// Renews the access if nobody else does; `None`: somebody else does, or has.
    async fn renewed(
        &self,
        key: &CredentialKey,
        client: &OAuth2,
        generation: u32,
        tokens: &Tokens,
    ) -> Result<Option<Tokens>, CredentialFailure> {
        let id = key.1;
        let Some(refresh_token) = tokens.refresh_token.as_deref() else { return Ok(None) };
        let Some((claim, since)) = self.claimed(key, generation + 1).await? else { return Ok(None) };
        let subject = Vault::claim_to_tokens(key);
        // What was read before the claim may be what another claim has made old meanwhile.
        let (again, _) = self.read_now(key).await?;
        if again.granted.generation() != generation || since.elapsed() > ACTS_WITHIN {
            self.claims.withdraw(&subject, &claim).await;
            return Ok(None);
        }
        let request = TokenRequest::refresh(client, refresh_token);
        match self.provider(key, client, &request, &[refresh_token]).await {
            Ok(answer) => {
                let next = self.tokens_of(answer, client, Some(tokens));
                self.save(key, generation + 1, Some(&next)).await?;
                tracing::info!(credential = %id, "the access of the credential {id} is renewed");
                Ok(Some(next))
            }
            Err(Denied::Grant(why)) => {
                tracing::warn!(credential = %id, "the credential {id} needs somebody's consent: {why}");
                self.save(key, generation + 1, None).await?;
                Err(CredentialFailure::needs_consent(id, &why))
            }
            Err(Denied::Other(failure)) => {
                self.claims.withdraw(&subject, &claim).await;
                Err(failure)
            }
        }
    }

    /// Exchanges a code for tokens, and keeps them.
    pub(super) async fn exchange(
        &self,
        key: &CredentialKey,
        code: &str,
        verifier: &str,
        redirect_uri: &str,
    ) -> Result<(), CredentialFailure> {
        let id = key.1;
        let _turn = self.turns.turn(key.clone()).await;
        let (_, client) = self.read_now(key).await?;
        let request = TokenRequest::exchange(&client, code, verifier, redirect_uri);
        let answer = self
            .provider(key, &client, &request, &[code, verifier])
            .await
            .map_err(|denied| plain(id, denied))?;
        let tokens = self.tokens_of(answer, &client, None);
        let began = Instant::now();
        let mut tries = 0;
        while began.elapsed() < OTHERS {
            let (open, _) = self.read_now(key).await?;
            let next = open.granted.generation() + 1;
            if self.claimed(key, next).await?.is_some() {
                return self.save(key, next, Some(&tokens)).await;
            }
            tries += 1;
            sleep(LOOK.max(claims::pause(tries))).await;
        }
        Err(CredentialFailure::busy(id))
    }

    /// Claims a generation; since when. `None`: somebody else does.
    async fn claimed(
        &self,
        key: &CredentialKey,
        generation: u32,
    ) -> Result<Option<(Claim, Instant)>, CredentialFailure> {
        let since = Instant::now();
        let content = uuid::Uuid::new_v4().to_string();
        let claim = self.claims.take(&Vault::claim_to_tokens(key), generation, &content).await;
        Ok(claim.map_err(|error| CredentialFailure::of_store(key.1, &error))?.map(|claim| (claim, since)))
    }

    /// The credential as it is now, of OAuth 2.0. What is kept goes to the store first: nobody reads past it.
    async fn read_now(&self, key: &CredentialKey) -> Result<(OpenCredential, OAuth2), CredentialFailure> {
        if let Some(kept) = self.kept.of(key) {
            self.offer(key, &kept).await.map_err(|error| CredentialFailure::of_store(key.1, &error))?;
        }
        let open = self.vault.open_now(key).await?;
        match open.values.clone() {
            CredentialValues::OAuth2(client) => Ok((open, client)),
            other => Err(CredentialFailure::of_type(key.1, other.kind().as_str())),
        }
    }

    /// Keeps what a provider gave, or that it refuses (`None`): in a file first, then in the store. While that is away
    /// this worker goes on with what it knows, and others cannot claim.
    async fn save(
        &self,
        key: &CredentialKey,
        generation: u32,
        tokens: Option<&Tokens>,
    ) -> Result<(), CredentialFailure> {
        let unwritable = |why: &dyn std::fmt::Display| CredentialFailure::no_answer(key.1, &why.to_string());
        let stored = self.vault.seal_tokens(key, generation, tokens).map_err(|error| unwritable(&error))?;
        self.kept.put(key, &stored).await;
        self.vault.learn(key, &stored);
        if let Err(error) = self.offer(key, &stored).await {
            tracing::warn!(credential = %key.1, %error, "the store does not take new tokens yet; they are kept here");
        }
        Ok(())
    }

    /// Offers to the store what is kept.
    async fn offer(
        &self,
        key: &CredentialKey,
        tokens: &StoredTokens,
    ) -> Result<(), minireipaz::store::StoreError> {
        self.store.save_tokens(key, tokens).await?;
        self.kept.remove(key, tokens.generation).await;
        Ok(())
    }

    pub(super) async fn offer_all(&self) {
        for (key, tokens) in self.kept.all() {
            if let Err(error) = self.offer(&key, &tokens).await {
                tracing::debug!(credential = %key.1, %error, "the store does not take kept tokens yet");
                return;
            }
        }
    }
}

/// A refusal of something that nobody renews.
fn plain(id: CredentialId, denied: Denied) -> CredentialFailure {
    match denied {
        Denied::Grant(why) => CredentialFailure::needs_consent(id, &why),
        Denied::Other(failure) => failure,
    }
}
