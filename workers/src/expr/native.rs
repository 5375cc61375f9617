//! Evaluates plain paths.

use std::borrow::Cow;

use domain::items::Item;
use serde_json::Value;

use super::{
    path::{Key, Path, Pick, Root},
    scope::{Scope, Segments},
};

/// What a path has reached.
enum Reached<'s> {
    Nothing,
    Item(&'s Item),
    List(Segments<'s>),
    Value(&'s Value),
    Made(Value),
}

/// The path's value for one item; `null` wherever it breaks off.
pub(super) fn evaluate<'s>(path: &Path, scope: &'s Scope, item: usize) -> Result<Cow<'s, Value>, String> {
    let mut reached = start(&path.root, scope, item)?;
    for key in &path.keys {
        reached = follow(reached, key);
    }
    Ok(match reached {
        Reached::Nothing => Cow::Owned(Value::Null),
        Reached::Item(item) => Cow::Owned(Value::Object(item.clone())),
        Reached::List(items) => Cow::Owned(items.to_value()),
        Reached::Value(value) => Cow::Borrowed(value),
        Reached::Made(value) => Cow::Owned(value),
    })
}

fn start<'s>(root: &Root, scope: &'s Scope, item: usize) -> Result<Reached<'s>, String> {
    Ok(match root {
        Root::Json => reached(scope.input.get(item)),
        Root::Input(Pick::Item) => reached(scope.paired(&scope.input_items(), item, None)?),
        Root::Input(Pick::All(Some(_)) | Pick::First(Some(_)) | Pick::Last(Some(_))) => {
            return Err("$input has no ports; leave the argument out".to_owned());
        }
        Root::Input(pick) => picked(pick, scope.input_items()),
        Root::Node(Err(unknown), _) => return Err(unknown.clone()),
        Root::Node(Ok(node), Pick::Item) => {
            let items = scope.node_items(*node, None)?;
            reached(scope.paired(&items, item, Some(*node))?)
        }
        Root::Node(Ok(node), pick) => {
            let (Pick::All(port) | Pick::First(port) | Pick::Last(port)) = pick else {
                return Ok(Reached::Nothing);
            };
            picked(pick, scope.node_items(*node, port.as_deref())?)
        }
        Root::Run => Reached::Value(scope.run_object()),
        Root::Workflow => Reached::Value(scope.workflow_object()),
        Root::Env => Reached::Value(scope.env_object()),
        Root::Now => Reached::Made(Value::String(scope.now.to_string())),
        Root::ItemIndex => Reached::Made(Value::from(item)),
    })
}

fn reached(item: Option<&Item>) -> Reached<'_> {
    item.map_or(Reached::Nothing, Reached::Item)
}

fn picked<'s>(pick: &Pick, items: Segments<'s>) -> Reached<'s> {
    match pick {
        Pick::All(_) => Reached::List(items),
        Pick::Last(_) => reached(items.len().checked_sub(1).and_then(|last| items.get(last))),
        Pick::First(_) | Pick::Item => reached(items.get(0)),
    }
}

fn follow<'s>(reached: Reached<'s>, key: &Key) -> Reached<'s> {
    match (reached, key) {
        (Reached::Item(item), Key::Name(name)) => item.get(name).map_or(Reached::Nothing, Reached::Value),
        (Reached::Item(item), Key::Index(index)) => {
            item.get(&index.to_string()).map_or(Reached::Nothing, Reached::Value)
        }
        (Reached::List(items), Key::Index(index)) => {
            items.get(*index).map_or(Reached::Nothing, Reached::Item)
        }
        (Reached::List(items), Key::Name(name)) if name == "length" => {
            Reached::Made(Value::from(items.len()))
        }
        (Reached::Value(value), key) => member(value, key),
        (Reached::Made(_) | Reached::List(_) | Reached::Nothing, _) => Reached::Nothing,
    }
}

fn member<'s>(value: &'s Value, key: &Key) -> Reached<'s> {
    let found = match (value, key) {
        (Value::Object(map), Key::Name(name)) => map.get(name),
        (Value::Object(map), Key::Index(index)) => map.get(&index.to_string()),
        (Value::Array(list), Key::Index(index)) => list.get(*index),
        (Value::Array(list), Key::Name(name)) if name == "length" => {
            return Reached::Made(Value::from(list.len()));
        }
        // JavaScript counts texts in UTF-16.
        (Value::String(text), Key::Name(name)) if name == "length" => {
            return Reached::Made(Value::from(text.encode_utf16().count()));
        }
        (Value::String(text), Key::Index(index)) => {
            return text
                .encode_utf16()
                .nth(*index)
                .and_then(|unit| char::from_u32(u32::from(unit)))
                .map_or(Reached::Nothing, |c| Reached::Made(Value::String(c.into())));
        }
        _ => None,
    };
    found.map_or(Reached::Nothing, Reached::Value)
}
