//! An issuer of tokens for one machine: `minireipaz dev` and tests. In production that is an identity provider.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::clock::{Clock, SystemClock};
use domain::ids::{InvalidId, TenantId};

/// The key's file in the issuer's folder.
const KEY_FILE: &str = "ed25519.pk8";

/// Issues tokens that are signed with its own Ed25519 key.
pub struct LocalIssuer {
    issuer: String,
    audience: String,
    clock: Arc<dyn Clock>,
    key_id: String,
    public_key: Vec<u8>,
    key: EncodingKey,
}

/// What a token shall say.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// Whose data it opens.
    pub tenant: String,
    /// Who presents it.
    pub subject: String,
    /// What it allows: scopes, separated by spaces.
    pub scopes: String,
    /// How long it is valid.
    pub lifetime: Duration,
}

impl TokenRequest {
    /// A token for the developer of the local tenant, valid for 30 days.
    #[must_use]
    pub fn developer(scopes: &str) -> Self {
        Self {
            tenant: "local".into(),
            subject: "developer".into(),
            scopes: scopes.into(),
            lifetime: Duration::from_secs(30 * 86_400),
        }
    }
}

/// Why there is no issuer or no token.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// The key's file cannot be read or written.
    #[error("the issuer's key file {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
    /// The file holds no key.
    #[error("the issuer's key file {} holds no Ed25519 key; remove it to get a new one", .0.display())]
    NotAKey(PathBuf),
    /// The tenant cannot be one.
    #[error(transparent)]
    Tenant(#[from] InvalidId),
    /// Making a key or a signature failed.
    #[error("making a key or a signature failed")]
    Crypto,
}

impl LocalIssuer {
    /// Opens the issuer whose key is kept in `folder`; makes both if they are not there. Its tokens say `issuer` in
    /// `iss` and `audience` in `aud`.
    ///
    /// # Errors
    /// When the key cannot be read, made or kept.
    pub fn open(folder: &Path, issuer: &str, audience: &str) -> Result<Self, IssuerError> {
        let path = folder.join(KEY_FILE);
        let file_error = |source| IssuerError::File { path: path.clone(), source };
        let pkcs8 = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // The key is private wherever it lies, but who may write to its folder may put another in its place.
                if let Some(open) =
                    private_files::folder(folder, |name| name == KEY_FILE).map_err(file_error)?
                {
                    tracing::warn!("{open}");
                }
                let pkcs8 =
                    Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| IssuerError::Crypto)?;
                keep(&path, pkcs8.as_ref()).map_err(file_error)?
            }
            read => read.map_err(file_error)?,
        };
        let pair = Ed25519KeyPair::from_pkcs8(&pkcs8).map_err(|_| IssuerError::NotAKey(path))?;
        let public_key = pair.public_key().as_ref().to_vec();
        Ok(Self {
            issuer: issuer.into(),
            audience: audience.into(),
            clock: Arc::new(SystemClock),
            key_id: URL_SAFE_NO_PAD.encode(&Sha256::digest(&public_key)[..12]),
            public_key,
            key: EncodingKey::from_ed_der(&pkcs8),
        })
    }

    /// The same issuer with another clock.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// The public key, as a JSON Web Key Set.
    #[must_use]
    pub fn jwks(&self) -> Value {
        json!({"keys": [{
            "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
            "kid": self.key_id, "x": URL_SAFE_NO_PAD.encode(&self.public_key),
        }]})
    }

    /// A new token.
    ///
    /// # Errors
    /// When the tenant cannot be one.
    pub fn token(&self, request: &TokenRequest) -> Result<String, IssuerError> {
        let TokenRequest { tenant, subject, scopes, lifetime } = request;
        TenantId::parse(tenant)?;
        let now = self.clock.now();
        let claims = json!({
            "iss": self.issuer, "aud": self.audience, "sub": subject, "tenant_id": tenant, "scope": scopes,
            "iat": now.as_millis() / 1_000, "exp": now.plus(*lifetime).as_millis() / 1_000,
        });
        let header = Header { kid: Some(self.key_id.clone()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &claims, &self.key).map_err(|_| IssuerError::Crypto)
    }
}

/// Writes the key where only we can read it; when another process was faster, its key counts.
fn keep(path: &Path, pkcs8: &[u8]) -> io::Result<Vec<u8>> {
    // Linked into place when it is whole: nobody sees half a key.
    let draft = path.with_extension(format!("{}.draft", std::process::id()));
    private_files::write(&draft, pkcs8)?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::read(path),
        linked => linked.map(|()| pkcs8.to_vec()),
    }
}

impl std::fmt::Debug for LocalIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalIssuer")
            .field("issuer", &self.issuer)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_stays_the_same_and_only_we_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("deep/issuer");
        let first = LocalIssuer::open(&dir, "http://i", "a").unwrap();
        let second = LocalIssuer::open(&dir, "http://i", "a").unwrap();
        assert_eq!(first.jwks(), second.jwks());
        let mode = fs::metadata(dir.join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
    }

    #[test]
    fn a_key_that_another_process_made_meanwhile_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(KEY_FILE);
        assert_eq!(keep(&path, b"theirs").unwrap(), b"theirs");
        assert_eq!(keep(&path, b"ours").unwrap(), b"theirs");
        let error = LocalIssuer::open(folder.path(), "http://i", "a").unwrap_err().to_string();
        assert!(error.contains("remove it"), "{error}");
    }

    #[test]
    fn no_token_is_issued_for_what_cannot_be_a_tenant() {
        let folder = tempfile::tempdir().unwrap();
        let issuer = LocalIssuer::open(folder.path(), "http://i", "a").unwrap();
        let request = TokenRequest { tenant: "a b".into(), ..TokenRequest::developer("") };
        assert!(matches!(issuer.token(&request), Err(IssuerError::Tenant(_))));
    }
}
