//! Credentials, as webhooks use them.

use async_trait::async_trait;
use domain::{
    credential::CredentialValues,
    ids::{CredentialId, TenantId},
};

use super::{HookSecrets, HookSecretsError, SecretFields};
use crate::credentials::{OpenError, Vault};

#[async_trait]
impl HookSecrets for Vault {
    async fn get(
        &self,
        tenant: &TenantId,
        credential: CredentialId,
    ) -> Result<SecretFields, HookSecretsError> {
        let open = self.open(&(tenant.clone(), credential)).await.map_err(|error| match error {
            OpenError::Missing(id) => HookSecretsError::NotFound(id),
            OpenError::Unreadable(id, why) => HookSecretsError::Unusable(id, why),
            OpenError::Away(_, why) => HookSecretsError::Unavailable(why),
        })?;
        fields(&open.values).ok_or_else(|| {
            let why =
                format!("a webhook checks nothing by a credential of the type `{}`", open.values.kind());
            HookSecretsError::Unusable(credential, why)
        })
    }
}

/// What a credential says, by the names that people gave it by.
fn fields(values: &CredentialValues) -> Option<SecretFields> {
    let fields = match values {
        CredentialValues::HttpBasic(basic) => {
            vec![("username", basic.username.as_str()), ("password", basic.password.as_str())]
        }
        CredentialValues::HttpHeader(header) => {
            vec![("name", header.name.as_str()), ("value", header.value.as_str())]
        }
        CredentialValues::Hmac(hmac) => vec![("secret", hmac.secret.as_str())],
        CredentialValues::Jwt(jwt) => {
            let mut fields = vec![("algorithm", jwt.algorithm.as_str()), ("key", jwt.key.as_str())];
            fields.extend(jwt.issuer.as_ref().map(|issuer| ("issuer", issuer.as_str())));
            fields.extend(jwt.audience.as_ref().map(|audience| ("audience", audience.as_str())));
            fields
        }
        CredentialValues::HttpBearer(_) | CredentialValues::HttpQuery(_) | CredentialValues::OAuth2(_) => {
            return None;
        }
    };
    Some(fields.into_iter().collect())
}
