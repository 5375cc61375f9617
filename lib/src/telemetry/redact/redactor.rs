//! Looks for secrets in a text, however they are written there.

use std::{borrow::Cow, collections::BTreeSet, fmt, ops::Range};

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use serde_json::{Map, Value};

use super::{
    REDACTED,
    view::{View, packed},
};

/// Shorter secrets are parts of ordinary words: they are only found where they are a whole value, or stand behind
/// their name.
pub(super) const SHORT: usize = 4;
/// A longer secret is looked for in pieces of this many bytes.
const PIECE: usize = 1024;
/// What stands between a name and its value.
const BETWEEN: [&str; 6] = ["=", "\":\"", "\": \"", ": ", ">", "=\""];
/// A secret in base64 takes a third more, in hexadecimal or percent-encoded three times as much; each layer of JSON or
/// percent around it some more.
const LARGEST_FORM: usize = 12;
/// How often what is packed may be packed itself.
const PACKED: usize = 2;

/// Keeps secrets out of texts: raw, percent-encoded, escaped as in JSON or HTML, one in the other up to four times; and
/// all that in base64 or hexadecimal, also within something longer.
pub struct Redactor {
    /// `None`: there is nothing to look for.
    search: Option<AhoCorasick>,
    /// By the pattern's number.
    patterns: Vec<Pattern>,
    /// What is secret when it is a whole value.
    whole: BTreeSet<String>,
    /// The longest that is looked for, in bytes.
    longest: usize,
    /// There are more secrets than can be looked for, so nothing is told.
    nothing: bool,
}

/// What is looked for.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Pattern {
    /// Not always a text: what is percent-encoded may stand for any bytes.
    bytes: Vec<u8>,
    /// A short secret stands behind so many bytes of its name, and before no letter or digit.
    name: Option<usize>,
}

impl Redactor {
    /// Looks for these values, each with the name it goes by if it has one.
    pub(super) fn new(secrets: &BTreeSet<(String, Option<String>)>) -> Self {
        let mut patterns = BTreeSet::new();
        for (value, name) in secrets {
            match name {
                _ if value.chars().count() >= SHORT => forms(value, &mut patterns),
                Some(name) => patterns.extend(BETWEEN.map(|between| Pattern {
                    bytes: format!("{name}{between}{value}").into(),
                    name: Some(name.len() + between.len()),
                })),
                None => {}
            }
        }
        let patterns: Vec<_> = patterns.into_iter().collect();
        let search = AhoCorasick::builder()
            // Built once for a text or two.
            .kind(Some(AhoCorasickKind::NoncontiguousNFA))
            .build(patterns.iter().map(|pattern| &pattern.bytes));
        Self {
            nothing: search.is_err(),
            search: search.ok().filter(|_| !patterns.is_empty()),
            longest: patterns.iter().map(|pattern| pattern.bytes.len()).max().unwrap_or(0),
            patterns,
            whole: secrets.iter().map(|(value, _)| value.clone()).collect(),
        }
    }

    /// Tells nothing at all.
    pub(super) fn of_everything() -> Self {
        Self { nothing: true, ..Self::new(&BTreeSet::new()) }
    }

    /// The text with [`REDACTED`] in the place of every secret.
    #[must_use]
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.head(text, text.len())
    }

    /// The first `most` bytes of a text at most, without secrets: one that the end would cut through is left out too.
    #[must_use]
    pub fn head<'t>(&self, text: &'t str, most: usize) -> Cow<'t, str> {
        let head = &text[..text.floor_char_boundary(most)];
        if self.nothing || self.whole.contains(text.trim()) {
            return if head.is_empty() { Cow::Borrowed("") } else { Cow::Owned(REDACTED.to_owned()) };
        }
        let Some(search) = &self.search else { return Cow::Borrowed(head) };
        // What begins in the head may end behind it.
        let seen = head.len().saturating_add(self.longest.saturating_mul(LARGEST_FORM));
        let found = self.find(search, &text[..text.floor_char_boundary(seen)]);
        let mut told = String::new();
        let mut from = 0;
        for Range { start, end } in found.into_iter().take_while(|found| found.start < head.len()) {
            told.push_str(&head[from..start]);
            told.push_str(REDACTED);
            from = end.min(head.len());
        }
        if from == 0 {
            return Cow::Borrowed(head);
        }
        told.push_str(&head[from..]);
        Cow::Owned(told)
    }

    /// The same for all texts and names of a value, and for numbers that are a secret.
    pub fn json(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(told) = self.text(text) {
                    *text = told;
                }
            }
            Value::Number(number) if self.nothing || self.whole.contains(&number.to_string()) => {
                *value = REDACTED.into();
            }
            Value::Array(list) => list.iter_mut().for_each(|value| self.json(value)),
            Value::Object(object) => {
                let told = std::mem::take(object).into_iter().map(|(name, mut value)| {
                    self.json(&mut value);
                    match self.text(&name) {
                        Cow::Owned(told) => (told, value),
                        Cow::Borrowed(_) => (name, value),
                    }
                });
                *object = told.collect::<Map<_, _>>();
            }
            Value::Number(_) | Value::Bool(_) | Value::Null => {}
        }
    }

    /// Where secrets stand in a text, in order; none overlaps another.
    fn find(&self, search: &AhoCorasick, text: &str) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        for view in View::all(text.as_bytes()) {
            let plain = self.find_plain(search, &view.bytes);
            let hidden =
                packed(&view.bytes).filter(|packed| self.is_hidden(search, &packed.unpacked, PACKED));
            for range in plain.chain(hidden.map(|packed| packed.range)) {
                let Range { start, end } = view.original(range);
                // Bytes may be found in the middle of a letter.
                found.push(text.floor_char_boundary(start)..text.ceil_char_boundary(end));
            }
        }
        found.sort_unstable_by_key(|found| found.start);
        found.dedup_by(|next, before| {
            let meet = next.start <= before.end;
            if meet {
                before.end = before.end.max(next.end);
            }
            meet
        });
        found
    }

    fn find_plain<'r>(
        &'r self,
        search: &'r AhoCorasick,
        bytes: &'r [u8],
    ) -> impl Iterator<Item = Range<usize>> + 'r {
        search.find_overlapping_iter(bytes).filter_map(|matched| {
            let Range { start, end } = matched.range();
            match self.patterns[matched.pattern().as_usize()].name {
                Some(_) if bytes.get(end).is_some_and(u8::is_ascii_alphanumeric) => None,
                name => Some(start + name.unwrap_or(0)..end),
            }
        })
    }

    /// Whether a secret is in what was packed, however often.
    fn is_hidden(&self, search: &AhoCorasick, unpacked: &[Vec<u8>], depth: usize) -> bool {
        depth > 0
            && unpacked.iter().flat_map(|bytes| View::all(bytes)).any(|view| {
                self.find_plain(search, &view.bytes).next().is_some()
                    || packed(&view.bytes).any(|packed| self.is_hidden(search, &packed.unpacked, depth - 1))
            })
    }
}

/// Without what it looks for.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("secrets", &self.whole.len()).finish_non_exhaustive()
    }
}

/// What a secret may look like once the escapes around it are gone.
fn forms(value: &str, patterns: &mut BTreeSet<Pattern>) {
    let mut add = |bytes: &[u8]| {
        // The last piece is as long as the others, so that none of them is short.
        let pieces = bytes.chunks_exact(PIECE).chain([&bytes[bytes.len().saturating_sub(PIECE)..]]);
        patterns.extend(pieces.map(|piece| Pattern { bytes: piece.to_vec(), name: None }));
    };
    // A secret may look like something escaped itself, and is then found where its escapes are gone too.
    for View { bytes, .. } in View::all(value.as_bytes()).into_iter().filter(|view| view.bytes.len() >= SHORT)
    {
        add(&bytes);
        // Forms have a plus for a blank, and decoders of forms a blank for a plus.
        for (from, to) in [(b'+', b' '), (b' ', b'+')] {
            if bytes.contains(&from) {
                let replaced: Vec<_> =
                    bytes.iter().map(|byte| if *byte == from { to } else { *byte }).collect();
                add(&replaced);
            }
        }
    }
}
