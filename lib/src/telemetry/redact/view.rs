//! What a text says behind its escapes and in what is packed in it, and where.

use std::{borrow::Cow, ops::Range};

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{GeneralPurpose, general_purpose::NO_PAD},
};

/// Shorter than this nothing is packed that is not short itself.
const PACKED: usize = 6;

/// Nobody breaks what is packed into shorter lines: mail has 76 characters, PEM 64, and the first line may have a name.
const LINE: usize = 32;

/// More blanks than these stand before no line of it.
const INDENT: usize = 16;

/// How often a text may be escaped: percent-encoded twice and in JSON in JSON are four.
const LAYERS: usize = 4;

/// A text with its escapes resolved, byte by byte, and where each byte stands in the original.
pub(super) struct View {
    pub(super) bytes: Vec<u8>,
    /// Where the piece of the original begins that a byte came from; in the end the original's length.
    starts: Vec<usize>,
}

impl View {
    /// The text as it stands, and what it is with one layer of escapes less, and so on until nothing is escaped.
    pub(super) fn all(text: &[u8]) -> Vec<Self> {
        let mut views = vec![Self { bytes: text.to_vec(), starts: (0..=text.len()).collect() }];
        while views.len() <= LAYERS
            && let Some(next) = views.last().and_then(Self::resolved)
        {
            views.push(next);
        }
        views
    }

    /// The piece of the original that a range of bytes came from.
    pub(super) fn original(&self, range: Range<usize>) -> Range<usize> {
        self.starts[range.start]..self.starts[range.end]
    }

    /// The same with one layer of escapes less; `None` when there is no escape in it.
    fn resolved(&self) -> Option<Self> {
        let mut rest = &self.bytes[..];
        if !rest.iter().any(|byte| matches!(byte, b'%' | b'\\' | b'&')) {
            return None;
        }
        let mut next =
            Self { bytes: Vec::with_capacity(rest.len()), starts: Vec::with_capacity(rest.len() + 1) };
        let mut found = false;
        while let Some(first) = rest.first() {
            let at = self.starts[self.bytes.len() - rest.len()];
            let taken = if let Some((taken, is)) = escape(rest) {
                found = true;
                let mut buffer = [0; 4];
                let is = is.encode(&mut buffer);
                next.bytes.extend_from_slice(is);
                next.starts.extend(is.iter().map(|_| at));
                taken
            } else {
                next.bytes.push(*first);
                next.starts.push(at);
                1
            };
            rest = &rest[taken..];
        }
        next.starts.extend(self.starts.last());
        found.then_some(next)
    }
}

/// What may be base64 or hexadecimal.
pub(super) struct Packed {
    pub(super) range: Range<usize>,
    /// What it would be, for every place at which it may begin: what stands before may look like a part of it.
    pub(super) unpacked: Vec<Vec<u8>>,
}

/// All that may be packed in a text. What is broken into lines, as in mail, is one.
pub(super) fn packed(text: &[u8]) -> impl Iterator<Item = Packed> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at + text.get(at..)?.iter().position(is_packed)?;
            let mut end = run_end(text, start);
            let (mut run, mut before) = (Cow::Borrowed(&text[start..end]), LINE);
            while end - start >= LINE
                && let Some(next) = next_line(text, end)
            {
                let next_end = run_end(text, next);
                run.to_mut().extend_from_slice(&text[next..next_end]);
                let length = next_end - next;
                end = next_end;
                // Only the last line is shorter than the one before.
                if length < before {
                    break;
                }
                before = length;
            }
            at = end;
            if run.len() >= PACKED {
                let padding = text[end..].iter().take(2).take_while(|byte| **byte == b'=').count();
                return Some(Packed { range: start..end + padding, unpacked: unpacked(&run) });
            }
        }
    })
}

const fn is_packed(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(*byte, b'+' | b'/' | b'-' | b'_')
}

fn run_end(text: &[u8], start: usize) -> usize {
    start + text[start..].iter().take_while(|byte| is_packed(byte)).count()
}

/// Where the next line begins if this one ends here, behind its indent.
fn next_line(text: &[u8], end: usize) -> Option<usize> {
    let blanks = text[end..].iter().take(INDENT).take_while(|byte| byte.is_ascii_whitespace()).count();
    let next = end + blanks;
    (text[end..next].contains(&b'\n') && text.get(next).is_some_and(is_packed)).then_some(next)
}

fn unpacked(run: &[u8]) -> Vec<Vec<u8>> {
    const BASE64: GeneralPurpose =
        GeneralPurpose::new(&STANDARD, NO_PAD.with_decode_allow_trailing_bits(true));
    let standard: Vec<u8> = run
        .iter()
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            byte => *byte,
        })
        .collect();
    let base64 = (0..4).filter_map(|from| {
        let rest = standard.get(from..)?;
        // One character too many is none of it.
        let whole = if rest.len() % 4 == 1 { &rest[..rest.len() - 1] } else { rest };
        BASE64.decode(whole).ok()
    });
    let hexadecimal = run.split(|byte| !byte.is_ascii_hexdigit()).filter(|digits| digits.len() >= PACKED);
    let hexadecimal = hexadecimal.flat_map(|digits| {
        (0..2).map(move |from| {
            let pairs = digits[from..].chunks_exact(2);
            pairs.filter_map(|pair| u8::try_from(hex(pair)?).ok()).collect::<Vec<u8>>()
        })
    });
    base64.chain(hexadecimal).collect()
}

/// What an escape stands for.
enum Stands {
    Byte(u8),
    For(char),
}

impl Stands {
    fn encode(self, buffer: &mut [u8; 4]) -> &[u8] {
        match self {
            Self::Byte(byte) => {
                buffer[0] = byte;
                &buffer[..1]
            }
            Self::For(c) => c.encode_utf8(buffer).as_bytes(),
        }
    }
}

/// The escape that a text begins with: its length, and what it stands for.
fn escape(text: &[u8]) -> Option<(usize, Stands)> {
    match text {
        [b'%', a, b, ..] => Some((3, Stands::Byte(hex(&[*a, *b])?.try_into().ok()?))),
        [b'\\', b'u', digits @ ..] => {
            let high = hex(digits.get(..4)?)?;
            if let Some(c) = char::from_u32(high) {
                return Some((6, Stands::For(c)));
            }
            let low = digits.get(4..10)?.strip_prefix(b"\\u").and_then(hex)?;
            let pair = [u16::try_from(high).ok()?, u16::try_from(low).ok()?];
            let c = char::decode_utf16(pair).next()?.ok()?;
            Some((12, Stands::For(c)))
        }
        [b'\\', b'x', a, b, ..] => Some((4, Stands::Byte(hex(&[*a, *b])?.try_into().ok()?))),
        [b'\\', c, ..] => {
            let byte = match c {
                b'"' | b'\'' | b'\\' | b'/' => *c,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'b' => 8,
                b'f' => 12,
                _ => return None,
            };
            Some((2, Stands::Byte(byte)))
        }
        [b'&', ..] => entity(text),
        _ => None,
    }
}

/// A character reference of HTML or XML.
fn entity(text: &[u8]) -> Option<(usize, Stands)> {
    /// `&#1114111;` is the longest that matters.
    const LONGEST: usize = 10;
    let end = text.iter().take(LONGEST).position(|byte| *byte == b';')?;
    let name = std::str::from_utf8(&text[1..end]).ok()?;
    let c = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => hex(digits.as_bytes())?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((end + 1, Stands::For(c)))
}

fn hex(digits: &[u8]) -> Option<u32> {
    let digits = digits.iter().all(u8::is_ascii_hexdigit).then_some(digits)?;
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}
