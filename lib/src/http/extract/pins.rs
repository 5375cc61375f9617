//! Pins: outputs that a request gives, by node and port.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};

use super::shape::{Shape, mistyped};
use domain::{
    ids::NodeId,
    items::{Item, MAIN, Ports},
    run::Pins,
    violation::{ViolationCode, Violations},
};

/// Items by node: a list leaves by `main`, an object has a list a port.
#[derive(utoipa::ToSchema)]
#[schema(as = Pins)]
#[serde(untagged)]
#[expect(dead_code, reason = "only describes")]
pub(super) enum PinsSchema {
    /// The items that leave by `main`.
    Items(Vec<BTreeMap<String, Value>>),
    /// The items that leave by each port.
    ByPort(BTreeMap<String, Vec<BTreeMap<String, Value>>>),
}

impl Shape for Pins {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        let mut pins = Some(Self::new());
        for (id, value) in Map::<String, Value>::read(value, at, misfits)? {
            let place = format!("{at}.{id}");
            let node = NodeId::parse(&id)
                .map_err(|error| misfits.add(place.as_str(), ViolationCode::InvalidValue, error.to_string()));
            match (node, ports(value, &place, misfits), &mut pins) {
                (Ok(node), Some(ports), Some(pins)) => drop(pins.insert(node, ports)),
                _ => pins = None,
            }
        }
        pins
    }
}

fn ports(value: Value, at: &str, misfits: &mut Violations) -> Option<Ports> {
    match value {
        Value::Array(_) => {
            Some(Ports::from([(MAIN.into(), items(value, &format!("{at}.{MAIN}"), misfits)?)]))
        }
        Value::Object(ports) => {
            let ports = ports.into_iter().map(|(port, value)| {
                let items = items(value, &format!("{at}.{port}"), misfits)?;
                Some((port.into(), items))
            });
            ports.collect()
        }
        other => mistyped("a list of items, or a list a port", &other, at, misfits),
    }
}

fn items(value: Value, at: &str, misfits: &mut Violations) -> Option<Arc<Vec<Item>>> {
    Vec::<Item>::read(value, at, misfits).map(Arc::new)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::shape::read, *};

    #[test]
    fn a_list_leaves_by_main_and_an_object_has_a_list_a_port() {
        let pins: Pins = read(json!({ "a": [{ "n": 1 }], "if": { "true": [], "false": [{}] } })).unwrap();
        assert_eq!(
            json!(pins),
            json!({ "a": { "main": [{ "n": 1 }] }, "if": { "true": [], "false": [{}] } })
        );
    }

    #[test]
    fn what_is_no_list_of_items_is_told_with_its_place() {
        let misfits = read::<Pins>(json!({ "a": 1, "b": [{}, 2], "c": { "true": {} }, "": [] })).unwrap_err();
        let places: Vec<_> = misfits.iter().map(|misfit| misfit.path.as_str()).collect();
        assert_eq!(
            places,
            ["pins.a", "pins.b.main[1]", "pins.c.true", "pins."].map(|at| &at["pins".len()..])
        );
    }
}
