//! Settings of who may call.

use std::{str::FromStr, time::Duration};

use url::Url;

/// Which tokens are accepted.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// Who issues the tokens, exactly as their claim `iss` says it. `AUTH_ISSUER`, required.
    pub issuer: String,
    /// For whom they must be issued: one of the claim `aud`. `AUTH_AUDIENCE`, required.
    pub audience: String,
    /// Where the issuer publishes its keys; `https`, except on this machine. `AUTH_JWKS_URL`, required.
    pub jwks_url: Url,
    /// How they may be signed. `AUTH_ALGORITHMS`; default `RS256,ES256,EdDSA`.
    pub algorithms: Algorithms,
    /// The claim that names the tenant. `AUTH_TENANT_CLAIM`; default `tenant_id`.
    pub tenant_claim: String,
    /// By how much the issuer's clock may differ from ours: 30 s.
    pub leeway: Duration,
}

/// How a token may be signed: only with the private half of a key pair, never with a shared secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

/// Algorithms that are allowed; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Algorithms(Vec<Algorithm>);

impl Algorithms {
    /// Whether `algorithm` is among them.
    #[must_use]
    pub fn allow(&self, algorithm: Algorithm) -> bool {
        self.0.contains(&algorithm)
    }
}

impl Default for Algorithms {
    fn default() -> Self {
        Self(vec![Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa])
    }
}

/// As RFC 7518 and RFC 8037 write it.
impl FromStr for Algorithm {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "RS256" => Ok(Self::Rs256),
            "ES256" => Ok(Self::Es256),
            "EdDSA" => Ok(Self::EdDsa),
            _ => Err(format!("{name:?} is not one of RS256, ES256, EdDSA")),
        }
    }
}

/// Their names, separated by commas.
impl FromStr for Algorithms {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(',').map(|name| name.trim().parse()).collect::<Result<_, _>>().map(Self)
    }
}

impl AuthConfig {
    /// Tokens of one issuer for one audience, all else by default.
    #[must_use]
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>, jwks_url: Url) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            jwks_url,
            algorithms: Algorithms::default(),
            tenant_claim: "tenant_id".into(),
            leeway: Duration::from_secs(30),
        }
    }
}
