//! Which addresses may be called although they are not public.

use std::{net::IpAddr, str::FromStr};

use ipnet::IpNet;

/// Hosts and networks that may be called although they are not public.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allow {
    hosts: Vec<String>,
    networks: Vec<IpNet>,
}

/// A text that is neither a host nor a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is neither a host name nor a network; write names and networks such as \"api.internal, 10.1.0.0/16\""
)]
pub struct InvalidAllow(String);

impl FromStr for Allow {
    type Err = InvalidAllow;

    /// Names, addresses and networks, separated by commas.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut allow = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            if let Ok(network) = part.parse::<IpNet>() {
                allow.networks.push(network.trunc());
            } else if let Ok(address) = part.trim_matches(['[', ']']).parse::<IpAddr>() {
                allow.networks.push(address.into());
            } else if part.contains(['/', ':', '*', ' ', '@']) {
                return Err(InvalidAllow(part.to_owned()));
            } else {
                allow.hosts.push(host_key(part));
            }
        }
        Ok(allow)
    }
}

impl Allow {
    /// Whether the name may be called, wherever it leads.
    pub(super) fn has_host(&self, host: &str) -> bool {
        !self.hosts.is_empty() && self.hosts.contains(&host_key(host))
    }

    /// Why the address may not be called; `None`: it may.
    pub(super) fn refusal(&self, address: IpAddr) -> Option<&'static str> {
        let reason = super::address::not_public(address)?;
        let plain = address.to_canonical();
        let allowed =
            self.networks.iter().any(|network| network.contains(&address) || network.contains(&plain));
        (!allowed).then_some(reason)
    }
}

/// Names are the same in any case, with and without the root's dot.
fn host_key(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}
