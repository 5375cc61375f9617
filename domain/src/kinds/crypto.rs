//! `crypto`: digests, signatures with a shared secret, and chance.

use serde_json::Value;

use super::{
    declaration::{COMPUTES, Declaration, Example, Group},
    params::{At, Parameter, Reader, Text, choice, count, fields::Keep, params, path::FieldPath},
};
use crate::limits::MAX_RANDOM_BYTES;

params! {
    /// Its parameters.
    pub struct Params {
        /// What is made: a `hash` of `value`, an `hmac` of it with `secret`, `random` bytes, or a random `uuid` (version 4).
        action: Action, [fixed];
        /// The text; a number or a boolean as it is written. Its UTF-8 bytes count.
        value: Option<Text>, with action ["hash", "hmac"] required;
        /// The shared secret, as text. It stands in no error.
        secret: Option<String>, with action ["hmac"] required;
        /// By which algorithm. `md5` and `sha1` are broken, and there for those who must speak with old systems.
        algorithm: Algorithm = Algorithm::Sha256, with action ["hash", "hmac"];
        /// How many bytes, 1 to 1024.
        bytes: ByteCount = ByteCount(16), with action ["random"];
        /// How bytes are written; `base64url` has no padding.
        encoding: Encoding = Encoding::Hex, with action ["hash", "hmac", "random"];
        /// Where the result goes.
        into: FieldPath = FieldPath::name("data");
        /// What stays of the item besides: `all`, `none`, or a list of fields.
        keep: Keep = Keep::All;
    }
}

choice! {
    /// What is made.
    pub enum Action {
        /// A digest.
        Hash = "hash",
        /// A digest that only who has the secret can make.
        Hmac = "hmac",
        /// Random bytes.
        Random = "random",
        /// A random UUID.
        Uuid = "uuid",
    }
}

choice! {
    /// A digest's algorithm.
    pub enum Algorithm {
        /// Broken.
        Md5 = "md5",
        /// Broken.
        Sha1 = "sha1",
        /// SHA-2, 256 bits.
        Sha256 = "sha256",
        /// SHA-2, 384 bits.
        Sha384 = "sha384",
        /// SHA-2, 512 bits.
        Sha512 = "sha512",
        /// SHA-3, 256 bits.
        Sha3_256 = "sha3_256",
        /// SHA-3, 384 bits.
        Sha3_384 = "sha3_384",
        /// SHA-3, 512 bits.
        Sha3_512 = "sha3_512",
    }
}

choice! {
    /// How bytes are written.
    pub enum Encoding {
        /// Two small hexadecimal digits a byte.
        Hex = "hex",
        /// Padded, the standard alphabet.
        Base64 = "base64",
        /// Without padding, the alphabet for addresses.
        Base64Url = "base64url",
    }
}

/// How many random bytes: 1 to [`MAX_RANDOM_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteCount(pub usize);

impl Parameter for ByteCount {
    const NAME: &'static str = "whole number";

    fn schema() -> Value {
        count::schema(1..=MAX_RANDOM_BYTES)
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        count::read(value, at, reader, 1..=MAX_RANDOM_BYTES, Some("MAX_RANDOM_BYTES")).map(Self)
    }
}

impl From<ByteCount> for Value {
    fn from(ByteCount(count): ByteCount) -> Self {
        count.into()
    }
}

/// The kind.
pub static DECLARATION: Declaration = Declaration {
    name: "crypto",
    title: "Crypto",
    group: Group::Data,
    summary: "Hashes texts, signs them with a shared secret, and makes random bytes and UUIDs.",
    docs: "`random` and `uuid` come from a generator that is fit for keys, anew for every item. What a step gave is written \
           down before anybody can read it or be called with it: when a crash loses it before, nobody has seen it and the \
           step makes another value; once written down it stays, whatever is tried again behind it. Only a run that starts \
           anew because its worker was lost with its disk has others.\n\n\
           Whatever goes into `secret` should come from `$env`, which no error and no log tells.\n\n\
           Different from n8n: it also encrypts and signs with private keys and hashes files; here none of that is. Its \
           default is MD5, here SHA-256. The length of a random text is told in characters there, here in bytes before they \
           are written.",
    icon: "key-round",
    params: Params::TABLE,
    check: Params::check,
    example: Example {
        params: r#"{"action": "hmac", "value": "{{ $json.id }}.{{ $json.at }}", "secret": "it's a secret", "into": "signature"}"#,
        input: r#"[{"id": "A1", "at": 1798761600}]"#,
        output: r#"{"main": [{"id": "A1", "at": 1798761600, "signature": "cc531dd362af3fb464c9727c34d5a175c6189e28ec536605da9bd2a155500588"}]}"#,
    },
    ..COMPUTES
};
