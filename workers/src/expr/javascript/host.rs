//! What the prelude asks of the child: items, which node a name means, chance, and the console.

use std::{cell::RefCell, rc::Rc};

use domain::ids::SignalName;
use rquickjs::{Ctx, Error, Exception, Function, Object, Result, Value as Js};
use serde_json::value::RawValue;

use super::{
    console::Console,
    message::{NodeItems, Request, Seen},
    tools,
};
use crate::expr::{
    links::NO_LINKS,
    native::NO_PORTS,
    scope::{PortName, Segments, has_not_run, no_such_port, port_named, unknown_node},
    trail::no_such_item,
};

/// Data on the child's side: JSON as it came.
pub(super) type Json = Box<RawValue>;

/// What may be asked of the host.
pub(super) struct Host {
    /// The request that the world works for, once there is one.
    pub(super) current: Current,
    /// What was written to the console meanwhile.
    pub(super) console: Rc<RefCell<Console>>,
}

pub(super) type Current = Rc<RefCell<Option<Rc<Request<Json>>>>>;

/// What the prelude is given:
/// - `count(node, port)`, `item(node, port, index)`: node -1 is the input;
/// - `find(name)`: the node's place;
/// - `origin(node, index)`: the places of the port and of the item that belongs to that item of the step;
/// - `random()`, from 0 to below 1: the engine's own would tell each request the same numbers;
/// - `link(name)`: a link that gives the signal of that name;
/// - `say(line)`: the console;
/// - and what `tools` has.
pub(super) fn functions<'js>(ctx: &Ctx<'js>, Host { current, console }: &Host) -> Result<Object<'js>> {
    let own = Rc::clone(current);
    let count = Function::new(ctx.clone(), move |ctx: Ctx<'js>, node: i32, port: Js<'js>| {
        let request = request(&ctx, &own)?;
        Ok::<_, Error>(items(&ctx, &request.scope, node, &port)?.len())
    })?;
    let own = Rc::clone(current);
    let item = Function::new(ctx.clone(), move |ctx: Ctx<'js>, node: i32, port: Js<'js>, index: usize| {
        let request = request(&ctx, &own)?;
        match items(&ctx, &request.scope, node, &port)?.get(index) {
            Some(item) => value(&ctx, item),
            None => Err(throw(&ctx, "there is no such item")),
        }
    })?;
    let own = Rc::clone(current);
    let find = Function::new(ctx.clone(), move |ctx: Ctx<'js>, name: String| {
        let request = request(&ctx, &own)?;
        match request.scope.names.get(&name) {
            Some(Ok(node)) => Ok(i32::try_from(*node).unwrap_or(i32::MAX)),
            Some(Err(why)) => Err(throw(&ctx, why)),
            None if request.scope.all_names => Err(throw(&ctx, &unknown_node(&name))),
            None => Err(throw(
                &ctx,
                "write $('name of the node') where its items are read, so that they are there",
            )),
        }
    })?;
    let own = Rc::clone(current);
    let origin = Function::new(ctx.clone(), move |ctx: Ctx<'js>, node: usize, index: usize| {
        let request = request(&ctx, &own)?;
        let node = ran(&ctx, &request.scope, node)?;
        match node.origins.binary_search_by_key(&index, |(index, _)| *index).map(|at| &node.origins[at].1) {
            Ok(Ok((port, item))) => Ok(vec![*port, *item]),
            Ok(Err(why)) => Err(throw(&ctx, why)),
            Err(_) => Err(throw(&ctx, &no_such_item(index, node.origins.len()))),
        }
    })?;
    let random = Function::new(ctx.clone(), rand::random::<f64>)?;
    let own = Rc::clone(current);
    let link = Function::new(ctx.clone(), move |ctx: Ctx<'js>, name: String| {
        let request = request(&ctx, &own)?;
        let key = request.scope.links.as_ref().ok_or_else(|| throw(&ctx, NO_LINKS))?;
        let name = SignalName::parse(&name).map_err(|error| throw(&ctx, &error.to_string()))?;
        Ok::<_, Error>(key.url(&name))
    })?;
    let own = Rc::clone(console);
    let say = Function::new(ctx.clone(), move |line: String| own.borrow_mut().push(line))?;
    let all = [
        ("count", count),
        ("item", item),
        ("find", find),
        ("origin", origin),
        ("random", random),
        ("link", link),
        ("say", say),
    ];
    let functions = Object::new(ctx.clone())?;
    all.into_iter().try_for_each(|(name, function)| functions.set(name, function))?;
    tools::add(ctx, &functions)?;
    Ok(functions)
}

fn request(ctx: &Ctx<'_>, current: &Current) -> Result<Rc<Request<Json>>> {
    current.borrow().clone().ok_or_else(|| throw(ctx, "nothing is asked"))
}

fn items<'s>(ctx: &Ctx<'_>, seen: &'s Seen<Json>, node: i32, port: &Js<'_>) -> Result<Segments<'s, Json>> {
    let port = port_name(ctx, port)?;
    let Ok(node) = usize::try_from(node) else {
        return match port {
            Some(_) => Err(throw(ctx, NO_PORTS)),
            None => Ok(Segments(vec![seen.input.as_deref().unwrap_or_default()])),
        };
    };
    let node = ran(ctx, seen, node)?;
    let ports = node.ports.as_deref().unwrap_or_default();
    let Some(wanted) = port else {
        let main = node.main.iter().filter_map(|&main| ports.get(main));
        return Ok(Segments(main.map(|(_, items)| items.as_slice()).collect()));
    };
    let names: Vec<&str> = ports.iter().map(|(name, _)| name.as_str()).collect();
    match port_named(&wanted, names.iter().copied()) {
        Some(place) => Ok(Segments(vec![&ports[place].1])),
        None => Err(throw(ctx, &no_such_port(&wanted, &node.name, &names))),
    }
}

/// The node at that place, which has run.
fn ran<'s>(ctx: &Ctx<'_>, seen: &'s Seen<Json>, node: usize) -> Result<&'s NodeItems<Json>> {
    let Some(node) = seen.nodes.get(node) else { return Err(throw(ctx, "there is no such node")) };
    if node.ports.is_none() { Err(throw(ctx, &has_not_run(&node.name))) } else { Ok(node) }
}

/// The port that an argument means.
fn port_name(ctx: &Ctx<'_>, port: &Js<'_>) -> Result<Option<PortName>> {
    if port.is_undefined() || port.is_null() {
        return Ok(None);
    }
    if let Some(name) = port.as_string() {
        return Ok(Some(PortName::Name(name.to_string()?)));
    }
    let index = port.as_int().and_then(|index| usize::try_from(index).ok());
    let port = index.map(PortName::Index);
    port.map(Some).ok_or_else(|| throw(ctx, "a port is its name, or its place from 0 on"))
}

fn throw(ctx: &Ctx<'_>, why: &str) -> Error {
    Exception::throw_message(ctx, why)
}

/// Data as JavaScript has it.
pub(super) fn value<'js>(ctx: &Ctx<'js>, json: &RawValue) -> Result<Js<'js>> {
    ctx.json_parse(json.get())
}
