//! Where a credential may be shown.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// A host that a credential is bound to: `api.example.com`, all below a name (`*.example.com`), or one port of it
/// (`api.example.com:8443`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPattern {
    /// Without `*.`, as addresses have it: in small letters and Punycode.
    name: String,
    below: bool,
    port: Option<u16>,
}

/// A text that is no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no host; write api.example.com, *.example.com for all below, or api.example.com:8443")]
pub struct InvalidHost(String);

/// Where it may be shown; none: everywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hosts(pub Vec<HostPattern>);

impl Hosts {
    /// Whether it may be shown to the host of this address.
    #[must_use]
    pub fn allow(&self, url: &Url) -> bool {
        self.0.is_empty() || self.0.iter().any(|pattern| pattern.matches(url))
    }
}

/// As people read them.
impl fmt::Display for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&all.join(", "))
    }
}

impl HostPattern {
    fn matches(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else { return false };
        let host = host.trim_end_matches('.');
        let is_named = if self.below {
            host.strip_suffix(&self.name).is_some_and(|before| before.len() > 1 && before.ends_with('.'))
        } else {
            host == self.name
        };
        is_named && self.port.is_none_or(|port| url.port_or_known_default() == Some(port))
    }
}

impl FromStr for HostPattern {
    type Err = InvalidHost;

    fn from_str(text: &str) -> Result<Self, InvalidHost> {
        let invalid = || InvalidHost(text.chars().take(100).collect());
        let trimmed = text.trim();
        let (below, rest) = trimmed.strip_prefix("*.").map_or((false, trimmed), |rest| (true, rest));
        if rest.contains(['/', '?', '#', '@', '\\', '*']) || rest.contains(char::is_whitespace) {
            return Err(invalid());
        }
        // A port is told from the last group of an IPv6 address by the brackets around that.
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, Some(port.parse().map_err(|_| invalid())?))
            }
            _ => (rest, None),
        };
        let host = Host::parse(host.trim_end_matches('.')).map_err(|_| invalid())?;
        if below && !matches!(host, Host::Domain(_)) {
            return Err(invalid());
        }
        Ok(Self { name: host.to_string(), below, port })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let below = if self.below { "*." } else { "" };
        write!(f, "{below}{}", self.name)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl TryFrom<String> for HostPattern {
    type Error = InvalidHost;

    fn try_from(text: String) -> Result<Self, InvalidHost> {
        text.parse()
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        pattern.to_string()
    }
}
