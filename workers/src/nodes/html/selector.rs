//! CSS selectors of authors, or of items.

use domain::{
    limits::{MAX_SELECTOR_BYTES, MAX_SELECTOR_DEPTH},
    run::NodeError,
};
use scraper::{ElementRef, Selector, node::Node};

use super::super::{html_document::beyond, transform::TimeLeft};

/// Reads a selector.
pub(super) fn read(text: &str) -> Result<Selector, Box<NodeError>> {
    if text.len() > MAX_SELECTOR_BYTES {
        return Err(beyond(text.len(), "bytes of a selector", MAX_SELECTOR_BYTES, "MAX_SELECTOR_BYTES"));
    }
    // Its reader follows brackets with the stack.
    let mut depth = 0usize;
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_SELECTOR_DEPTH {
            return Err(beyond(
                depth,
                "nested brackets of a selector",
                MAX_SELECTOR_DEPTH,
                "MAX_SELECTOR_DEPTH",
            ));
        }
    }
    Selector::parse(text).map_err(|error| {
        let message = format!("{text:?} is no CSS selector: {error}");
        Box::new(NodeError::new("invalid_selector", message))
    })
}

/// The elements below one for which a selector holds, in the order of the document; the first alone if `all` is not
/// asked for. Matching one element takes up to as long as there are elements, so the time is looked at for each.
pub(super) fn select<'h>(
    root: ego_tree::NodeRef<'h, Node>,
    selector: &Selector,
    all: bool,
    time: TimeLeft,
) -> Result<Vec<ElementRef<'h>>, Box<NodeError>> {
    let mut found = Vec::new();
    for element in root.descendants().filter_map(ElementRef::wrap) {
        time.check()?;
        if selector.matches(&element) {
            found.push(element);
            if !all {
                break;
            }
        }
    }
    Ok(found)
}
