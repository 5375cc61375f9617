//! Evaluates plain paths, as JavaScript does.

use std::{borrow::Cow, fmt::Display};

use domain::{items::Item, number};
use serde_json::Value;

use super::{
    methods,
    path::{Key, Path, Pick, Root},
    scope::{Scope, Segments},
};

/// What is said of a function that was not called.
pub(super) const FUNCTION: &str = "the result is a function; call it with ()";

/// What is said of a port of the input.
pub(super) const NO_PORTS: &str = "$input has no ports; leave the argument out";

/// What a path has reached.
enum Reached<'s> {
    Undefined,
    Item(&'s Item),
    List(Segments<'s>),
    Value(&'s Value),
    Made(Value),
    /// A method, which is no data.
    Function,
}

/// The path's value for one item.
pub(super) fn evaluate<'s>(path: &Path, scope: &'s Scope, item: usize) -> Result<Cow<'s, Value>, String> {
    let mut reached = start(&path.root, scope, item)?;
    for step in &path.steps {
        let Some(nothing) = reached.nothing() else {
            reached = follow(&reached, &step.key);
            continue;
        };
        if step.optional {
            return Ok(Cow::Owned(Value::Null));
        }
        return Err(format!("TypeError: cannot read property '{}' of {nothing}", step.key));
    }
    Ok(match reached {
        Reached::Undefined => Cow::Owned(Value::Null),
        Reached::Item(item) => Cow::Owned(number::canonical_item(item)),
        Reached::List(items) => Cow::Owned(items.to_value()),
        Reached::Value(value) => number::canonical(value),
        Reached::Made(value) => Cow::Owned(value),
        Reached::Function => return Err(FUNCTION.to_owned()),
    })
}

fn start<'s>(root: &Root, scope: &'s Scope, item: usize) -> Result<Reached<'s>, String> {
    Ok(match root {
        Root::Json => reached(scope.input.get(item)),
        Root::Input(Pick::Item) => reached(scope.input.get(item)),
        Root::Input(Pick::Matching(index)) => reached(scope.input.get(*index)),
        Root::Input(Pick::All(Some(_)) | Pick::First(Some(_)) | Pick::Last(Some(_))) => {
            return Err(NO_PORTS.to_owned());
        }
        Root::Input(pick) => picked(pick, scope.input_items()),
        Root::Node(Err(unknown), _) => return Err(unknown.clone()),
        Root::Node(Ok(node), Pick::Item) => reached(scope.origin_item(*node, item)?),
        Root::Node(Ok(node), Pick::Matching(index)) => reached(scope.origin_item(*node, *index)?),
        Root::Node(Ok(node), pick @ (Pick::All(port) | Pick::First(port) | Pick::Last(port))) => {
            picked(pick, scope.node_items(*node, port.as_ref())?)
        }
        Root::Run => Reached::Value(scope.run_object()),
        Root::Workflow => Reached::Value(scope.workflow_object()),
        Root::Env => Reached::Value(scope.env_object()),
        Root::Now => Reached::Made(Value::String(scope.now.to_string())),
        Root::ItemIndex => Reached::Made(Value::from(item)),
        Root::Response => {
            scope.page.as_ref().map_or(Reached::Undefined, |page| Reached::Value(&page.response))
        }
        Root::PageCount => {
            scope.page.as_ref().map_or(Reached::Undefined, |page| Reached::Made(page.count.into()))
        }
        Root::Iteration => Reached::Made(Value::from(scope.iteration)),
    })
}

fn reached(item: Option<&Item>) -> Reached<'_> {
    item.map_or(Reached::Undefined, Reached::Item)
}

fn picked<'s>(pick: &Pick, items: Segments<'s>) -> Reached<'s> {
    match pick {
        Pick::All(_) => Reached::List(items),
        Pick::Last(_) => reached(items.len().checked_sub(1).and_then(|last| items.get(last))),
        Pick::First(_) | Pick::Item | Pick::Matching(_) => reached(items.get(0)),
    }
}

impl Reached<'_> {
    /// What has no properties at all.
    const fn nothing(&self) -> Option<&'static str> {
        match self {
            Self::Undefined => Some("undefined"),
            Self::Value(Value::Null) | Self::Made(Value::Null) => Some("null"),
            _ => None,
        }
    }
}

fn follow<'s>(reached: &Reached<'s>, key: &Key) -> Reached<'s> {
    match reached {
        Reached::Item(item) => field(item, key),
        Reached::List(items) => match key {
            Key::Index(index) => items.get(*index).map_or(Reached::Undefined, Reached::Item),
            Key::Name(name) => of_list(items.len(), name),
        },
        Reached::Value(Value::Object(map)) => field(map, key),
        Reached::Value(Value::Array(list)) => match key {
            Key::Index(index) => list.get(*index).map_or(Reached::Undefined, Reached::Value),
            Key::Name(name) => of_list(list.len(), name),
        },
        Reached::Value(value) => of_scalar(value, key),
        Reached::Made(value) => of_scalar(value, key),
        Reached::Undefined | Reached::Function => Reached::Undefined,
    }
}

fn field<'s>(map: &'s Item, key: &Key) -> Reached<'s> {
    let found = match key {
        Key::Name(name) => map.get(name),
        Key::Index(index) => map.get(&index.to_string()),
    };
    found.map_or(Reached::Undefined, Reached::Value)
}

fn of_list<'s>(length: usize, name: &str) -> Reached<'s> {
    if name == "length" {
        return Reached::Made(Value::from(length));
    }
    method(methods::ARRAY, name)
}

fn of_scalar<'s>(value: &Value, key: &Key) -> Reached<'s> {
    match (value, key) {
        // JavaScript counts texts in UTF-16.
        (Value::String(text), Key::Name(name)) if name == "length" => {
            Reached::Made(Value::from(text.encode_utf16().count()))
        }
        // Half of a surrogate pair becomes what every result's halves become.
        (Value::String(text), Key::Index(index)) => {
            text.encode_utf16().nth(*index).map_or(Reached::Undefined, |unit| {
                let c = char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER);
                Reached::Made(Value::String(c.into()))
            })
        }
        (Value::String(_), Key::Name(name)) => method(methods::STRING, name),
        (Value::Number(_), Key::Name(name)) => method(methods::NUMBER, name),
        _ => Reached::Undefined,
    }
}

fn method<'s>(methods: &[&str], name: &str) -> Reached<'s> {
    if methods.contains(&name) { Reached::Function } else { Reached::Undefined }
}

/// As JavaScript's errors name it.
impl Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Index(index) => write!(f, "{index}"),
        }
    }
}
