//! Which secrets of connectors are accepted.

use secrecy::SecretString;

use super::Env;
use crate::auth::CallbackSecrets;

impl CallbackSecrets {
    /// Reads `CONNECTOR_SECRET` (required) and `CONNECTOR_SECRET_NEXT`, which is valid too while connectors change
    /// over. `None` when one is missing or too short, which `env` has noted.
    pub fn from_env(env: &mut Env) -> Option<Self> {
        let current: Option<String> = env.required("CONNECTOR_SECRET");
        let next: Option<String> = env.optional("CONNECTOR_SECRET_NEXT");
        let secrets = Self::new(&SecretString::from(current?), next.map(SecretString::from).as_ref());
        secrets
            .map_err(|error| env.problem(format!("CONNECTOR_SECRET or CONNECTOR_SECRET_NEXT: {error}")))
            .ok()
    }
}
