//! Asking for the items of a step, as both sides write and read it.

use std::str::FromStr;

use domain::{
    ids::{NodeId, TenantId},
    iteration::Iteration,
    run::{PageOf, Side},
};
use url::form_urlencoded;

use super::InvalidAsk;

/// Where the items of a run's steps are, below the run: `/runs/{id}/items`.
pub const ITEMS: &str = "/items";

/// Items a page at most.
pub const MOST_ITEMS: usize = 1_000;

/// Which items of a run are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemsAsk {
    /// Of which node.
    pub node: NodeId,
    /// Of which iteration; `None`: of the newest.
    pub iteration: Option<Iteration>,
    /// By which port they left, or to which input they came.
    pub port: Option<String>,
    /// What the step gave, or what it was given.
    pub side: Side,
    /// Where the page begins.
    pub offset: usize,
    /// How many items, 1 to [`MOST_ITEMS`].
    pub limit: usize,
}

impl ItemsAsk {
    /// Which page.
    #[must_use]
    pub fn page(&self) -> PageOf<'_> {
        PageOf { port: self.port.as_deref(), offset: self.offset, limit: self.limit }
    }

    /// The query of the request.
    #[must_use]
    pub fn query(&self, tenant: &TenantId) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("tenant", tenant.as_str()).append_pair("node", self.node.as_str());
        if let Some(iteration) = &self.iteration {
            query.append_pair("iteration", &iteration.to_string());
        }
        if let Some(port) = &self.port {
            query.append_pair("port", port);
        }
        query.append_pair("side", self.side.as_str());
        query.append_pair("offset", &self.offset.to_string());
        query.append_pair("limit", &self.limit.to_string());
        query.finish()
    }

    /// Whose run is asked for, and what.
    ///
    /// # Errors
    /// When a parameter is missing or cannot be read; those that are not known are passed over.
    pub fn of_query(query: &str) -> Result<(TenantId, Self), InvalidAsk> {
        let (mut tenant, mut node, mut iteration, mut port) = (None, None, None, None);
        let (mut side, mut offset, mut limit) = (Side::Out, 0, MOST_ITEMS);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "tenant" => tenant = TenantId::parse(&value).ok(),
                "node" => node = NodeId::parse(&value).ok(),
                "iteration" => iteration = Some(read("iteration", &value)?),
                "port" => port = Some(value.into_owned()),
                "side" => side = read("side", &value)?,
                "offset" => offset = read("offset", &value)?,
                "limit" => limit = read::<usize>("limit", &value)?.clamp(1, MOST_ITEMS),
                _ => {}
            }
        }
        let missing = |name| InvalidAsk { name, what: "is missing or no id" };
        let tenant = tenant.ok_or(missing("tenant"))?;
        let node = node.ok_or(missing("node"))?;
        Ok((tenant, Self { node, iteration, port, side, offset, limit }))
    }
}

fn read<T: FromStr>(name: &'static str, value: &str) -> Result<T, InvalidAsk> {
    value.parse().map_err(|_| InvalidAsk { name, what: "cannot be read" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_what_is_read() {
        let tenant = TenantId::parse("a&b=c%20").unwrap();
        let newest = ItemsAsk {
            node: NodeId::parse("ä & b").unwrap(),
            iteration: None,
            port: None,
            side: Side::Out,
            offset: 0,
            limit: 100,
        };
        let one = ItemsAsk {
            iteration: Some(Iteration::from(vec![3, 0])),
            port: Some("a=b".to_owned()),
            side: Side::In,
            offset: 7,
            ..newest.clone()
        };
        for ask in [newest, one] {
            assert_eq!(ItemsAsk::of_query(&ask.query(&tenant)), Ok((tenant.clone(), ask)));
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_and_no_page_has_more_than_the_most() {
        for (query, name) in [
            ("node=a", "tenant"),
            ("tenant=a", "node"),
            ("tenant=a&node=b&iteration=x", "iteration"),
            ("tenant=a&node=b&side=up", "side"),
            ("tenant=a&node=b&offset=-1", "offset"),
        ] {
            assert!(ItemsAsk::of_query(query).unwrap_err().to_string().contains(name), "{query}");
        }
        let (_, ask) = ItemsAsk::of_query("tenant=a&node=b&limit=9999999&later=1").unwrap();
        assert_eq!(ask.limit, MOST_ITEMS);
    }
}
