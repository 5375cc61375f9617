//! Files: bytes that do not travel with the items that name them. An item holds a reference, [`FileRef`]; the bytes are
//! in the file store, by tenant and hash.

use std::{fmt, sync::Arc};

use serde_json::{Map, Value, json};

use crate::{items::FILE, limits::MAX_FILE_NAME};

/// A file's id: the SHA-256 of its bytes, 64 hexadecimal digits in small letters. Whose it is, it does not say: that is
/// known of the run, so that an id from elsewhere opens nobody else's file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileId(Arc<str>);

/// A text that is no file's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a file's id has 64 hexadecimal digits in small letters")]
pub struct InvalidFileId;

impl FileId {
    /// As a regular expression says it.
    pub const PATTERN: &'static str = "^[0-9a-f]{64}$";

    /// The id of the bytes with this SHA-256.
    #[must_use]
    pub fn of_hash(hash: &[u8]) -> Self {
        let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        Self(digits.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for FileId {
    type Err = InvalidFileId;

    fn from_str(text: &str) -> Result<Self, InvalidFileId> {
        let is_id = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if is_id { Ok(Self(text.into())) } else { Err(InvalidFileId) }
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an item holds of a file: `{"$file": {id, name, type, size}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRef {
    /// Which bytes.
    pub id: FileId,
    /// What people call it; see [`safe_name`].
    pub name: String,
    /// Its media type, as whoever gave it said.
    pub media_type: String,
    /// In bytes. A reference may be forged, so nobody relies on it: the store knows.
    pub size: u64,
}

impl FileRef {
    /// What a file is called that nobody has named.
    pub const NO_NAME: &'static str = "file";
    /// The type of bytes of which nobody has said more.
    pub const NO_TYPE: &'static str = "application/octet-stream";

    /// The reference as data.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let Self { id, name, media_type, size } = self;
        json!({ FILE: { "id": id.as_str(), "name": name, "type": media_type, "size": size } })
    }

    /// Reads a reference: an object with nothing but `$file`, and in it an id; a name and a type if they are there.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(value: &Value) -> Result<Self, &'static str> {
        let only = value.as_object().filter(|object| object.len() == 1).and_then(|object| object.get(FILE));
        let fields = only
            .and_then(Value::as_object)
            .ok_or("must be a file: an object {\"$file\": {…}} as a node that stores files gives it")?;
        let id = fields.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok());
        Ok(Self {
            id: id.ok_or("is no file: its `$file.id` must have 64 hexadecimal digits in small letters")?,
            name: text(fields, "name")?.and_then(safe_name).unwrap_or_else(|| Self::NO_NAME.to_owned()),
            media_type: text(fields, "type")?.unwrap_or(Self::NO_TYPE).to_owned(),
            size: fields.get("size").and_then(Value::as_u64).unwrap_or_default(),
        })
    }
}

fn text<'f>(fields: &'f Map<String, Value>, name: &str) -> Result<Option<&'f str>, &'static str> {
    match fields.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err("is no file: `$file.name` and `$file.type` are texts"),
    }
}

/// A name that is one of a file in any folder: without folders, control characters and what turns the direction of
/// writing, at most [`MAX_FILE_NAME`] bytes. `None`: nothing is left.
#[must_use]
pub fn safe_name(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_shown = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let shown: String = last.chars().filter(is_shown).collect();
    let shown = shown.trim();
    let mut end = shown.len().min(MAX_FILE_NAME);
    while !shown.is_char_boundary(end) {
        end -= 1;
    }
    let cut = &shown[..end];
    (!cut.is_empty() && !cut.bytes().all(|byte| byte == b'.')).then(|| cut.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_as_it_was_written() {
        let file = FileRef {
            id: FileId::of_hash(&[0xab; 32]),
            name: "größe \"L\".csv".to_owned(),
            media_type: "text/csv".to_owned(),
            size: 7,
        };
        assert_eq!(FileRef::read(&file.to_value()), Ok(file));
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        let id = "a".repeat(64);
        for wrong in [
            json!("text"),
            json!({}),
            json!({ "$file": 1 }),
            json!({ "$file": {} }),
            json!({ "$file": { "id": "A".repeat(64) } }),
            json!({ "$file": { "id": "../../etc/passwd" } }),
            json!({ "$file": { "id": id, "name": 1 } }),
            json!({ "$file": { "id": id }, "other": 1 }),
        ] {
            assert!(FileRef::read(&wrong).is_err(), "{wrong}");
        }
        assert!(FileRef::read(&json!({ "$file": { "id": id } })).is_ok());
    }

    #[test]
    fn names_lead_nowhere() {
        for (name, safe) in [
            ("a.txt", Some("a.txt")),
            ("../../etc/passwd", Some("passwd")),
            ("C:\\x\\größe \"L\".png", Some("größe \"L\".png")),
            ("a\r\nX: 1.txt", Some("aX: 1.txt")),
            ("gpj\u{202e}.exe", Some("gpj.exe")),
            ("a\u{61c}\u{2028}b\u{2029}\u{0}\u{7f}\u{9b}.txt", Some("ab.txt")),
            ("日本語 🗂.pdf", Some("日本語 🗂.pdf")),
            ("%2e%2e%2fx", Some("%2e%2e%2fx")),
            ("..", None),
            ("folder/", None),
            (" ", None),
        ] {
            assert_eq!(safe_name(name).as_deref(), safe, "{name:?}");
        }
        assert_eq!(safe_name(&"ü".repeat(300)).unwrap().len(), 254, "cut between characters");
    }
}
