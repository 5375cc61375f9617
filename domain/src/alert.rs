//! Alerts: an error of a workflow that keeps coming back.
//!
//! An error's pattern is what stays the same of it from one occurrence to the next. While a pattern keeps coming, that is
//! one alert: it is raised once, is known to go on, and is over when the pattern has not come for a while.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{
    ids::{AlertId, NodeId, TenantId, WorkflowId},
    run::NodeError,
    timestamp::Timestamp,
};

/// Longest code and longest host of a pattern, in bytes. They are cut.
const MAX_WORD: usize = 128;

/// What stays the same of an error that comes back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ErrorPattern {
    /// The workflow whose runs meet it.
    pub workflow_id: WorkflowId,
    /// The node that fails; missing for an error of the run itself, such as its time limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_id: Option<NodeId>,
    /// The error's code, such as `http_status`.
    pub code: String,
    /// The HTTP status that was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The host that was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

impl ErrorPattern {
    /// The pattern of that error: status and host are what its details say.
    #[must_use]
    pub fn of(workflow_id: WorkflowId, node_id: Option<NodeId>, error: &NodeError) -> Self {
        let detail = |name: &str| error.details.as_ref().and_then(|details| details.get(name));
        Self {
            workflow_id,
            node_id,
            code: cut(&error.code),
            status: detail("status").and_then(Value::as_u64).and_then(|status| status.try_into().ok()),
            host: detail("host").and_then(Value::as_str).filter(|host| !host.is_empty()).map(cut),
        }
    }

    /// The same in one word: equal for a tenant if and only if the patterns are.
    #[must_use]
    pub fn id(&self, tenant: &TenantId) -> Uuid {
        let Self { workflow_id, node_id, code, status, host } = self;
        let node = node_id.as_ref().map_or("", NodeId::as_str);
        let (status, host) = (status.unwrap_or_default(), host.as_deref().unwrap_or_default());
        // None of the parts but code and host may hold a line break, and these say how long they are.
        let text = format!(
            "{tenant}\n{workflow_id}\n{node}\n{status}\n{}\n{code}\n{}\n{host}",
            code.len(),
            host.len()
        );
        Uuid::new_v5(&PATTERNS, text.as_bytes())
    }
}

/// Namespace of the ids that are derived from patterns.
const PATTERNS: Uuid = Uuid::from_u128(0x6d69_6e69_7265_4950_8a5a_0003_0000_0001);

impl AlertId {
    /// The id of the alert about a pattern that is raised within this stretch of time: whoever else raises it at about
    /// the same moment raises the same one.
    #[must_use]
    pub fn of(pattern: Uuid, raised_at: Timestamp, stretch: Duration) -> Self {
        let stretch = i64::try_from(stretch.as_millis()).unwrap_or(i64::MAX).max(1);
        let number = raised_at.as_millis().div_euclid(stretch);
        Self(Uuid::new_v5(&pattern, number.to_string().as_bytes()))
    }
}

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_WORD)].to_owned()
}

/// An alert as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Alert {
    /// Its id.
    pub id: AlertId,
    /// What keeps coming back.
    pub pattern: ErrorPattern,
    /// The message of the error that came last.
    pub message: String,
    /// When the threshold was reached.
    pub raised_at: Timestamp,
    /// When the error came last, as far as is recorded.
    pub last_seen_at: Timestamp,
    /// How often it came.
    pub count: u64,
    /// Since when it is over: the error did not come for the length of the window. Missing while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleared_at: Option<Timestamp>,
    /// When somebody said that they know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<Timestamp>,
    /// Who it was: the `sub` of their token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_by: Option<String>,
    /// When it was told to whom the settings name; missing if that has not succeeded, or there is nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced_at: Option<Timestamp>,
}

/// What one worker has seen of an alert. What all of them have seen together is the alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertReport {
    /// Whose it is.
    pub tenant: TenantId,
    /// Which alert.
    pub id: AlertId,
    /// Who has seen it: one life of one worker's process, which counts from nothing.
    pub reporter: Uuid,
    /// What keeps coming back.
    pub pattern: ErrorPattern,
    /// The message of the error that came last.
    pub message: String,
    /// When the threshold was reached.
    pub raised_at: Timestamp,
    /// When the error came last.
    pub last_seen_at: Timestamp,
    /// How often it came.
    pub count: u64,
    /// So long after the last time it is over.
    pub calm: Duration,
    /// When this worker has told whoever is to be told.
    pub announced_at: Option<Timestamp>,
}

/// Somebody knows of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    /// Whose the alert is.
    pub tenant: TenantId,
    /// Which.
    pub id: AlertId,
    /// Who knows.
    pub by: String,
    /// Since when.
    pub at: Timestamp,
}

/// Since when an alert is over at `now`, if it is.
#[must_use]
pub fn cleared_at(last_seen_at: Timestamp, calm: Duration, now: Timestamp) -> Option<Timestamp> {
    Some(last_seen_at.plus(calm)).filter(|at| *at < now)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pattern(code: &str, host: &str) -> ErrorPattern {
        let error = NodeError::new(code, "x").with_details(json!({ "status": 503, "host": host }));
        ErrorPattern::of(WorkflowId(Uuid::nil()), NodeId::parse("fetch").ok(), &error)
    }

    #[test]
    fn a_pattern_is_what_stays_the_same() {
        let one = pattern("http_status", "shop.example");
        assert_eq!((one.status, one.host.as_deref()), (Some(503), Some("shop.example")));
        let error = NodeError::new("expression", "item 7 has no price");
        let other = ErrorPattern::of(WorkflowId(Uuid::nil()), None, &error);
        assert_eq!((other.status, other.host, other.node_id), (None, None, None));
    }

    #[test]
    fn ids_of_patterns_differ_by_each_part_and_by_tenant() {
        let (a, b) = (TenantId::parse("a").unwrap(), TenantId::parse("b").unwrap());
        let one = pattern("http_status", "shop.example");
        assert_eq!(one.id(&a), pattern("http_status", "shop.example").id(&a));
        let ids = [
            one.id(&a),
            one.id(&b),
            pattern("http_status", "other.example").id(&a),
            pattern("http_status\n", "shop.example").id(&a),
            ErrorPattern { status: None, ..one.clone() }.id(&a),
            ErrorPattern { node_id: None, ..one }.id(&a),
        ];
        let distinct: std::collections::HashSet<_> = ids.into_iter().collect();
        assert_eq!(distinct.len(), ids.len());
    }

    #[test]
    fn who_raises_the_same_at_about_the_same_time_raises_the_same_alert() {
        let id = |at| AlertId::of(Uuid::nil(), Timestamp::from_millis(at), Duration::from_secs(60));
        assert_eq!(id(120_000), id(179_999));
        assert_ne!(id(120_000), id(180_000));
    }
}
