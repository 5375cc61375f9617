//! HTML as Markdown.
//!
//! Our own, since what there is pads every row of a table to its widest cell and follows elements with the stack, both
//! as far as a text asks it to. The document's depth is bounded before (`html_document`).

mod inline;
mod table;

use domain::{limits::MAX_STEP_OUTPUT_BYTES, run::NodeError};
use scraper::{ElementRef, Html, node::Node};

use self::inline::Line;
use super::super::{html_document::is_unread, output::within, transform::TimeLeft};

type NodeRef<'h> = ego_tree::NodeRef<'h, Node>;

/// The Markdown of a document.
pub(super) fn markdown(html: &Html, time: TimeLeft) -> Result<String, Box<NodeError>> {
    Blocks { time }.inside(html.tree.root()).map(|blocks| join(&blocks))
}

/// A piece of Markdown that stands on lines of its own.
struct Block {
    text: String,
    /// Lists follow text without an empty line, in lists without such lines.
    is_list: bool,
}

struct Blocks {
    time: TimeLeft,
}

impl Blocks {
    /// What is inside a node.
    fn inside(&self, node: NodeRef<'_>) -> Result<Vec<Block>, Box<NodeError>> {
        self.time.check()?;
        let mut blocks = Vec::new();
        let mut line = Line::default();
        for child in node.children() {
            match ElementRef::wrap(child) {
                _ if is_unread(child.value()) => {}
                Some(element) if is_block(&element) => {
                    blocks.extend(paragraph(std::mem::take(&mut line)));
                    self.block(&element, &mut blocks)?;
                }
                _ => line.add(child),
            }
        }
        blocks.extend(paragraph(line));
        Ok(blocks)
    }

    fn block(&self, element: &ElementRef<'_>, blocks: &mut Vec<Block>) -> Result<(), Box<NodeError>> {
        let name = element.value().name();
        let text = match name {
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                let level = usize::from(name.as_bytes()[1] - b'0');
                let title = inline::one_line(element);
                if title.is_empty() { String::new() } else { format!("{} {title}", "#".repeat(level)) }
            }
            "hr" => "---".to_owned(),
            "pre" => fenced(element),
            "blockquote" => indented(&join(&self.inside(**element)?), "> ", "> ")?,
            "ul" | "ol" => {
                let text = self.list(element, name == "ol")?;
                blocks.extend((!text.is_empty()).then_some(Block { text, is_list: true }));
                return Ok(());
            }
            "table" => match table::rows(element) {
                Some(rows) => table::written(&rows)?,
                None => {
                    blocks.extend(self.inside(**element)?);
                    return Ok(());
                }
            },
            _ => {
                blocks.extend(self.inside(**element)?);
                return Ok(());
            }
        };
        blocks.extend((!text.is_empty()).then_some(Block { text, is_list: false }));
        Ok(())
    }

    fn list(&self, list: &ElementRef<'_>, ordered: bool) -> Result<String, Box<NodeError>> {
        let mut number: u32 = list.attr("start").and_then(|start| start.parse().ok()).unwrap_or(1);
        let mut items = Vec::new();
        for item in list.children().filter(|item| item.value().is_element() && !is_unread(item.value())) {
            let blocks = self.inside(item)?;
            let marker = if ordered { format!("{number}. ") } else { "- ".to_owned() };
            number = number.saturating_add(1);
            items.push(indented(&join_tight(&blocks), &marker, &" ".repeat(marker.len()))?);
        }
        // A list with an empty line in it has them between all its items.
        let between = if items.iter().any(|item| item.contains("\n\n")) { "\n\n" } else { "\n" };
        Ok(items.join(between))
    }
}

fn paragraph(line: Line) -> Option<Block> {
    let text = line.finish();
    (!text.is_empty()).then_some(Block { text, is_list: false })
}

fn join(blocks: &[Block]) -> String {
    blocks.iter().map(|block| block.text.as_str()).collect::<Vec<_>>().join("\n\n")
}

fn join_tight(blocks: &[Block]) -> String {
    let mut text = String::new();
    for (i, block) in blocks.iter().enumerate() {
        if i > 0 {
            text += if block.is_list { "\n" } else { "\n\n" };
        }
        text += &block.text;
    }
    text
}

/// The lines of a text with something before each; nothing else is before an empty one.
fn indented(text: &str, first: &str, others: &str) -> Result<String, Box<NodeError>> {
    let mut made = String::with_capacity(text.len() + 64);
    for (i, line) in text.split('\n').enumerate() {
        if i > 0 {
            made.push('\n');
        }
        made += if i == 0 { first } else { others };
        made += line;
        if line.is_empty() {
            made.truncate(made.trim_end_matches(' ').len());
        }
        // Quotes in quotes grow with each.
        within("MAX_STEP_OUTPUT_BYTES", "bytes", made.len(), MAX_STEP_OUTPUT_BYTES)?;
    }
    Ok(made)
}

/// Code, in a fence that is longer than any in it.
fn fenced(element: &ElementRef<'_>) -> String {
    let code: String = element.text().collect();
    let code = code.strip_prefix('\n').unwrap_or(&code);
    let language = element.descendent_elements().find_map(|inside| {
        inside.value().classes().find_map(|class| class.strip_prefix("language-").map(str::to_owned))
    });
    let language = language.filter(|word| word.chars().all(|c| c.is_alphanumeric() || "+-#._".contains(c)));
    let fence = "`".repeat(inline::longest_run(code, '`').max(2) + 1);
    let end = if code.ends_with('\n') || code.is_empty() { "" } else { "\n" };
    format!("{fence}{}\n{code}{end}{fence}", language.unwrap_or_default())
}

/// Whether it stands on lines of its own (HTML, 15.3).
fn is_block(element: &ElementRef<'_>) -> bool {
    matches!(
        element.value().name(),
        "html"
            | "body"
            | "address"
            | "article"
            | "aside"
            | "blockquote"
            | "center"
            | "dd"
            | "details"
            | "dialog"
            | "div"
            | "dl"
            | "dt"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "header"
            | "hgroup"
            | "hr"
            | "legend"
            | "li"
            | "main"
            | "menu"
            | "nav"
            | "ol"
            | "p"
            | "pre"
            | "search"
            | "section"
            | "summary"
            | "table"
            | "caption"
            | "tbody"
            | "thead"
            | "tfoot"
            | "tr"
            | "td"
            | "th"
            | "ul"
    )
}
