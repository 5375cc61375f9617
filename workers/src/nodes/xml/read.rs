//! XML as JSON. Elements that are open stand on a list, so their depth costs no stack.

use std::borrow::Cow;

use domain::{
    kinds::xml::{Attributes, Params},
    limits::MAX_DEPTH,
    run::NodeError,
};
use quick_xml::{
    Reader,
    escape::resolve_predefined_entity,
    events::{BytesRef, BytesStart, Event},
};
use serde_json::{Map, Value};

use super::super::{
    html_document::{beyond, within_nodes, within_size},
    transform::TimeLeft,
};

/// Reads a document.
pub(super) fn read(text: &str, params: &Params, time: TimeLeft) -> Result<Value, Box<NodeError>> {
    within_size(text)?;
    // A byte order mark is no text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut tree = Tree { params, open: Vec::new(), root: None, nodes: 0 };
    loop {
        let event = reader.read_event();
        let place = reader.buffer_position();
        let here = |why: String| invalid(text, place, &why);
        match event.map_err(|error| invalid(text, reader.error_position(), &error.to_string()))? {
            Event::Start(start) => {
                time.check()?;
                tree.open(&start, here)?;
            }
            Event::End(_) => tree.close(),
            Event::Text(words) => {
                let words = words.decode().map_err(|error| here(error.to_string()))?;
                tree.text(&with_line_feeds(&words), false).map_err(here)?;
            }
            Event::CData(words) => {
                let words = words.decode().map_err(|error| here(error.to_string()))?;
                tree.text(&with_line_feeds(&words), true).map_err(here)?;
            }
            Event::GeneralRef(reference) => {
                let letters = resolved(&reference).map_err(here)?;
                tree.text(&letters, true).map_err(here)?;
            }
            Event::Eof => break,
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    let end = text.len() as u64;
    match (tree.open.last(), tree.root) {
        (Some(open), _) => Err(invalid(text, end, &format!("<{}> is not closed", open.name))),
        (None, None) => Err(invalid(text, end, "there is no element")),
        (None, Some((_, value))) if params.without_root => Ok(value),
        (None, Some((name, value))) => Ok(Value::Object(Map::from_iter([(name, value)]))),
    }
}

struct Tree<'p> {
    params: &'p Params,
    open: Vec<Element>,
    root: Option<(String, Value)>,
    /// Elements and attributes so far.
    nodes: usize,
}

/// An element that is open.
struct Element {
    name: String,
    fields: Map<String, Value>,
    text: String,
    /// Whether its text is more than white space between elements.
    is_text: bool,
}

impl Tree<'_> {
    fn open(
        &mut self,
        start: &BytesStart<'_>,
        here: impl Fn(String) -> Box<NodeError>,
    ) -> Result<(), Box<NodeError>> {
        if self.open.is_empty() && self.root.is_some() {
            return Err(here("there is a second root element".to_owned()));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(beyond(MAX_DEPTH + 1, "levels of elements", MAX_DEPTH, "MAX_DEPTH"));
        }
        let name = self.name(start.name().as_ref());
        let mut attributes = Map::new();
        // Looking for an attribute that comes twice, the parser would compare each with each; the map finds it, too.
        for attribute in start.attributes().with_checks(false) {
            self.nodes += 1;
            within_nodes(self.nodes)?;
            let attribute = attribute.map_err(|error| here(error.to_string()))?;
            let value = attribute.unescape_value().map_err(|error| here(error.to_string()))?;
            let value = self.params.whitespace.of(&value).into_owned();
            let name = self.name(attribute.key.as_ref());
            if attributes.contains_key(&name) {
                return Err(here(format!("the attribute {name:?} comes twice")));
            }
            attributes.insert(name, Value::from(value));
        }
        self.nodes += 1;
        within_nodes(self.nodes)?;
        let mut fields = Map::new();
        match self.params.attributes {
            _ if attributes.is_empty() => {}
            Attributes::Drop => {}
            Attributes::Group => {
                fields.insert(self.params.attributes_key.clone(), Value::Object(attributes));
            }
            Attributes::Merge => {
                for (name, value) in attributes {
                    add(&mut fields, name, value, self.params.lists);
                }
            }
        }
        self.open.push(Element { name, fields, text: String::new(), is_text: false });
        Ok(())
    }

    /// The parser has seen to it that it closes what is open.
    fn close(&mut self) {
        let Some(Element { name, mut fields, text, is_text }) = self.open.pop() else { return };
        let text = if is_text { self.params.whitespace.of(&text).into_owned() } else { String::new() };
        let value = if fields.is_empty() {
            text.into()
        } else {
            if !text.is_empty() {
                add(&mut fields, self.params.text_key.clone(), text.into(), false);
            }
            Value::Object(fields)
        };
        match self.open.last_mut() {
            Some(parent) => add(&mut parent.fields, name, value, self.params.lists),
            None => self.root = Some((name, value)),
        }
    }

    fn text(&mut self, words: &str, is_text: bool) -> Result<(), String> {
        let is_text = is_text || !words.trim().is_empty();
        match self.open.last_mut() {
            Some(element) => {
                element.text.push_str(words);
                element.is_text |= is_text;
                Ok(())
            }
            None if is_text => Err("there is text outside of the root element".to_owned()),
            None => Ok(()),
        }
    }

    fn name(&self, bytes: &[u8]) -> String {
        let name = String::from_utf8_lossy(bytes);
        if self.params.lowercase { name.to_lowercase() } else { name.into_owned() }
    }
}

/// Adds a field; one that is there already becomes a list.
fn add(fields: &mut Map<String, Value>, name: String, value: Value, lists: bool) {
    match fields.get_mut(&name) {
        Some(Value::Array(list)) => list.push(value),
        Some(one) => *one = Value::Array(vec![one.take(), value]),
        None if lists => {
            fields.insert(name, Value::Array(vec![value]));
        }
        None => {
            fields.insert(name, value);
        }
    }
}

/// What `&name;` stands for.
fn resolved(reference: &BytesRef<'_>) -> Result<String, String> {
    if let Some(letter) = reference.resolve_char_ref().map_err(|error| error.to_string())? {
        return Ok(letter.to_string());
    }
    let name = reference.decode().map_err(|error| error.to_string())?;
    resolve_predefined_entity(&name)
        .map(str::to_owned)
        .ok_or_else(|| format!("the entity &{name}; is not known; those that a document defines are not"))
}

/// Every line ends with a line feed (XML 1.0, 2.11).
fn with_line_feeds(text: &str) -> Cow<'_, str> {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n").into() } else { text.into() }
}

/// An error with its line and column.
fn invalid(text: &str, place: u64, why: &str) -> Box<NodeError> {
    let place = text.floor_char_boundary(usize::try_from(place).unwrap_or(usize::MAX));
    let before = &text[..place];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |begun| begun.chars().count()) + 1;
    NodeError::new("invalid_xml", format!("this is no XML, at line {line}, column {column}: {why}")).into()
}
