//! CSS selectors: what of their form can be said without a page.
//!
//! They are read by the parser that the worker reads them with (the crate `selectors`), with the same switches. What it
//! makes of them is of no interest here, so names are mere texts; the worker's names belong to its reader of HTML, which
//! functions do not carry. A test of the worker holds the two against each other.

use cssparser::{Parser, ParserInput, ToCss};
use precomputed_hash::PrecomputedHash;
use selectors::parser::{self, ParseRelative, SelectorList, SelectorParseErrorKind};
use serde_json::{Value, json};

use crate::{
    kinds::params::{At, Parameter, Reader},
    limits::{MAX_SELECTOR_BYTES, MAX_SELECTOR_DEPTH, above},
    violation::ViolationCode as Code,
};

/// A CSS selector. When a document is saved it is known to be one; one that only a run knows is checked where it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CssSelector(pub String);

/// A text that is no selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSelector {
    /// It is above a limit.
    #[error("{}", above(*.found, .what, .most, .name))]
    Limit {
        /// How much of it there is.
        found: usize,
        /// Of what.
        what: &'static str,
        /// The limit.
        most: usize,
        /// The limit's name.
        name: &'static str,
    },
    /// Its form is wrong.
    #[error("{0:?} is no CSS selector")]
    Wrong(String),
}

impl CssSelector {
    /// Whether it is within the limits of what is read: its reader follows brackets with the stack.
    ///
    /// # Errors
    /// [`InvalidSelector::Limit`], with the limit's name.
    pub fn check_size(text: &str) -> Result<(), InvalidSelector> {
        if text.len() > MAX_SELECTOR_BYTES {
            return Err(InvalidSelector::Limit {
                found: text.len(),
                what: "bytes of a selector",
                most: MAX_SELECTOR_BYTES,
                name: "MAX_SELECTOR_BYTES",
            });
        }
        let mut depth = 0usize;
        for byte in text.bytes() {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > MAX_SELECTOR_DEPTH {
                return Err(InvalidSelector::Limit {
                    found: depth,
                    what: "nested brackets of a selector",
                    most: MAX_SELECTOR_DEPTH,
                    name: "MAX_SELECTOR_DEPTH",
                });
            }
        }
        Ok(())
    }

    /// Whether it is a selector.
    ///
    /// # Errors
    /// When it is none, or above a limit.
    pub fn check(&self) -> Result<(), InvalidSelector> {
        Self::check_size(&self.0)?;
        let mut input = ParserInput::new(&self.0);
        let read = SelectorList::parse(&Grammar, &mut Parser::new(&mut input), ParseRelative::No);
        read.map(drop).map_err(|_| InvalidSelector::Wrong(self.0.clone()))
    }
}

impl Parameter for CssSelector {
    const NAME: &'static str = "CSS selector";

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "\\S", "examples": ["article > h2.title", "a[href]"] })
    }

    fn open_schema() -> Value {
        Self::schema()
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let selector = Self(String::read(value, at, reader)?);
        if let Some(error) = reader.is_unchecked().then(|| selector.check().err()).flatten() {
            let code = match &error {
                InvalidSelector::Limit { .. } => Code::Limit,
                InvalidSelector::Wrong(_) => Code::InvalidValue,
            };
            reader.violation(at, code, error.to_string());
        }
        Some(selector)
    }
}

/// What selectors may hold, as the worker's reader of HTML has it.
struct Grammar;

impl<'i> parser::Parser<'i> for Grammar {
    type Impl = Names;
    type Error = SelectorParseErrorKind<'i>;

    fn parse_is_and_where(&self) -> bool {
        true
    }

    fn parse_has(&self) -> bool {
        true
    }
}

/// Selectors of texts; there are no pseudo-elements, and no pseudo-classes but those of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Names;

impl parser::SelectorImpl for Names {
    type AttrValue = Name;
    type Identifier = Name;
    type LocalName = Name;
    type NamespacePrefix = Name;
    type NamespaceUrl = Name;
    type BorrowedNamespaceUrl = Name;
    type BorrowedLocalName = Name;
    type NonTSPseudoClass = NoPseudo;
    type PseudoElement = NoPseudo;
    type ExtraMatchingData<'a> = ();
}

/// A text in a selector.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Name(String);

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl ToCss for Name {
    fn to_css<W: std::fmt::Write>(&self, dest: &mut W) -> std::fmt::Result {
        dest.write_str(&self.0)
    }
}

/// Nobody asks for it: it serves to match elements, of which there are none.
impl PrecomputedHash for Name {
    fn precomputed_hash(&self) -> u32 {
        0
    }
}

/// What does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NoPseudo {}

impl parser::NonTSPseudoClass for NoPseudo {
    type Impl = Names;

    fn is_active_or_hover(&self) -> bool {
        match *self {}
    }

    fn is_user_action_state(&self) -> bool {
        match *self {}
    }
}

impl parser::PseudoElement for NoPseudo {
    type Impl = Names;
}

impl ToCss for NoPseudo {
    fn to_css<W: std::fmt::Write>(&self, _: &mut W) -> std::fmt::Result {
        match *self {}
    }
}
