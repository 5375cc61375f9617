//! Text within a line, with what stands in it.

use scraper::{ElementRef, node::Node};

use super::{super::super::html_document::is_unread, NodeRef};

/// A line that grows: white space is one space, and none at its beginning.
#[derive(Default)]
pub(super) struct Line {
    text: String,
    /// Whether white space came that is not written yet.
    space: bool,
}

impl Line {
    /// Adds a node.
    pub(super) fn add(&mut self, node: NodeRef<'_>) {
        match node.value() {
            Node::Text(text) => self.words(text),
            Node::Element(_) if is_unread(node.value()) => {}
            Node::Element(_) => ElementRef::wrap(node).iter().for_each(|element| self.element(element)),
            _ => node.children().for_each(|child| self.add(child)),
        }
    }

    fn element(&mut self, element: &ElementRef<'_>) {
        match element.value().name() {
            "br" => {
                self.space = false;
                // At the beginning of a line there is none to break.
                if !self.text.is_empty() {
                    self.text += "\\\n";
                }
            }
            "em" | "i" | "cite" | "dfn" | "var" => self.marked(element, "*"),
            "strong" | "b" => self.marked(element, "**"),
            "del" | "s" | "strike" => self.marked(element, "~~"),
            "code" | "kbd" | "samp" | "tt" => self.code(element),
            "a" => self.link(element),
            "img" => self.image(element),
            "input" if element.attr("type") == Some("checkbox") => {
                let mark = if element.attr("checked").is_some() { "[x]" } else { "[ ]" };
                self.push(mark);
                self.space = true;
            }
            "input" | "select" | "textarea" | "button" => {}
            _ => {
                // What is a block elsewhere parts words.
                let parts = super::is_block(element);
                self.space |= parts;
                element.children().for_each(|child| self.add(child));
                self.space |= parts;
            }
        }
    }

    /// What is inside, between two marks, which touch no white space.
    fn marked(&mut self, element: &ElementRef<'_>, mark: &str) {
        let (before, inside, after) = inside(element);
        self.space |= before;
        if !inside.is_empty() {
            self.push(&format!("{mark}{inside}{mark}"));
        }
        self.space |= after;
    }

    fn code(&mut self, element: &ElementRef<'_>) {
        let code: String =
            element.text().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ");
        if code.is_empty() {
            return;
        }
        let fence = "`".repeat(longest_run(&code, '`') + 1);
        let pad = if code.starts_with('`') || code.ends_with('`') { " " } else { "" };
        self.push(&format!("{fence}{pad}{code}{pad}{fence}"));
    }

    fn link(&mut self, element: &ElementRef<'_>) {
        let (before, inside, after) = inside(element);
        self.space |= before;
        match element.attr("href") {
            _ if inside.is_empty() => {}
            None => self.push(&inside),
            Some(href) => {
                self.write_space();
                if self.text.ends_with('!') {
                    // It would make an image of the link.
                    self.text.insert(self.text.len() - 1, '\\');
                }
                self.push(&format!("[{inside}]({}{})", address(href), title(element)));
            }
        }
        self.space |= after;
    }

    fn image(&mut self, element: &ElementRef<'_>) {
        let Some(source) = element.attr("src").filter(|source| !source.is_empty()) else { return };
        let mut alternative = Self::default();
        alternative.words(element.attr("alt").unwrap_or_default());
        self.push(&format!("![{}]({}{})", alternative.text, address(source), title(element)));
    }

    /// Adds words, with what means something in Markdown escaped.
    fn words(&mut self, text: &str) {
        for letter in text.chars() {
            if letter.is_whitespace() && letter != '\u{a0}' {
                self.space = true;
                continue;
            }
            self.write_space();
            match letter {
                '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '~' | '&' => self.text.push('\\'),
                _ => {}
            }
            self.text.push(letter);
        }
    }

    /// Adds Markdown.
    fn push(&mut self, markdown: &str) {
        self.write_space();
        self.text += markdown;
    }

    fn write_space(&mut self) {
        if std::mem::take(&mut self.space) && !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push(' ');
        }
    }

    /// The line, or the lines, as a paragraph: what would begin something else at a line's beginning is escaped.
    pub(super) fn finish(self) -> String {
        let mut kept = self.text.as_str();
        while let Some(before) = kept.strip_suffix("\\\n") {
            kept = before;
        }
        kept.split('\n').map(begun).collect::<Vec<_>>().join("\n")
    }
}

/// The inside of an element as Markdown, and whether white space is before and behind it.
fn inside(element: &ElementRef<'_>) -> (bool, String, bool) {
    let mut line = Line::default();
    let begins = element.text().next().is_some_and(|text| text.starts_with(char::is_whitespace));
    element.children().for_each(|child| line.add(child));
    (begins, line.text, line.space)
}

/// The inside of an element as one line.
pub(super) fn one_line(element: &ElementRef<'_>) -> String {
    let mut line = Line::default();
    element.children().for_each(|child| line.add(child));
    let one = line.text.replace("\\\n", " ");
    one.trim_end().to_owned()
}

/// A line whose first letters are words.
fn begun(line: &str) -> String {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let behind = line[digits..].bytes().next();
    match line.bytes().next() {
        Some(b'#' | b'+' | b'-' | b'=' | b'>' | b'|' | b':') => format!("\\{line}"),
        _ if (1..=9).contains(&digits) && matches!(behind, Some(b'.' | b')')) => {
            format!("{}\\{}", &line[..digits], &line[digits..])
        }
        _ => line.to_owned(),
    }
}

/// An address in round brackets.
fn address(address: &str) -> String {
    let mut safe = String::with_capacity(address.len());
    for letter in address.trim().chars() {
        match letter {
            '(' | ')' | '<' | '>' | '\\' | '&' => {
                safe.push('\\');
                safe.push(letter);
            }
            letter if letter.is_whitespace() || letter.is_control() => {
                safe.extend(percent_encoding::utf8_percent_encode(
                    letter.encode_utf8(&mut [0; 4]),
                    percent_encoding::NON_ALPHANUMERIC,
                ));
            }
            letter => safe.push(letter),
        }
    }
    safe
}

fn title(element: &ElementRef<'_>) -> String {
    let title = element.attr("title").map(|title| title.split_whitespace().collect::<Vec<_>>().join(" "));
    let title = title.filter(|title| !title.is_empty());
    title.map_or_else(String::new, |title| {
        format!(" \"{}\"", title.replace('\\', r"\\").replace('"', "\\\"").replace('&', r"\&"))
    })
}

/// The longest run of a letter.
pub(super) fn longest_run(text: &str, letter: char) -> usize {
    let (mut longest, mut run) = (0, 0);
    for other in text.chars() {
        run = if other == letter { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}
