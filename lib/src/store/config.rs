//! Where `ClickHouse` is, and how to reach it.

use std::{path::PathBuf, str::FromStr, time::Duration};

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::Url;

/// Settings of the store.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// Address, user, password and database. `CLICKHOUSE_URL`, required:
    /// `clickhouse://user:password@host:9000/database`, or `clickhouses://…:9440/…` for TLS.
    pub address: StoreAddress,
    /// A PEM file with the authority that signed the server's certificate; without it the system's are trusted.
    /// `CLICKHOUSE_CA_FILE`.
    pub ca_file: Option<PathBuf>,
    /// Most connections at a time. `CLICKHOUSE_POOL_SIZE`, 1 to 256, default 8.
    pub pool_size: usize,
    /// Time limit for a new connection, from the name's resolution to the server's greeting.
    pub connect_timeout: Duration,
    /// Time limit for one query or insert.
    pub call_timeout: Duration,
    /// Time limit for one query or insert with all its retries.
    pub window: Duration,
}

impl StoreConfig {
    /// The defaults for an address.
    #[must_use]
    pub fn new(address: StoreAddress) -> Self {
        Self {
            address,
            ca_file: None,
            pool_size: 8,
            connect_timeout: Duration::from_secs(5),
            call_timeout: Duration::from_secs(10),
            window: Duration::from_secs(20),
        }
    }

    /// The same server, another database.
    #[must_use]
    pub fn with_database(mut self, database: DatabaseName) -> Self {
        self.address.database = database;
        self
    }
}

/// Address, user, password and database. Printing it for debugging does not show the password.
#[derive(Debug, Clone)]
pub struct StoreAddress {
    /// The server's name or IP address.
    pub host: String,
    /// The port of the native protocol.
    pub port: u16,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// Who we are there.
    pub user: String,
    /// The user's password.
    pub password: SecretString,
    /// The database that holds our tables.
    pub database: DatabaseName,
}

/// The database's name: 1 to 64 letters, digits and `_`, so that it can stand in a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseName(String);

impl DatabaseName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DatabaseName {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if text.is_empty() || text.len() > 64 || !allowed {
            return Err(InvalidAddress("the database's name has 1 to 64 letters, digits and _"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Why an address cannot be used. It never repeats the address, which holds a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}; expected clickhouse://user:password@host:9000/database, or clickhouses:// for TLS")]
pub struct InvalidAddress(&'static str);

impl FromStr for StoreAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|_| InvalidAddress("not a URL"))?;
        let tls = match url.scheme() {
            "clickhouse" => false,
            "clickhouses" => true,
            _ => return Err(InvalidAddress("the scheme is not known")),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(InvalidAddress("no host"))?;
        let decode = |text: &str| {
            percent_decode_str(text)
                .decode_utf8()
                .map(|text| text.into_owned())
                .map_err(|_| InvalidAddress("not UTF-8"))
        };
        let user = decode(url.username())?;
        let database = url.path().trim_start_matches('/');
        Ok(Self {
            // An IPv6 address stands in brackets in a URL only.
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(if tls { 9440 } else { 9000 }),
            tls,
            user: if user.is_empty() { "default".to_owned() } else { user },
            password: decode(url.password().unwrap_or_default())?.into(),
            database: if database.is_empty() { "minireipaz" } else { database }.parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn an_address_has_defaults_and_decodes_its_password() {
        let address: StoreAddress = "clickhouses://ada:p%40ss%2F@db.example/flows".parse().unwrap();
        assert_eq!((address.host.as_str(), address.port, address.tls), ("db.example", 9440, true));
        assert_eq!((address.user.as_str(), address.password.expose_secret()), ("ada", "p@ss/"));
        assert_eq!(address.database.as_str(), "flows");

        let address: StoreAddress = "clickhouse://[::1]".parse().unwrap();
        assert_eq!((address.host.as_str(), address.port, address.tls), ("::1", 9000, false));
        assert_eq!((address.user.as_str(), address.database.as_str()), ("default", "minireipaz"));
    }

    #[test]
    fn an_address_that_cannot_be_used_is_refused_without_repeating_it() {
        for text in
            ["http://u:secret@h/d", "clickhouse://u:secret@/d", "u:secret", "clickhouse://u:secret@h/a`b"]
        {
            let error = text.parse::<StoreAddress>().unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
