//! Settings of credentials.

use url::Url;

use super::Env;
use crate::credentials::CredentialKeys;

impl CredentialKeys {
    /// Reads `CREDENTIAL_KEYS`: `<id>:<32 bytes in base64>,…`. The first one seals, all open. `None` without it, or when
    /// it is wrong, which `env` has noted.
    pub fn from_env(env: &mut Env) -> Option<Self> {
        env.optional("CREDENTIAL_KEYS")
    }
}

/// Reads `PUBLIC_URL`, the API's address as people reach it. `None` without it, or when it is wrong, which `env` has
/// noted.
pub(super) fn public_url(env: &mut Env) -> Option<Url> {
    let url: Url = env.optional("PUBLIC_URL")?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || url.query().is_some() {
        env.problem("PUBLIC_URL is the API's address as people reach it, such as https://flows.example");
        return None;
    }
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_keys_are_named_by_their_setting_and_not_repeated() {
        let mut env = Env::of([("CREDENTIAL_KEYS", "a:hush")]);
        let keys = CredentialKeys::from_env(&mut env);
        let said = env.finish(Some(keys)).unwrap_err().to_string();
        assert!(said.contains("CREDENTIAL_KEYS") && !said.contains("hush"), "{said}");
        let mut env = Env::of([("PUBLIC_URL", "flows.example:80")]);
        assert_eq!(public_url(&mut env), None);
        assert!(env.finish(Some(())).is_err());
    }
}
