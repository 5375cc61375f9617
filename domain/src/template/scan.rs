//! Where an expression ends, and what its words and brackets tell of it: one pass over the text, without a parser.
//!
//! Texts, template literals, patterns, comments and brackets are told apart as JavaScript does. Whether a `/` begins a
//! pattern or divides depends on what stands before it, where a `}` counts as the end of an object. The parser has the
//! last word on what was found.

/// What was found of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scanned {
    /// The offset of the `}}` behind it.
    pub(super) end: usize,
    /// Whether it surely closes the brackets that it opens, and no others.
    pub(super) balanced: bool,
    /// Whether it asks for `arguments` inside of braces, where only the parser knows whose they are.
    pub(super) arguments: bool,
    /// A word with no meaning here, and its offset.
    pub(super) meaningless: Option<(usize, Meaningless)>,
}

impl Scanned {
    /// What is known of a text that was not read.
    pub(super) const UNKNOWN: Self = Self { end: 0, balanced: false, arguments: false, meaningless: None };
}

impl Meaningless {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::This => "this",
            Self::Arguments => "arguments",
        }
    }
}

/// What JavaScript has a word for and expressions do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaningless {
    /// `import.meta`, `import(…)`.
    Import,
    /// `this` outside of any braces.
    This,
    /// `arguments` outside of any braces.
    Arguments,
}

/// There is no end in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoEnd {
    /// A text in quotes ends with its line.
    Broken,
    /// Nothing ends it as far as the text goes.
    OutOfText,
}

/// An open bracket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Round,
    Square,
    Brace,
    /// `${` of a template literal.
    Part,
}

struct Scanner<'b> {
    text: &'b str,
    at: usize,
    open: Vec<Open>,
    braces: usize,
    /// Whether what stands before is a value: then a `/` divides.
    value: bool,
    /// Whether the last token is a dot, behind which every word is a name.
    dot: bool,
    found: Scanned,
}

/// Reads an expression that begins here to the `}}` behind it.
pub(super) fn scan(text: &str) -> Result<Scanned, NoEnd> {
    let found = Scanned { end: 0, balanced: true, arguments: false, meaningless: None };
    let mut scanner = Scanner { text, at: 0, open: Vec::new(), braces: 0, value: false, dot: false, found };
    while let Some(byte) = scanner.byte() {
        if let Some(end) = scanner.token(byte)? {
            return Ok(Scanned {
                end,
                balanced: scanner.found.balanced && scanner.open.is_empty(),
                ..scanner.found
            });
        }
    }
    Err(NoEnd::OutOfText)
}

impl Scanner<'_> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Goes past one token; the offset of the `}}` if that is where the expression ends.
    fn token(&mut self, byte: u8) -> Result<Option<usize>, NoEnd> {
        match byte {
            b'\'' | b'"' => self.quoted(byte)?,
            b'`' => {
                self.at += 1;
                self.literal()?;
            }
            b'/' => return self.slash(),
            b'(' => self.opens(Open::Round),
            b'[' => self.opens(Open::Square),
            b'{' => self.opens(Open::Brace),
            b')' => self.closes(Open::Round),
            b']' => self.closes(Open::Square),
            b'}' => return self.brace(),
            b'+' | b'-' if self.rest().as_bytes().get(1) == Some(&byte) => self.at += 2,
            _ => match self.rest().chars().next() {
                Some(c) if is_of_name(c) => self.word(),
                Some(c) => {
                    self.at += c.len_utf8();
                    if !c.is_whitespace() {
                        (self.value, self.dot) = (false, c == '.');
                    }
                }
                None => self.at += 1,
            },
        }
        Ok(None)
    }

    fn is_value(&mut self) {
        (self.value, self.dot) = (true, false);
    }

    fn opens(&mut self, open: Open) {
        self.at += 1;
        self.open.push(open);
        self.braces += usize::from(open == Open::Brace);
        (self.value, self.dot) = (false, false);
    }

    fn closes(&mut self, open: Open) {
        self.at += 1;
        if self.open.last() == Some(&open) {
            self.open.pop();
        } else {
            self.found.balanced = false;
        }
        self.is_value();
    }

    fn brace(&mut self) -> Result<Option<usize>, NoEnd> {
        match self.open.last() {
            Some(Open::Brace) => {
                self.braces -= 1;
                self.closes(Open::Brace);
            }
            Some(Open::Part) => {
                self.open.pop();
                self.at += 1;
                self.literal()?;
            }
            _ if self.rest().starts_with("}}") => return Ok(Some(self.at)),
            _ => self.closes(Open::Brace),
        }
        Ok(None)
    }

    /// A text in quotes, from the first of them.
    fn quoted(&mut self, quote: u8) -> Result<(), NoEnd> {
        self.at += 1;
        while let Some(byte) = self.byte() {
            match byte {
                b'\\' => self.escape(),
                b'\n' | b'\r' => return Err(NoEnd::Broken),
                _ => self.at += 1,
            }
            if byte == quote {
                self.is_value();
                return Ok(());
            }
        }
        Err(NoEnd::OutOfText)
    }

    /// A backslash and what it is before.
    fn escape(&mut self) {
        let escaped = self.rest().chars().nth(1).map_or(0, char::len_utf8);
        self.at += 1 + escaped + usize::from(self.rest().starts_with("\\\r\n"));
    }

    /// The text of a template literal, to its end or to the expression in it.
    fn literal(&mut self) -> Result<(), NoEnd> {
        // Its expressions may be anything; a single pass does not prove them.
        self.found.balanced = false;
        while let Some(byte) = self.byte() {
            match byte {
                b'\\' => self.escape(),
                b'`' => {
                    self.at += 1;
                    self.is_value();
                    return Ok(());
                }
                b'$' if self.rest().starts_with("${") => {
                    self.at += 1;
                    self.opens(Open::Part);
                    return Ok(());
                }
                _ => self.at += 1,
            }
        }
        Err(NoEnd::OutOfText)
    }

    /// A comment, a pattern or a division.
    fn slash(&mut self) -> Result<Option<usize>, NoEnd> {
        self.found.balanced = false;
        let rest = self.rest();
        if let Some(comment) = rest.strip_prefix("/*") {
            self.at += 4 + comment.find("*/").ok_or(NoEnd::OutOfText)?;
            return Ok(None);
        }
        if let Some(comment) = rest.strip_prefix("//") {
            let line = &comment[..comment.find(LINE_ENDS).unwrap_or(comment.len())];
            // What may be complete ends with its comment.
            if let Some(end) = line.find("}}").filter(|_| self.value && self.open.is_empty()) {
                return Ok(Some(self.at + 2 + end));
            }
            self.at += 2 + line.len();
            return Ok(None);
        }
        match pattern(rest).filter(|_| !self.value) {
            Some(length) => {
                self.at += length;
                self.is_value();
            }
            None => {
                self.at += 1;
                (self.value, self.dot) = (false, false);
            }
        }
        Ok(None)
    }

    /// A name, a keyword or a number.
    fn word(&mut self) {
        let start = self.at;
        let rest = self.rest();
        self.at += rest.find(|c| !is_of_name(c)).unwrap_or(rest.len());
        let named = std::mem::replace(&mut self.dot, false);
        let word = self.text.get(start..self.at).unwrap_or_default();
        self.value = named || !BEFORE_VALUES.contains(&word);
        if named {
            return;
        }
        let meaningless = match word {
            "import" if self.rest().trim_start().starts_with(['.', '(']) => Meaningless::Import,
            "this" if self.braces == 0 => Meaningless::This,
            "arguments" if self.braces == 0 => Meaningless::Arguments,
            "arguments" => {
                self.found.arguments = true;
                return;
            }
            _ => return,
        };
        self.found.meaningless.get_or_insert((start, meaningless));
    }
}

const LINE_ENDS: [char; 4] = ['\n', '\r', '\u{2028}', '\u{2029}'];

/// Keywords behind which a value stands.
const BEFORE_VALUES: [&str; 14] = [
    "return",
    "typeof",
    "instanceof",
    "in",
    "of",
    "new",
    "delete",
    "void",
    "throw",
    "case",
    "do",
    "else",
    "await",
    "yield",
];

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '\\') || !(c.is_ascii() || c.is_whitespace())
}

/// The length of the pattern at the start, if it ends in its line.
fn pattern(text: &str) -> Option<usize> {
    let (mut class, mut escaped) = (false, false);
    for (at, c) in text.char_indices().skip(1) {
        match c {
            c if LINE_ENDS.contains(&c) => return None,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => class = true,
            ']' => class = false,
            '/' if !class => return Some(at + 1),
            _ => {}
        }
    }
    None
}
