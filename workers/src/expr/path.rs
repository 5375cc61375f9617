//! Plain paths: what can be evaluated without the engine.

use domain::definition::Definition;

use super::{
    links::RESUME_URL,
    methods,
    scope::{PortName, find_node},
};

/// A plain path.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Path {
    pub(super) root: Root,
    pub(super) steps: Vec<Step>,
}

/// A step of a path.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    pub(super) key: Key,
    /// `?.`: where there is nothing, the whole path comes to nothing.
    pub(super) optional: bool,
}

/// Where a path starts.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Root {
    Json,
    Input(Pick),
    /// The node, or why there is none.
    Node(Result<usize, String>, Pick),
    Run,
    Workflow,
    Now,
    Env,
    ItemIndex,
    Response,
    PageCount,
    Iteration,
}

/// Which of a list of items.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Pick {
    All(Option<PortName>),
    First(Option<PortName>),
    Last(Option<PortName>),
    Item,
    /// The one that belongs to the item at that place of the step's input.
    Matching(usize),
}

/// What a step asks for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Key {
    Name(String),
    Index(usize),
}

impl Path {
    pub(super) const fn reads_outputs(&self) -> bool {
        matches!(self.root, Root::Node(..))
    }
}

/// The path that the text is, if it is one.
pub(super) fn parse(source: &str, definition: &Definition) -> Option<Path> {
    let mut rest = source;
    let root = if let Some(after) = rest.strip_prefix("$(") {
        let (name, after) = take_quoted(after.trim_start())?;
        rest = after.trim_start().strip_prefix(')')?;
        let node = find_node(definition, &name);
        Root::Node(node, take_pick(&mut rest)?)
    } else {
        let (name, after) = take_name(rest)?;
        rest = after;
        match name {
            "$json" => Root::Json,
            "$input" => Root::Input(take_pick(&mut rest)?),
            "$run" => Root::Run,
            "$workflow" => Root::Workflow,
            "$now" => Root::Now,
            "$env" => Root::Env,
            "$itemIndex" => Root::ItemIndex,
            "$response" => Root::Response,
            "$pageCount" => Root::PageCount,
            "$iteration" => Root::Iteration,
            _ => return None,
        }
    };
    let mut steps: Vec<Step> = Vec::new();
    while !rest.is_empty() {
        let step = take_step(&mut rest)?;
        if let (Some(Step { key: Key::Name(of), .. }), Key::Name(name)) = (steps.last(), &step.key)
            && methods::is_of_any(of)
            && methods::FUNCTION.contains(&name.as_str())
        {
            // What a method has itself, the engine knows.
            return None;
        }
        steps.push(step);
    }
    // A date has methods, only the bare value is plain; and a run has one, which the engine knows.
    let is_method = |step: &Step| matches!(&step.key, Key::Name(name) if name == RESUME_URL);
    let plain = match root {
        Root::Now => steps.is_empty(),
        Root::Run => !steps.first().is_some_and(is_method),
        _ => true,
    };
    plain.then_some(Path { root, steps })
}

/// `.all()`, `.first('port')`, `.last(1)`, `.item`, `.itemMatching(0)`.
fn take_pick(rest: &mut &str) -> Option<Pick> {
    let after = rest.trim_start().strip_prefix('.')?;
    let (name, after) = take_name(after.trim_start())?;
    if name == "item" {
        *rest = after;
        return Some(Pick::Item);
    }
    let mut after = after.trim_start().strip_prefix('(')?.trim_start();
    let mut port = None;
    if !after.starts_with(')') {
        let (argument, behind) = take_argument(after)?;
        port = Some(argument);
        after = behind.trim_start();
    }
    *rest = after.strip_prefix(')')?;
    match (name, port) {
        ("all", port) => Some(Pick::All(port)),
        ("first", port) => Some(Pick::First(port)),
        ("last", port) => Some(Pick::Last(port)),
        ("itemMatching", Some(PortName::Index(index))) => Some(Pick::Matching(index)),
        _ => None,
    }
}

/// A text in quotes, or a whole number.
fn take_argument(text: &str) -> Option<(PortName, &str)> {
    if let Some((name, rest)) = take_quoted(text) {
        return Some((PortName::Name(name), rest));
    }
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    Some((PortName::Index(canonical_index(&text[..end])?), &text[end..]))
}

/// `.name`, `?.name`, `[0]`, `["name"]`, `?.[0]`.
fn take_step(rest: &mut &str) -> Option<Step> {
    let here = rest.trim_start();
    let (optional, after) = match here.strip_prefix("?.") {
        Some(after) => (true, after.trim_start()),
        None => (false, here),
    };
    if let Some(inside) = after.strip_prefix('[') {
        let inside = inside.trim_start();
        let (key, after) = if inside.starts_with(['"', '\'']) {
            let (name, after) = take_quoted(inside)?;
            (name_key(name)?, after)
        } else {
            let end = inside.find(|c: char| !c.is_ascii_digit())?;
            (Key::Index(canonical_index(&inside[..end])?), &inside[end..])
        };
        *rest = after.trim_start().strip_prefix(']')?;
        return Some(Step { key, optional });
    }
    let after = if optional { after } else { after.strip_prefix('.')?.trim_start() };
    let (name, after) = take_name(after)?;
    *rest = after;
    Some(Step { key: name_key(name.to_owned())?, optional })
}

fn name_key(name: String) -> Option<Key> {
    if methods::OBJECT.contains(&name.as_str()) {
        return None;
    }
    Some(canonical_index(&name).map_or(Key::Name(name), Key::Index))
}

/// A list's index in the one way in which JavaScript writes it: `01` is a name.
fn canonical_index(text: &str) -> Option<usize> {
    let canonical = text == "0" || !text.starts_with('0');
    let digits = !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
    (canonical && digits).then(|| text.parse().ok()).flatten()
}

fn take_name(text: &str) -> Option<(&str, &str)> {
    let end = text
        .char_indices()
        .find(|(i, c)| !(c.is_alphabetic() || matches!(c, '_' | '$') || (*i > 0 && c.is_numeric())))
        .map_or(text.len(), |(i, _)| i);
    (end > 0).then(|| text.split_at(end))
}

/// A text in quotes at the start. Escapes other than of quotes and backslashes are left to the engine.
fn take_quoted(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let mut read = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((i, c)) = chars.next() {
        match c {
            c if c == quote => return Some((read, &text[i + 1..])),
            '\\' => match chars.next()? {
                (_, c @ ('\\' | '\'' | '"')) => read.push(c),
                _ => return None,
            },
            '\n' | '\r' => return None,
            c => read.push(c),
        }
    }
    None
}

/// The text, when all of `source` is one text in quotes.
pub(super) fn quoted(source: &str) -> Option<String> {
    take_quoted(source).filter(|(_, rest)| rest.is_empty()).map(|(text, _)| text)
}
