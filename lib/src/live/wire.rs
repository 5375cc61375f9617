//! The request, as both sides write and read it.

use std::time::Duration;

use domain::ids::TenantId;
use url::form_urlencoded;

/// Where runs are, below a worker's address: `/runs/{id}`.
pub const PATH: &str = "/runs";

/// The `code` of the problem with status 404 that says: this worker cannot tell anything of that run. A 404 without it
/// is of somebody who has no such route.
pub const UNKNOWN_RUN: &str = "run_unknown";

/// The `code` of the problem with status 503 that says: the worker that the run belongs to cannot be reached, all is well
/// with the one that answers.
pub const OWNER_UNAVAILABLE: &str = "owner_unavailable";

/// No wait is longer.
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What is asked about a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// Wait for a revision above this one, or the end; `None`: for the end.
    pub after: Option<u64>,
    /// How long, in whole seconds; none: the run as it is.
    pub wait: Duration,
}

/// A request that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the parameter `{name}` {what}")]
pub struct InvalidAsk {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
}

impl Ask {
    /// The run as it is.
    pub const NOW: Self = Self { after: None, wait: Duration::ZERO };

    /// The query of the request: `tenant=acme&after=7&wait=25`.
    #[must_use]
    pub fn query(&self, tenant: &TenantId) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("tenant", tenant.as_str());
        if let Some(after) = self.after {
            query.append_pair("after", &after.to_string());
        }
        query.append_pair("wait", &self.wait.as_secs().to_string());
        query.finish()
    }

    /// Whose run is asked for, and what.
    ///
    /// # Errors
    /// When a parameter is missing or cannot be read; those that are not known are passed over.
    pub fn of_query(query: &str) -> Result<(TenantId, Self), InvalidAsk> {
        let (mut tenant, mut ask) = (None, Self::NOW);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "tenant" => tenant = TenantId::parse(&value).ok(),
                "after" => ask.after = Some(number("after", &value)?),
                "wait" => ask.wait = Duration::from_secs(number("wait", &value)?).min(LONGEST_WAIT),
                _ => {}
            }
        }
        let tenant = tenant.ok_or(InvalidAsk { name: "tenant", what: "is missing or no tenant's id" })?;
        Ok((tenant, ask))
    }
}

fn number(name: &'static str, value: &str) -> Result<u64, InvalidAsk> {
    value.parse().map_err(|_| InvalidAsk { name, what: "must be a whole number" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_what_is_read() {
        for tenant in ["acme", "a&b=c%20/?#", "|~!"] {
            let tenant = TenantId::parse(tenant).unwrap();
            for ask in [Ask::NOW, Ask { after: Some(7), wait: Duration::from_secs(25) }] {
                assert_eq!(Ask::of_query(&ask.query(&tenant)), Ok((tenant.clone(), ask)));
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_and_no_wait_is_longer_than_the_longest() {
        for (query, name) in [
            ("", "tenant"),
            ("tenant=", "tenant"),
            ("tenant=a&wait=x", "wait"),
            ("tenant=a&after=-1", "after"),
        ] {
            assert!(Ask::of_query(query).unwrap_err().to_string().contains(name), "{query}");
        }
        let (_, ask) = Ask::of_query("tenant=a&wait=99999&later=1").unwrap();
        assert_eq!(ask, Ask { after: None, wait: LONGEST_WAIT });
    }
}
