//! What a text says behind its escapes and in what is packed in it, and where.

use std::ops::Range;

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{GeneralPurpose, general_purpose::NO_PAD},
};

/// Shorter than this nothing is packed that is not short itself.
const PACKED: usize = 6;

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

/// All that may be packed in a text.
pub(super) fn packed(text: &[u8]) -> impl Iterator<Item = Packed> {
    let is_packed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
    let mut at = 0;
    text.chunk_by(move |a, b| is_packed(a) == is_packed(b)).filter_map(move |run| {
        let start = at;
        at += run.len();
        if run.len() < PACKED || !run.first().is_some_and(is_packed) {
            return None;
        }
        let padding = text[at..].iter().take(2).take_while(|byte| **byte == b'=').count();
        Some(Packed { range: start..at + padding, unpacked: unpacked(run) })
    })
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
