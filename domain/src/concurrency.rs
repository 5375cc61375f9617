//! Which runs may only run beside so many others: those of one workflow whose inputs have the same key.

use serde_json::Value;
use uuid::Uuid;

use super::{
    ids::{TenantId, WorkflowId},
    items::Item,
    kinds::params::path::FieldPath,
    workflow::Concurrency,
};

/// Namespace of the ids of groups.
const GROUPS: Uuid = Uuid::from_u128(0x6d69_6e69_7265_4950_8a5a_0002_0000_0001);

/// The runs of a workflow that share a key, and a limit. It follows from tenant, workflow and key alone, whatever the
/// version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunGroup(pub Uuid);

impl RunGroup {
    /// The group of that key; `None`: of all runs of the workflow that have none.
    #[must_use]
    pub fn of(tenant: &TenantId, workflow: WorkflowId, key: Option<&str>) -> Self {
        // Neither a tenant nor a workflow's id can contain '\n', so the parts cannot run together.
        let name = match key {
            None => format!("{tenant}\n{workflow}"),
            Some(key) => format!("{tenant}\n{workflow}\n{key}"),
        };
        Self(Uuid::new_v5(&GROUPS, name.as_bytes()))
    }

    /// The owner slot of its runs' ids ([`super::ids::RunId::owner_slot`]): all of them belong to one worker.
    #[must_use]
    pub const fn slot(self) -> u16 {
        // The lower bits, which are a digest's.
        self.0.as_u128() as u16
    }
}

impl Concurrency {
    /// The group of a run with that input: an object, or a list of objects, of which the first one says the key.
    #[must_use]
    pub fn group(&self, tenant: &TenantId, workflow: WorkflowId, input: &Value) -> RunGroup {
        RunGroup::of(tenant, workflow, self.key_in(input).as_deref())
    }

    /// The key in an input: a text, a number or a boolean, as it is written. Anything else, and nothing, is no key.
    #[must_use]
    pub fn key_in(&self, input: &Value) -> Option<String> {
        let path = FieldPath::parse(self.key.as_deref()?).ok()?;
        match path.get(first_item(input)?)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(is) => Some(is.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

fn first_item(input: &Value) -> Option<&Item> {
    match input {
        Value::Object(item) => Some(item),
        Value::Array(list) => list.first()?.as_object(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{timestamp::Timestamp, workflow::AboveLimit};

    fn by(key: &str) -> Concurrency {
        Concurrency { limit: 1, key: Some(key.to_owned()), above: AboveLimit::Queue }
    }

    #[test]
    fn a_key_is_a_text_a_number_or_a_boolean_of_the_first_item() {
        let customer = by("customer.id");
        for (input, key) in [
            (json!({"customer": {"id": "a"}}), Some("a")),
            (json!({"customer": {"id": 7}}), Some("7")),
            (json!({"customer": {"id": true}}), Some("true")),
            (json!([{"customer": {"id": "a"}}, {"customer": {"id": "b"}}]), Some("a")),
            (json!({"customer": {"id": {}}}), None),
            (json!({"customer": {"id": null}}), None),
            (json!({"customer": []}), None),
            (json!([]), None),
            (Value::Null, None),
        ] {
            assert_eq!(customer.key_in(&input).as_deref(), key, "{input}");
        }
        assert_eq!(Concurrency { key: None, ..by("x") }.key_in(&json!({"x": 1})), None);
    }

    #[test]
    fn a_group_is_one_tenants_one_workflows_and_one_keys() {
        let (acme, other) = (TenantId::parse("acme").unwrap(), TenantId::parse("other").unwrap());
        let [one, two] = [1, 2].map(|n| WorkflowId::at(Timestamp::from_millis(1), n));
        let of = |tenant, workflow, input: Value| by("k").group(tenant, workflow, &input);
        let group = of(&acme, one, json!({"k": "a"}));
        assert_eq!(group, of(&acme, one, json!({"k": "a", "n": 1})));
        assert_eq!(group.slot(), of(&acme, one, json!([{"k": "a"}])).slot());
        for different in [
            of(&acme, one, json!({"k": "b"})),
            of(&acme, one, json!({"k": ""})),
            of(&acme, one, json!({})),
            of(&acme, two, json!({"k": "a"})),
            of(&other, one, json!({"k": "a"})),
        ] {
            assert_ne!(group, different);
        }
        assert_ne!(of(&acme, one, json!({"k": ""})), of(&acme, one, json!({})), "an empty text is a key");
    }
}
