//! The HTTP client of steps, and its guard: no address that is not public is ever connected to.

mod address;
mod allow;
pub(crate) mod content_encoding;
mod floor;
mod hosts;

use std::{error::Error as StdError, net::IpAddr, sync::Arc, time::Duration};

use minireipaz::resilience::BreakerSettings;
use reqwest::{
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use url::{Host, Url};

pub use allow::{Allow, InvalidAllow};
pub(crate) use floor::Pace;
pub use floor::RateFloor;
use hosts::Hosts;

/// What `http_request` may do.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Addresses that may be called although they are not public (`WORKER_HTTP_ALLOW`).
    pub allow: Allow,
    /// Largest answer, in bytes: as it comes, and decoded.
    pub max_response_bytes: usize,
    /// How slowly an answer may come.
    pub slowest: RateFloor,
    /// Items of one step that are under way at the same time.
    pub concurrency_per_step: usize,
    /// Calls to one destination (scheme, host, port) that are under way at the same time; more wait. Tenants share
    /// them: one alone has half, so that the calls of another find a place however slow the host is.
    pub concurrency_per_host: usize,
    /// Longest time to connect.
    pub connect_timeout: Duration,
    /// When calls of a tenant to a destination that keeps failing are not made for a while.
    pub breaker: BreakerSettings,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            allow: Allow::default(),
            max_response_bytes: 4 * 1024 * 1024,
            slowest: RateFloor::default(),
            concurrency_per_step: 8,
            concurrency_per_host: 64,
            connect_timeout: Duration::from_secs(10),
            breaker: BreakerSettings { failures: 10, ..BreakerSettings::default() },
        }
    }
}

/// The HTTP client cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up")]
pub struct HttpSetupError(#[from] reqwest::Error);

/// The client of all steps, so that connections are used again.
#[derive(Debug)]
pub(crate) struct HttpClient {
    pub(crate) client: reqwest::Client,
    pub(crate) settings: HttpSettings,
    pub(crate) hosts: Hosts,
    allow: Arc<Allow>,
}

/// An address that must not be called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{host} leads to {address}, {what}; the worker calls it only if WORKER_HTTP_ALLOW names the host or the network"
)]
pub(crate) struct Blocked {
    host: String,
    address: IpAddr,
    what: &'static str,
}

impl HttpClient {
    pub(crate) fn new(settings: &HttpSettings) -> Result<Self, HttpSetupError> {
        let allow = Arc::new(settings.allow.clone());
        let client = reqwest::Client::builder()
            .user_agent(concat!("minireipaz/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.connect_timeout)
            .pool_idle_timeout(Duration::from_secs(30))
            // A proxy would connect in our place, past the guard.
            .no_proxy()
            // Each redirect is a request of its own, so that each is checked like the first.
            .redirect(Policy::none())
            // It takes the first of several gzip members for all, and knows no other encoding.
            .no_gzip()
            .dns_resolver(GuardedResolver(Arc::clone(&allow)))
            .build()?;
        let hosts = Hosts::new(settings.breaker, settings.concurrency_per_host);
        Ok(Self { client, settings: settings.clone(), hosts, allow })
    }

    /// Checks a URL whose host is an address; names are checked when they are resolved.
    pub(crate) fn check_literal(&self, url: &Url) -> Result<(), Blocked> {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(_)) | None => return Ok(()),
        };
        match self.allow.refusal(address) {
            None => Ok(()),
            Some(what) => Err(Blocked { host: url.host_str().unwrap_or_default().to_owned(), address, what }),
        }
    }
}

/// Resolves names to public addresses only. It is asked at connect time, so a name that changes its mind between a
/// check and the connection gains nothing.
#[derive(Debug)]
struct GuardedResolver(Arc<Allow>);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow = Arc::clone(&self.0);
        Box::pin(async move {
            let host = name.as_str();
            let found: Vec<_> = tokio::net::lookup_host((host, 0)).await?.collect();
            if allow.has_host(host) {
                return Ok(Box::new(found.into_iter()) as Addrs);
            }
            let (mut usable, mut blocked) = (Vec::new(), None);
            for socket in found {
                match allow.refusal(socket.ip()) {
                    None => usable.push(socket),
                    Some(what) => {
                        blocked = Some(Blocked { host: host.to_owned(), address: socket.ip(), what });
                    }
                }
            }
            match blocked {
                Some(blocked) if usable.is_empty() => {
                    Err(Box::new(blocked) as Box<dyn StdError + Send + Sync>)
                }
                _ => Ok(Box::new(usable.into_iter()) as Addrs),
            }
        })
    }
}
