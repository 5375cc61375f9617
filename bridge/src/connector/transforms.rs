//! Connect's transforms, of which the bridge has one: the filter that drops tombstones.

use super::values::Keys;

const FILTER: &str = "org.apache.kafka.connect.transforms.Filter";
const TOMBSTONE: &str = "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone";

/// Whether the connector drops records without a value before it sees them.
pub(super) fn drops_tombstones(keys: &mut Keys) -> bool {
    let known: Vec<_> = keys
        .list("predicates")
        .into_iter()
        .filter(|name| {
            let kind = keys.take(&format!("predicates.{name}.type"));
            let known = kind.as_deref() == Some(TOMBSTONE);
            if !known {
                keys.complain(format!(
                    "predicates.{name}.type has to be {TOMBSTONE}: the bridge has no other"
                ));
            }
            known
        })
        .collect();
    let transforms = keys.list("transforms");
    for name in &transforms {
        let key = |part: &str| format!("transforms.{name}.{part}");
        let kind = keys.take(&key("type"));
        let predicate = keys.take(&key("predicate"));
        let negated = keys.flag(&key("negate"), false);
        let drops = kind.as_deref() == Some(FILTER) && predicate.is_some_and(|name| known.contains(&name));
        if !drops || negated {
            keys.complain(format!(
                "transforms.{name} has to be {FILTER} with a predicate {TOMBSTONE}: the bridge has no other"
            ));
        }
    }
    !transforms.is_empty()
}
