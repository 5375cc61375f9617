//! `markdown`: Markdown to HTML and back.

mod from_html;
mod to_html;

use domain::{
    items::Item,
    kinds::{
        markdown::{Action, Params},
        params::{At, Reader},
    },
    run::NodeError,
};
use serde_json::{Map, Value};

use super::{
    html_document,
    transform::{Context, Transform, placed},
};

#[derive(Debug)]
pub(super) struct Markdown;

impl Transform for Markdown {
    type Params = Params;
    const HEAVY: bool = true;

    fn read(object: &Map<String, Value>, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Params> {
        Params::read_object(object, at, reader)
    }

    fn transform(params: Params, item: &Item, context: Context) -> Result<Item, Box<NodeError>> {
        let made = match params.action {
            Action::ToHtml => to_html::html(&params, context.time)?,
            Action::ToMarkdown => {
                from_html::markdown(&html_document::read(&params.value.0, context.time)?, context.time)?
            }
        };
        placed(item, &params.keep, &params.into, made.into())
    }
}
