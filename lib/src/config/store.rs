//! Settings of the store.

use std::path::PathBuf;

use super::Env;
use crate::store::{StoreAddress, StoreConfig};

impl StoreConfig {
    /// Reads the settings; `None` when the address is missing.
    pub fn from_env(env: &mut Env) -> Option<Self> {
        let address: Option<StoreAddress> = env.required("CLICKHOUSE_URL");
        let ca_file: Option<PathBuf> = env.optional("CLICKHOUSE_CA_FILE");
        let pool_size: usize = env.or("CLICKHOUSE_POOL_SIZE", 8);
        if !(1..=256).contains(&pool_size) {
            env.problem("CLICKHOUSE_POOL_SIZE: not between 1 and 256");
        }
        let address = address?;
        if ca_file.is_some() && !address.tls {
            env.problem("CLICKHOUSE_CA_FILE is set, but CLICKHOUSE_URL does not begin with clickhouses://");
        }
        Some(Self { ca_file, pool_size, ..Self::new(address) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_checked_as_a_whole() {
        let mut env = Env::of([
            ("CLICKHOUSE_URL", "clickhouse://h"),
            ("CLICKHOUSE_POOL_SIZE", "0"),
            ("CLICKHOUSE_CA_FILE", "/ca.pem"),
        ]);
        let config = StoreConfig::from_env(&mut env);
        assert_eq!(env.finish(config).unwrap_err().0.len(), 2);

        let mut env = Env::of([("CLICKHOUSE_URL", "clickhouse://h")]);
        let config = StoreConfig::from_env(&mut env);
        let config = env.finish(config).unwrap();
        assert_eq!(config.pool_size, 8);
        assert!(!format!("{config:?}").contains("SecretString("), "the password is not printed");
    }
}
