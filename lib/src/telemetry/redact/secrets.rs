//! What is secret of what is sent: told by its name, by its place, or by what it looks like.

use std::{collections::BTreeSet, fmt};

use base64::{Engine, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use url::Url;

use super::{REDACTED, Redactor, is_secret, is_secret_parameter, redactor::SHORT};

/// More secrets than these, or more bytes of them, are not looked for: nothing is told then.
const MAX_SECRETS: usize = 1_000;
const MAX_BYTES: usize = 256 * 1024;
/// So many letters and digits without anything in between, of both kinds, are no word that anybody has thought of.
const OPAQUE: usize = 16;
/// What looks like a secret and is longer than this is a text that holds something of the kind, not a secret as a whole.
const LONGEST_OPAQUE: usize = 4 * 1024;
/// A cookie is secret if its name says so, or if it is that long.
const LONG_COOKIE: usize = 8;
/// A number of fewer digits is an amount rather than a code, whatever its name says.
const LONG_NUMBER: usize = 6;

/// Values that must not be told, each with the name it goes by if it has one.
#[derive(Default)]
pub struct Secrets {
    values: BTreeSet<(String, Option<String>)>,
    bytes: usize,
}

impl Secrets {
    /// What keeps them out of texts.
    #[must_use]
    pub fn redactor(&self) -> Redactor {
        if self.is_full() { Redactor::of_everything() } else { Redactor::new(&self.values) }
    }

    fn is_full(&self) -> bool {
        self.values.len() > MAX_SECRETS || self.bytes > MAX_BYTES
    }

    /// A value that is secret whatever it is called.
    pub fn add(&mut self, value: &str) {
        self.insert(value, None);
    }

    /// A secret with its name.
    pub fn named(&mut self, name: &str, value: &str) {
        self.insert(value, Some(name));
    }

    fn insert(&mut self, value: &str, name: Option<&str>) {
        let value = value.trim();
        // What stands in a secret's place tells nothing.
        let is_said_anyway = value.chars().count() >= SHORT && REDACTED.contains(value);
        if value.is_empty() || is_said_anyway || self.is_full() {
            return;
        }
        if self.values.insert((value.to_owned(), name.map(str::to_owned))) {
            self.bytes += value.len();
        }
    }

    /// A header: secret if its name says so, or if its value looks like a secret.
    pub fn header(&mut self, name: &str, value: &str) {
        if !is_secret(name) {
            if is_opaque(value) {
                self.named(name, value);
            }
            return;
        }
        self.named(name, value);
        if name.eq_ignore_ascii_case("cookie") {
            for (name, value) in value.split(';').filter_map(|pair| pair.split_once('=')) {
                let value = value.trim().trim_matches('"');
                if is_secret(name) || value.len() >= LONG_COOKIE {
                    self.named(name.trim(), value);
                }
            }
            return;
        }
        // `Bearer x`, `Basic x`, `Digest a="x", b="y"`: what follows the scheme is the secret, not the scheme.
        let Some((scheme, credentials)) = value.trim().split_once(char::is_whitespace) else { return };
        self.add(credentials);
        if scheme.eq_ignore_ascii_case("basic")
            && let Ok(decoded) = BASE64_STANDARD.decode(credentials.trim())
            && let Ok(pair) = String::from_utf8(decoded)
        {
            let (user, password) = pair.split_once(':').unwrap_or((&pair, ""));
            self.login(user, password);
        }
        for (name, value) in credentials.split(',').filter_map(|pair| pair.split_once('=')) {
            let (name, value) = (name.trim(), value.trim().trim_matches('"'));
            if is_secret(name) || name.eq_ignore_ascii_case("response") || is_opaque(value) {
                self.named(name, value);
            }
        }
    }

    /// A user and a password, as HTTP Basic sends them. Without a password, the user is one.
    pub fn login(&mut self, user: &str, password: &str) {
        if password.is_empty() || is_opaque(user) {
            self.add(user);
        }
        if !password.is_empty() {
            self.named("password", password);
        }
        self.add(&format!("{user}:{password}"));
    }

    /// A parameter of an address or a field of a form.
    pub fn parameter(&mut self, name: &str, value: &str) {
        if is_secret_parameter(name) || (value.len() <= LONGEST_OPAQUE && is_opaque(value)) {
            self.named(name, value);
        }
    }

    /// An address: its login, parameters, and those pieces of its path that look like secrets, such as the last one of
    /// a chat's webhook.
    pub fn url(&mut self, url: &Url) {
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        if !url.username().is_empty() || url.password().is_some() {
            self.login(&decode(url.username()), &decode(url.password().unwrap_or_default()));
        }
        for (name, value) in url.query_pairs() {
            self.parameter(&name, &value);
        }
        // Where tokens stand that a login hands out.
        for (name, value) in url::form_urlencoded::parse(url.fragment().unwrap_or_default().as_bytes()) {
            self.parameter(&name, &value);
        }
        for piece in url.path().split('/').map(decode).filter(|piece| is_opaque(piece)) {
            self.add(&piece);
        }
    }

    /// An address as it is written, which may lack its beginning.
    pub fn address(&mut self, text: &str) {
        let nowhere = Url::parse("http://h/").ok();
        if let Ok(url) = Url::options().base_url(nowhere.as_ref()).parse(text.trim()) {
            self.url(&url);
        }
    }

    /// Those addresses in a text that have a login or parameters, such as in a header `Link` or `Refresh`.
    pub fn addresses(&mut self, text: &str) {
        let ends = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '\'');
        let pieces = text.split(ends).map(|piece| piece.trim_end_matches([',', ';']));
        for piece in pieces.filter(|piece| piece.contains(['?', '@'])) {
            self.address(piece);
            // `url=https://…`, `/login?next=https://…`
            let lower = piece.to_ascii_lowercase();
            if let Some(start @ 1..) = SCHEMES.iter().filter_map(|scheme| lower.find(scheme)).min() {
                self.address(&piece[start..]);
            }
        }
    }

    /// What in a document is called a secret, and the logins and parameters of its addresses.
    pub fn json(&mut self, value: &Value) {
        match value {
            Value::String(text) if is_address(text) => self.address(text),
            Value::Array(list) => list.iter().for_each(|value| self.json(value)),
            Value::Object(object) => {
                for (name, value) in object {
                    if is_secret(name) { self.all_of(name, value) } else { self.json(value) }
                }
                // `{"name": "password", "value": "…"}`, as forms and lists of headers are often written.
                let name = ["name", "key"].into_iter().find_map(|name| object.get(name)?.as_str());
                if let (Some(name), Some(value)) = (name.filter(|name| is_secret(name)), object.get("value"))
                {
                    self.all_of(name, value);
                }
            }
            Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {}
        }
    }

    /// Everything below a name that says that it is secret.
    fn all_of(&mut self, name: &str, value: &Value) {
        match value {
            Value::String(text) => self.named(name, text),
            Value::Number(number) => {
                let text = number.to_string();
                if text.len() >= LONG_NUMBER {
                    self.named(name, &text);
                }
            }
            Value::Array(list) => list.iter().for_each(|value| self.all_of(name, value)),
            Value::Object(object) => object.values().for_each(|value| self.all_of(name, value)),
            Value::Bool(_) | Value::Null => {}
        }
    }

    /// A text that may be JSON, a form, XML, a list of settings: the values that stand behind names of secrets.
    pub fn body(&mut self, text: &str) {
        if let Ok(json @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text) {
            return self.json(&json);
        }
        let mut rest = text;
        while let Some(from) = rest.find(is_of_name) {
            rest = &rest[from..];
            let (name, behind) = rest.split_at(rest.find(|c| !is_of_name(c)).unwrap_or(rest.len()));
            rest = behind;
            if is_secret_parameter(name)
                && let Some(value) = value_behind(behind)
            {
                self.named(name, value);
            }
        }
    }
}

/// Without them.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("values", &self.values.len()).finish_non_exhaustive()
    }
}

const fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// The value behind a name: `="x"`, `: x`, `>x<`.
fn value_behind(text: &str) -> Option<&str> {
    let text = text.trim_start_matches(['"', '\'']).trim_start_matches([' ', '\t']);
    let text = text.strip_prefix(['=', ':', '>'])?.trim_start_matches([' ', '\t']);
    let (text, end): (_, &[char]) = match text.strip_prefix(['"', '\'']) {
        Some(quoted) => (quoted, &['"', '\'', '\n']),
        None => (text, &['&', ';', ',', '<', '}', ' ', '\t', '\r', '\n']),
    };
    Some(text.split(end).next().unwrap_or_default()).filter(|value| !value.is_empty())
}

/// How an address begins, in small letters.
const SCHEMES: [&str; 2] = ["http://", "https://"];

fn is_address(text: &str) -> bool {
    let text = text.trim_start().as_bytes();
    let begins =
        |scheme: &str| text.get(..scheme.len()).is_some_and(|it| it.eq_ignore_ascii_case(scheme.as_bytes()));
    SCHEMES.into_iter().any(begins)
}

/// Whether a value looks like a key or a token, whatever it is called.
pub(super) fn is_opaque(value: &str) -> bool {
    value.split(|c: char| !c.is_ascii_alphanumeric()).any(|run| {
        run.len() >= OPAQUE
            && run.bytes().any(|byte| byte.is_ascii_digit())
            && run.bytes().any(|byte| byte.is_ascii_alphabetic())
    })
}
