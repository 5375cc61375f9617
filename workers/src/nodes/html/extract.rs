//! Values out of HTML, by CSS selectors.

use std::collections::HashSet;

use domain::{
    items::Item,
    kinds::{
        html::{Extraction, Get, Params},
        params::{At, Reader, whitespace::Whitespace},
    },
    limits::MAX_STEP_OUTPUT_BYTES,
    run::NodeError,
};
use scraper::{ElementRef, Html, Selector};
use serde_json::{Map, Value};

use super::{
    super::{
        html_document::{self, is_unread},
        misfit,
        output::within,
        transform::{Context, TimeLeft, Transform},
    },
    selector,
};

#[derive(Debug)]
pub(super) struct Extract;

impl Transform for Extract {
    type Params = Params;
    const HEAVY: bool = true;

    fn read(object: &Map<String, Value>, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Params> {
        Params::read_object(object, at, reader)
    }

    fn transform(params: Params, item: &Item, context: Context) -> Result<Item, Box<NodeError>> {
        let html = html_document::read(params.value.as_ref().map_or("", |value| &value.0), context.time)?;
        let mut taker = Taker { html: &html, whitespace: params.whitespace, time: context.time, bytes: 0 };
        let mut made = params.keep.of(item).map_err(|error| misfit(&error))?;
        for (path, extraction) in params.fields.iter().flat_map(|fields| &fields.0) {
            path.set(&mut made, taker.take(extraction)?).map_err(|error| misfit(&error))?;
        }
        Ok(made)
    }
}

/// Takes values out of a document.
struct Taker<'h> {
    html: &'h Html,
    whitespace: Whitespace,
    time: TimeLeft,
    /// What was taken so far: elements in each other may come to much more than the document.
    bytes: usize,
}

impl Taker<'_> {
    fn take(&mut self, extraction: &Extraction) -> Result<Value, Box<NodeError>> {
        let wanted = selector::read(&extraction.selector)?;
        let skip = extraction.skip.as_ref().map(selector::read).transpose()?;
        let elements = selector::select(self.html.tree.root(), &wanted, extraction.all, self.time)?;
        let mut values = Vec::with_capacity(elements.len());
        for element in elements {
            self.time.check()?;
            let value = self.value(&element, extraction, skip.as_ref())?;
            self.bytes += value.as_ref().map_or(0, String::len);
            within("MAX_STEP_OUTPUT_BYTES", "bytes", self.bytes, MAX_STEP_OUTPUT_BYTES)?;
            values.push(Value::from(value));
        }
        Ok(if extraction.all { values.into() } else { values.pop().unwrap_or_default() })
    }

    fn value(
        &self,
        element: &ElementRef<'_>,
        extraction: &Extraction,
        skip: Option<&Selector>,
    ) -> Result<Option<String>, Box<NodeError>> {
        let spaced = |text: &str| self.whitespace.of(text).into_owned();
        Ok(match extraction.get {
            Get::Text => Some(spaced(&self.text(element, skip)?)),
            Get::Html => Some(spaced(&element.inner_html())),
            Get::Attribute => extraction.attribute.as_deref().and_then(|name| element.attr(name)).map(spaced),
            Get::Value => form_value(element).as_deref().map(spaced),
        })
    }

    /// All texts inside an element, but for those of scripts and what is skipped.
    fn text(&self, element: &ElementRef<'_>, skip: Option<&Selector>) -> Result<String, Box<NodeError>> {
        let skipped: HashSet<_> = match skip {
            None => HashSet::new(),
            Some(skip) => {
                let inside = selector::select(**element, skip, true, self.time)?;
                inside.iter().map(|inside| inside.id()).filter(|id| *id != element.id()).collect()
            }
        };
        Ok(text_without(element, |inside| skipped.contains(&inside.id())))
    }
}

/// The texts inside an element, without the elements that are left out.
fn text_without(element: &ElementRef<'_>, is_left_out: impl Fn(&ElementRef<'_>) -> bool) -> String {
    let mut text = String::new();
    let mut left_out = None;
    for edge in element.traverse() {
        match edge {
            ego_tree::iter::Edge::Open(node) if left_out.is_none() => {
                if let Some(words) = node.value().as_text() {
                    text.push_str(words);
                } else if node.id() != element.id()
                    && (is_unread(node.value())
                        || ElementRef::wrap(node).is_some_and(|inside| is_left_out(&inside)))
                {
                    left_out = Some(node.id());
                }
            }
            ego_tree::iter::Edge::Close(node) if left_out == Some(node.id()) => left_out = None,
            _ => {}
        }
    }
    text
}

/// What a form would send of a field.
fn form_value(element: &ElementRef<'_>) -> Option<String> {
    let text = |element: &ElementRef<'_>| element.text().collect::<String>();
    let option = |option: &ElementRef<'_>| {
        option.attr("value").map_or_else(|| text(option).trim().to_owned(), str::to_owned)
    };
    match element.value().name() {
        "textarea" => Some(text(element)),
        "option" => Some(option(element)),
        "select" => {
            let options = || element.descendent_elements().filter(|inside| inside.value().name() == "option");
            let chosen = options().find(|option| option.attr("selected").is_some());
            chosen.or_else(|| options().next()).as_ref().map(option)
        }
        _ => element.attr("value").map(str::to_owned),
    }
}
