//! `xml`: XML to JSON and back.

mod read;
mod write;

use domain::{
    items::Item,
    kinds::{
        params::{At, Reader, path::FieldPath},
        xml::{Action, Params},
    },
    run::NodeError,
};
use serde_json::{Map, Value};

use super::{
    misfit,
    transform::{Context, Transform, placed},
};

#[derive(Debug)]
pub(super) struct Xml;

impl Transform for Xml {
    type Params = Params;
    const HEAVY: bool = true;

    fn read(object: &Map<String, Value>, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Params> {
        Params::read_object(object, at, reader)
    }

    fn transform(params: Params, item: &Item, context: Context) -> Result<Item, Box<NodeError>> {
        match params.action {
            Action::ToJson => {
                let text = params.value.as_ref().map_or("", |value| &value.0);
                let read = read::read(text, &params, context.time)?;
                match (&params.into, read) {
                    (Some(into), read) => placed(item, &params.keep, into, read),
                    (None, Value::Object(fields)) => {
                        let mut made = params.keep.of(item).map_err(|error| misfit(&error))?;
                        made.extend(fields);
                        Ok(made)
                    }
                    (None, _) => {
                        let message =
                            "the root element holds only text, which is no item; say in `into` where it goes";
                        Err(NodeError::new("invalid_params", message).into())
                    }
                }
            }
            Action::ToXml => {
                let written = match &params.object {
                    None => write::write(item, &params),
                    Some(Value::Object(fields)) => write::write(fields, &params),
                    Some(other) => Err(write::not_an_object(other)),
                };
                let into = params.into.clone().unwrap_or_else(|| FieldPath::name("data"));
                placed(item, &params.keep, &into, written?.into())
            }
        }
    }
}
