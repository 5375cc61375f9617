//! CSS selectors of authors, or of items.

use domain::{
    kinds::html::{CssSelector, InvalidSelector},
    run::NodeError,
};
use scraper::{ElementRef, Selector, node::Node};
use serde_json::json;

use super::super::transform::TimeLeft;

fn unread(why: &InvalidSelector) -> Box<NodeError> {
    let message = why.to_string();
    Box::new(match why {
        InvalidSelector::Limit { most, name, .. } => {
            NodeError::new("limit", message).with_details(json!({ "limit": name, "most": most }))
        }
        InvalidSelector::Wrong(_) => NodeError::new("invalid_selector", message),
    })
}

/// Reads a selector.
pub(super) fn read(CssSelector(text): &CssSelector) -> Result<Selector, Box<NodeError>> {
    CssSelector::check_size(text).map_err(|above| unread(&above))?;
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
