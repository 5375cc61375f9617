//! Text and JSON of bytes from outside: answers of web APIs, their errors, documents that clients post.
//!
//! One decoder for all of them, by the rules of browsers (WHATWG Encoding): a byte order mark wins, then the character
//! set that the content type names, then UTF-16 if there is a NUL among the first two bytes, as JSON has it, then the
//! one that XML and HTML declare themselves, then UTF-8. Labels are those of the web, so `iso-8859-1` is windows-1252.

use std::borrow::Cow;

use domain::json::{NotJson, well_formed};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use serde_json::Value;

/// A text, and how it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<'b> {
    /// The text without its byte order mark; what could not be read is U+FFFD.
    pub text: Cow<'b, str>,
    /// The character set, by its name on the web.
    pub charset: &'static str,
    /// Whether all bytes belong to the character set.
    pub whole: bool,
}

/// Reads bytes in the character set of their mark, or that `label` names, or that they declare, or in UTF-8. A label that
/// nobody knows counts as none: see [`is_known`].
#[must_use]
pub fn decode<'b>(bytes: &'b [u8], label: Option<&str>) -> Decoded<'b> {
    let named = label.and_then(encoding).or_else(|| utf16_of_json(bytes)).or_else(|| declared(bytes));
    let named = named.unwrap_or(UTF_8);
    let (text, used, malformed) = named.decode(bytes);
    Decoded { text, charset: used.name(), whole: !malformed }
}

/// Whether text in this character set can be read.
#[must_use]
pub fn is_known(label: &str) -> bool {
    encoding(label).is_some()
}

/// The character set that a content type names: `text/html; charset="utf-8"`.
#[must_use]
pub fn charset(content_type: &str) -> Option<&str> {
    let label = content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches(['"', '\'']))
    });
    label.filter(|label| !label.is_empty())
}

/// A content type without its parameters, in small letters.
#[must_use]
pub fn media_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The encodings that browsers replace by an error as a whole, since they hide attacks, are unknown here.
fn encoding(label: &str) -> Option<&'static Encoding> {
    Encoding::for_label_no_replacement(label.as_bytes())
}

/// JSON begins with two ASCII characters, or is one, so that a NUL among its first two bytes tells UTF-16 (RFC 4627,
/// section 3). No text in UTF-8 begins so.
fn utf16_of_json(bytes: &[u8]) -> Option<&'static Encoding> {
    match bytes {
        [0, low, ..] if *low != 0 => Some(UTF_16BE),
        [low, 0, ..] if *low != 0 => Some(UTF_16LE),
        _ => None,
    }
}

/// What `<?xml … encoding="…"?>` or `<meta … charset=…>` says, where browsers look for it. It was read as ASCII, so it
/// cannot be UTF-16.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    const SEARCHED: usize = 1024;
    let head = bytes[..bytes.len().min(SEARCHED)].trim_ascii_start();
    if !head.starts_with(b"<") {
        return None;
    }
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let said = match head.strip_prefix("<?xml") {
        Some(xml) => xml.split_once("?>")?.0.split_once("encoding")?.1,
        None => head.split_once("<meta")?.1.split_once("charset")?.1,
    };
    let label = said.trim_start().strip_prefix('=')?.trim_start().trim_start_matches(['"', '\'']);
    let end = label.find(|c: char| !(c.is_ascii_alphanumeric() || "-_:.".contains(c)))?;
    encoding(&label[..end]).filter(|found| found.is_ascii_compatible())
}

/// Reads JSON; `None` is blank text. Half of a surrogate pair (`"\ud83d"`) is U+FFFD.
///
/// # Errors
/// What is wrong, and where.
pub fn json(text: &str) -> Result<Option<Value>, NotJson> {
    if text.trim_start().is_empty() {
        return Ok(None);
    }
    let read = serde_json::from_str(&well_formed(text)).map(Some);
    read.map_err(|error| NotJson::of(text.as_bytes(), &error))
}

#[cfg(test)]
mod tests {
    use domain::measure::TooDeep;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn a_mark_wins_over_the_label_and_the_label_over_utf_8() {
        let with_mark = |mark: &[u8], text: Vec<u8>| [mark, &text].concat();
        let (le, be) = (u16::to_le_bytes, u16::to_be_bytes);
        for (bytes, label, text) in [
            ("Größe".into(), None, "Größe"),
            ("Größe".into(), Some("utf-8"), "Größe"),
            (with_mark(b"\xef\xbb\xbf", "Größe".into()), None, "Größe"),
            (with_mark(b"\xef\xbb\xbf", "Größe".into()), Some("iso-8859-1"), "Größe"),
            (with_mark(b"\xff\xfe", utf16("Größe", le)), None, "Größe"),
            (with_mark(b"\xfe\xff", utf16("Größe", be)), Some("utf-16"), "Größe"),
            (utf16("Größe", le), Some("utf-16"), "Größe"),
            (utf16("Größe", be), Some("UTF-16BE"), "Größe"),
            (utf16("{\"ß\": 1}", le), None, "{\"ß\": 1}"),
            (utf16("[1]", be), None, "[1]"),
            (b"Gr\xf6\xdfe 5 \x80".to_vec(), Some("latin1"), "Größe 5 €"),
            (b"5 \xa4".to_vec(), Some(" ISO-8859-15 "), "5 €"),
            (b"\xd6\xd0".to_vec(), Some("gbk"), "中"),
            (b"\x83e\x83X\x83g".to_vec(), Some("Shift_JIS"), "テスト"),
            (b"\xed\xe5\xf2".to_vec(), Some("windows-1251"), "нет"),
            (
                b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xf6</a>".to_vec(),
                None,
                "<?xml version='1.0' encoding='ISO-8859-1'?><a>ö</a>",
            ),
            (
                b"\n<html><meta http-equiv=x content=\"text/html; charset=GBK\">\xd6\xd0".to_vec(),
                None,
                "\n<html><meta http-equiv=x content=\"text/html; charset=GBK\">中",
            ),
            (b"<p><META Charset = latin1 >\xf6".to_vec(), None, "<p><META Charset = latin1 >ö"),
            ("<meta charset=latin1>ö".into(), Some("utf-8"), "<meta charset=latin1>ö"),
            ("<?xml encoding=\"utf-16\"?>ö".into(), None, "<?xml encoding=\"utf-16\"?>ö"),
            ("Größe".into(), Some("klingon"), "Größe"),
            (Vec::new(), Some("gbk"), ""),
        ] {
            let found = decode(&bytes, label);
            assert_eq!((found.text.as_ref(), found.whole), (text, true), "{bytes:?} {label:?}");
        }
    }

    #[test]
    fn what_does_not_belong_to_the_character_set_is_told_and_replaced() {
        let found = decode(b"M\xfcller", None);
        assert_eq!((found.text.as_ref(), found.charset, found.whole), ("M\u{fffd}ller", "UTF-8", false));
        // A whole text would become one character of replacement.
        assert!(!is_known("iso-2022-kr") && !is_known("klingon") && is_known("ISO-8859-1"));
        assert_eq!(decode(b"abc", Some("hz-gb-2312")).text, "abc");
    }

    #[test]
    fn a_content_type_is_read_as_servers_write_it() {
        for (content_type, kind, label) in [
            ("Text/HTML; Charset=\"UTF-8\"", "text/html", Some("UTF-8")),
            ("application/json;charset=gbk", "application/json", Some("gbk")),
            ("text/csv ; header=present; charset = 'latin1' ", "text/csv", Some("latin1")),
            ("text/plain; charset=", "text/plain", None),
            ("text/plain", "text/plain", None),
            ("", "", None),
        ] {
            assert_eq!((media_type(content_type).as_str(), charset(content_type)), (kind, label));
        }
    }

    #[test]
    fn blank_text_is_no_json_and_what_is_wrong_is_told_with_its_place() {
        for blank in ["", " ", "\r\n", "\t\u{a0}\n"] {
            assert_eq!(json(blank), Ok(None), "{blank:?}");
        }
        assert_eq!(json(" null "), Ok(Some(Value::Null)));
        assert_eq!(json(r#"{"t": "nice \ud83d"}"#), Ok(Some(json!({"t": "nice \u{fffd}"}))));
        let said = |text: &str| json(text).unwrap_err().to_string();
        assert_eq!(said("{\n \"a\": oops}"), "it is not JSON: expected value at line 2 column 7");
        let deep = "[".repeat(200) + &"]".repeat(200);
        assert_eq!(said(&deep), TooDeep.to_string());
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_decoder(
            bytes in prop::collection::vec(any::<u8>(), 0..64),
            label in prop::option::of(prop_oneof![
                "[a-z0-9_-]{0,12}",
                prop::sample::select(vec!["utf-16", "utf-16be", "gbk", "gb18030", "big5", "shift_jis", "euc-jp",
                    "iso-2022-jp", "iso-2022-kr", "utf-7", "windows-1252", "x-user-defined", "koi8-r"])
                    .prop_map(str::to_owned),
            ]),
        ) {
            let found = decode(&bytes, label.as_deref());
            // Each byte becomes a character of at most three bytes, and one more may be cut off at the end.
            prop_assert!(found.text.len() <= 3 * (bytes.len() + 1));
            let _ = json(&found.text);
            let _ = charset(&String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn utf_16_says_the_same_as_utf_8(text in "\\PC{0,20}") {
            for (label, bytes) in [("utf-16le", utf16(&text, u16::to_le_bytes)), ("utf-16be", utf16(&text, u16::to_be_bytes))] {
                let found = decode(&bytes, Some(label));
                // Its first character may be a mark.
                prop_assert_eq!(found.text.as_ref(), text.strip_prefix('\u{feff}').unwrap_or(&text));
            }
        }
    }
}
