//! HTML from people who may mean harm, as a tree.
//!
//! A reader of HTML adds and repeats elements, so that a short text can come to very many (a thousand open `<b>` are
//! opened again by every `<p>`), and some of its steps look at all elements that are open. So it is fed in small pieces,
//! and what has come of them is looked at in between: how deep it is, how many nodes there are, and how late it is.

use domain::{
    limits::{MAX_MARKUP_BYTES, MAX_MARKUP_DEPTH, MAX_MARKUP_NODES, above},
    run::NodeError,
};
use ego_tree::iter::Edge;
use html5ever::{
    driver::{ParseOpts, parse_document},
    tendril::{StrTendril, TendrilSink},
    tree_builder::TreeBuilderOpts,
};
use scraper::{Html, HtmlTreeSink, node::Node};
use serde_json::json;

use super::transform::TimeLeft;

/// So few bytes open few elements.
const PIECE: usize = 64;

/// Reads a document, or a piece of one.
///
/// # Errors
/// Above a limit, which is named, or when the time is up.
pub(super) fn read(text: &str, time: TimeLeft) -> Result<Html, Box<NodeError>> {
    within_size(text)?;
    // Nothing runs scripts, so what stands in `noscript` counts.
    let tree_builder = TreeBuilderOpts { scripting_enabled: false, ..TreeBuilderOpts::default() };
    let options = ParseOpts { tree_builder, ..ParseOpts::default() };
    let mut parser = parse_document(HtmlTreeSink::new(Html::new_document()), options);
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(rest.ceil_char_boundary(PIECE));
        parser.process(StrTendril::from_slice(piece));
        check(&parser.tokenizer.sink.sink.0.borrow())?;
        time.check()?;
        rest = behind;
    }
    let html = parser.finish();
    check(&html)?;
    let mut depth = 0usize;
    for edge in html.tree.root().traverse() {
        match edge {
            Edge::Open(_) => depth += 1,
            Edge::Close(_) => depth -= 1,
        }
        // The root is one, too.
        within_depth(depth.saturating_sub(1))?;
    }
    Ok(html)
}

/// An error when a text that a parser takes in one piece is too large for that.
pub(super) fn within_size(text: &str) -> Result<(), Box<NodeError>> {
    if text.len() <= MAX_MARKUP_BYTES {
        return Ok(());
    }
    Err(beyond(text.len(), "bytes of markup", MAX_MARKUP_BYTES, "MAX_MARKUP_BYTES"))
}

/// An error when markup comes to too many nodes.
pub(super) fn within_nodes(nodes: usize) -> Result<(), Box<NodeError>> {
    if nodes <= MAX_MARKUP_NODES {
        return Ok(());
    }
    Err(beyond(nodes, "elements, texts and attributes", MAX_MARKUP_NODES, "MAX_MARKUP_NODES"))
}

/// The error for what is above a limit of markup.
pub(super) fn beyond(found: usize, what: &str, most: usize, limit: &str) -> Box<NodeError> {
    let details = json!({ "limit": limit, "most": most });
    NodeError::new("limit", above(found, what, most, limit)).with_details(details).into()
}

/// What was opened last is about as deep as anything is.
fn check(html: &Html) -> Result<(), Box<NodeError>> {
    let last = html.tree.nodes().next_back();
    within_depth(last.map_or(0, |node| node.ancestors().take(MAX_MARKUP_DEPTH + 1).count()))?;
    within_nodes(html.tree.nodes().len())
}

fn within_depth(depth: usize) -> Result<(), Box<NodeError>> {
    if depth <= MAX_MARKUP_DEPTH {
        return Ok(());
    }
    Err(beyond(depth, "levels of elements", MAX_MARKUP_DEPTH, "MAX_MARKUP_DEPTH"))
}

/// Whether it is an element whose text nobody reads.
pub(super) fn is_unread(node: &Node) -> bool {
    let name = node.as_element().map(|element| element.name());
    matches!(name, Some("script" | "style" | "template" | "head"))
}
