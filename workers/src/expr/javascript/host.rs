//! What the prelude asks of the worker: items as JSON text, and which node a name means.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use domain::items::Item;
use rquickjs::{Ctx, Error, Function, Result, String as Text};

use crate::expr::scope::{Scope, Segments, find_node};

/// `count(node, port)`, `item(node, port, index)`, `find(name)`, `paired(node, index)`; node -1 is the input.
pub(super) type Functions<'js> = (Function<'js>, Function<'js>, Function<'js>, Function<'js>);

/// The scope of the attempt that the session works for.
pub(super) type Current = Rc<RefCell<Option<Arc<Scope>>>>;

/// The functions.
pub(super) fn functions<'js>(ctx: &Ctx<'js>, current: &Current) -> Result<Functions<'js>> {
    let own = Rc::clone(current);
    let count = Function::new(ctx.clone(), move |ctx: Ctx<'js>, node: i32, port: Port| {
        Ok::<_, Error>(items(&ctx, &*scope(&ctx, &own)?, node, port.as_deref())?.len())
    })?;
    let own = Rc::clone(current);
    let item = Function::new(ctx.clone(), move |ctx: Ctx<'js>, node: i32, port: Port, index: usize| {
        match items(&ctx, &*scope(&ctx, &own)?, node, port.as_deref())?.get(index) {
            Some(item) => text(&ctx, item),
            None => Err(throw(&ctx, "there is no such item")),
        }
    })?;
    let own = Rc::clone(current);
    let find = Function::new(ctx.clone(), move |ctx: Ctx<'js>, name: String| {
        find_node(&scope(&ctx, &own)?.definition, &name).map_err(|why| throw(&ctx, &why))
    })?;
    let own = Rc::clone(current);
    let paired = Function::new(ctx.clone(), move |ctx: Ctx<'js>, node: i32, index: usize| {
        let scope = scope(&ctx, &own)?;
        let items = items(&ctx, &scope, node, None)?;
        match scope.paired(&items, index, usize::try_from(node).ok()) {
            Err(why) => Err(throw(&ctx, &why)),
            Ok(None) => Ok(-1),
            Ok(Some(_)) if items.len() == 1 => Ok(0),
            Ok(Some(_)) => Ok(i32::try_from(index).unwrap_or(-1)),
        }
    })?;
    Ok((count, item, find, paired))
}

fn scope(ctx: &Ctx<'_>, current: &Current) -> Result<Arc<Scope>> {
    current.borrow().clone().ok_or_else(|| throw(ctx, "the attempt is over"))
}

type Port = Option<String>;

fn items<'s>(ctx: &Ctx<'_>, scope: &'s Scope, node: i32, port: Option<&str>) -> Result<Segments<'s>> {
    let found = match usize::try_from(node) {
        Ok(node) => scope.node_items(node, port),
        Err(_) if port.is_some() => Err("$input has no ports; leave the argument out".to_owned()),
        Err(_) => Ok(scope.input_items()),
    };
    found.map_err(|why| throw(ctx, &why))
}

/// Throws a text: an error object cannot be made from here, since the frozen prototype forbids it a message.
fn throw(ctx: &Ctx<'_>, why: &str) -> Error {
    match Text::from_str(ctx.clone(), why) {
        Ok(text) => ctx.throw(text.into_value()),
        Err(error) => error,
    }
}

/// An item as JSON.
pub(super) fn text(ctx: &Ctx<'_>, item: &Item) -> Result<String> {
    serde_json::to_string(item).map_err(|error| throw(ctx, &error.to_string()))
}
