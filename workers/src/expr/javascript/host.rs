//! What the prelude asks of the child: items, which node a name means, and chance.

use std::{cell::RefCell, rc::Rc};

use rquickjs::{Ctx, Error, Exception, Function, Result, Value as Js};
use serde_json::value::RawValue;

use super::message::{Request, Seen};
use crate::expr::scope::{Segments, has_not_run, paired, unknown_node};

/// Data on the child's side: JSON as it came.
pub(super) type Json = Box<RawValue>;

/// `count(node, port)`, `item(node, port, index)`, `find(name)`, `paired(node, index)`; node -1 is the input.
/// `random()`, from 0 to below 1: the engine's own would tell each request the same numbers.
pub(super) type Functions<'js> = (Function<'js>, Function<'js>, Function<'js>, Function<'js>, Function<'js>);

/// The request that the world works for, once there is one.
pub(super) type Current = Rc<RefCell<Option<Rc<Request<Json>>>>>;

/// The functions.
pub(super) fn functions<'js>(ctx: &Ctx<'js>, current: &Current) -> Result<Functions<'js>> {
    let own = Rc::clone(current);
    let count = Function::new(ctx.clone(), move |ctx: Ctx<'js>, node: i32, port: Port| {
        let request = request(&ctx, &own)?;
        Ok::<_, Error>(items(&ctx, &request.scope, node, port.as_deref())?.len())
    })?;
    let own = Rc::clone(current);
    let item = Function::new(ctx.clone(), move |ctx: Ctx<'js>, node: i32, port: Port, index: usize| {
        let request = request(&ctx, &own)?;
        match items(&ctx, &request.scope, node, port.as_deref())?.get(index) {
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
    let paired = Function::new(ctx.clone(), move |ctx: Ctx<'js>, node: i32, index: usize| {
        let request = request(&ctx, &own)?;
        let count = items(&ctx, &request.scope, node, None)?.len();
        let name =
            || usize::try_from(node).ok().and_then(|node| Some(request.scope.nodes.get(node)?.name.clone()));
        match paired(count, index, name) {
            Err(why) => Err(throw(&ctx, &why)),
            Ok(place) => Ok(place.and_then(|place| i32::try_from(place).ok()).unwrap_or(-1)),
        }
    })?;
    let random = Function::new(ctx.clone(), rand::random::<f64>)?;
    Ok((count, item, find, paired, random))
}

type Port = Option<String>;

fn request(ctx: &Ctx<'_>, current: &Current) -> Result<Rc<Request<Json>>> {
    current.borrow().clone().ok_or_else(|| throw(ctx, "nothing is asked"))
}

fn items<'s>(
    ctx: &Ctx<'_>,
    seen: &'s Seen<Json>,
    node: i32,
    port: Option<&str>,
) -> Result<Segments<'s, Json>> {
    let Ok(node) = usize::try_from(node) else {
        return match port {
            Some(_) => Err(throw(ctx, "$input has no ports; leave the argument out")),
            None => Ok(Segments(vec![seen.input.as_deref().unwrap_or_default()])),
        };
    };
    let Some(node) = seen.nodes.get(node) else { return Err(throw(ctx, "there is no such node")) };
    let Some(ports) = &node.ports else { return Err(throw(ctx, &has_not_run(&node.name))) };
    Ok(Segments(match port {
        Some(name) => {
            ports.iter().filter(|(port, _)| port == name).map(|(_, items)| items.as_slice()).collect()
        }
        None => {
            node.main.iter().filter_map(|&main| ports.get(main)).map(|(_, items)| items.as_slice()).collect()
        }
    }))
}

fn throw(ctx: &Ctx<'_>, why: &str) -> Error {
    Exception::throw_message(ctx, why)
}

/// Data as JavaScript has it.
pub(super) fn value<'js>(ctx: &Ctx<'js>, json: &RawValue) -> Result<Js<'js>> {
    ctx.json_parse(json.get())
}
