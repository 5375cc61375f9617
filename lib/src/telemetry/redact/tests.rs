//! Secrets in texts of whatever form.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use serde_json::{Value, json};

use std::borrow::Cow;

use super::{view::View, *};

fn redactor(values: &[&str]) -> Redactor {
    let mut secrets = Secrets::default();
    values.iter().for_each(|value| secrets.add(value));
    secrets.redactor()
}

fn json_escaped(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// As encoders do that are afraid of everything.
fn in_unicode_escapes(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect()
}

fn percent(text: &str, set: &'static AsciiSet) -> String {
    utf8_percent_encode(text, set).to_string()
}

/// `%2F` as `%2f`.
fn in_small_letters(percent_encoded: &str) -> String {
    let mut pieces = percent_encoded.split('%');
    let first = pieces.next().unwrap().to_owned();
    pieces.fold(first, |all, piece| format!("{all}%{}{}", piece[..2].to_lowercase(), &piece[2..]))
}

fn in_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// All forms of a text, by name.
fn forms(text: &str) -> Vec<(&'static str, String)> {
    const PATH: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'%').add(b'\\').add(b'&');
    let form = url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    vec![
        ("raw", text.to_owned()),
        ("percent", percent(text, NON_ALPHANUMERIC)),
        ("percent in small letters", in_small_letters(&percent(text, NON_ALPHANUMERIC))),
        ("percent, some", percent(text, PATH)),
        ("percent twice", percent(&percent(text, NON_ALPHANUMERIC), NON_ALPHANUMERIC)),
        ("form", form),
        ("JSON", json_escaped(text)),
        ("JSON in JSON", json_escaped(&json_escaped(text))),
        ("JSON as PHP writes it", json_escaped(text).replace('/', "\\/")),
        ("JSON, all escaped", in_unicode_escapes(text)),
        ("percent in JSON", json_escaped(&percent(text, PATH))),
        ("JSON in percent", percent(&json_escaped(text), NON_ALPHANUMERIC)),
        ("HTML", in_html(text)),
        ("HTML in JSON", json_escaped(&in_html(text))),
        ("base64", BASE64_STANDARD.encode(text)),
        ("base64 for addresses", BASE64_URL_SAFE_NO_PAD.encode(text)),
        ("base64 behind 1", BASE64_STANDARD.encode(format!("u{text}~"))),
        ("base64 behind 2", BASE64_STANDARD.encode(format!("u:{text}~~"))),
        ("base64 behind 3", BASE64_STANDARD.encode(format!("me:{text}~~~"))),
        ("base64 in percent", percent(&BASE64_STANDARD.encode(format!("u:{text}")), NON_ALPHANUMERIC)),
        ("percent in base64", BASE64_STANDARD.encode(format!("u:{}&", percent(text, NON_ALPHANUMERIC)))),
        ("JSON in base64", BASE64_URL_SAFE_NO_PAD.encode(json!({ "a": text }).to_string())),
        (
            "base64 in base64",
            BASE64_STANDARD.encode(format!("Basic {}", BASE64_STANDARD.encode(format!("u:{text}")))),
        ),
        ("hexadecimal", text.bytes().map(|byte| format!("{byte:02x}")).collect()),
    ]
}

const HUSH: [&str; 8] = [
    "hush-hush-1",
    "Hush",
    "p%41ss%2Fword",
    "a\"b\\c/d+e f&g<h>'i",
    "pässwörd-鍵🔑",
    "line\nbreak\ttab",
    "xoxb+1234/abcd==",
    "0&é%AA",
];

#[test]
fn a_secret_is_found_in_every_form() {
    for secret in HUSH {
        let redactor = redactor(&[secret]);
        for (name, form) in forms(secret) {
            for (before, after) in [("", ""), ("you sent '", "', which is wrong"), ("é=", ",🔑")] {
                let told = redactor.text(&format!("{before}{form}{after}")).into_owned();
                let (start, end) = (told.find(REDACTED), told.ends_with(after));
                assert!(start == Some(before.len()) && end, "{secret:?} as {name}: {told}");
                assert!(!told.contains(&form), "{secret:?} as {name}: {told}");
            }
        }
    }
}

#[test]
fn what_is_no_secret_stays_as_it_is() {
    let redactor = redactor(&["hush-hush", "%%%%"]);
    for text in [
        "",
        "hush",
        "100 % sure \\ & so on; %zz \\u12 \\ud800 &nothing; &#x110000;",
        "{\"a\": [1, 2]}",
        "🔑é%C3",
    ] {
        assert!(matches!(redactor.text(text), Cow::Borrowed(told) if told == text), "{text}");
    }
    assert_eq!(Secrets::default().redactor().text("100%25"), "100%25");
    assert_eq!(super::tests::redactor(&["%A9abc"]).text("é éabc"), "é [redacted]", "letters stay whole");
}

#[test]
fn several_secrets_are_left_out_also_when_one_is_a_part_of_another() {
    let redactor = redactor(&["secret", "secret-token", "token-and-more"]);
    assert_eq!(redactor.text("a secret-token b"), "a [redacted] b");
    assert_eq!(redactor.text("a secret-token-and-more b secret"), "a [redacted] b [redacted]");
    assert_eq!(redactor.text(&redactor.text("a secret")), "a [redacted]", "and again changes nothing");
}

#[test]
fn short_secrets_are_left_out_where_they_are_a_value_and_do_not_destroy_texts() {
    let mut secrets = Secrets::default();
    secrets.named("pin", "12");
    secrets.named("pwd", "a");
    let redactor = secrets.redactor();
    for (text, told) in [
        ("status 12 of 1234: a test", "status 12 of 1234: a test"),
        ("?pin=12&page=12", "?pin=[redacted]&page=12"),
        ("pin=1234", "pin=1234"),
        (r#"{"pin":"12","pwd": "a","n":12}"#, r#"{"pin":"[redacted]","pwd": "[redacted]","n":12}"#),
        ("<pwd>a</pwd>", "<pwd>[redacted]</pwd>"),
        ("pwd%3Da", "pwd%3D[redacted]"),
        (" 12 ", "[redacted]"),
    ] {
        assert_eq!(redactor.text(text), told);
    }
    let mut value = json!({"pin": 12, "n": [121, "12", "12 of"], "a": "b a b"});
    redactor.json(&mut value);
    let told = json!({"pin": REDACTED, "n": [121, REDACTED, "12 of"], REDACTED: "b a b"});
    assert_eq!(value, told);
}

#[test]
fn the_beginning_of_a_text_has_no_beginning_of_a_secret() {
    let redactor = redactor(&["hush-hush-hush"]);
    let text = format!("{}hush-hush-hush and more", "x".repeat(20));
    for most in 0..=text.len() {
        let told = redactor.head(&text, most);
        assert!(!told.contains("hush"), "{most}: {told}");
        assert!(told.len() <= most + REDACTED.len());
    }
    assert_eq!(redactor.head("é", 1), "");
    let escaped = format!("{}%68%75%73%68-hush-hush", "x".repeat(20));
    assert_eq!(redactor.head(&escaped, 22), format!("{}{REDACTED}", "x".repeat(20)));
}

#[test]
fn a_long_secret_is_left_out_in_pieces() {
    let secret: String = (0..4_000_u32).map(|n| char::from(b'a' + (n * n % 23) as u8)).collect();
    let redactor = redactor(&[&secret]);
    for form in [&secret, &BASE64_STANDARD.encode(format!("u:{secret}")), &json_escaped(&secret)] {
        let told = redactor.text(&format!("before {form} after")).into_owned();
        assert_eq!(told, "before [redacted] after");
        let told = redactor.head(&format!("before {form} after"), 500).into_owned();
        assert_eq!(told, "before [redacted]");
    }
}

/// As mail and PEM files break base64.
fn in_lines(text: &str, width: usize, end: &str) -> String {
    let lines: Vec<_> =
        text.as_bytes().chunks(width).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    lines.join(end)
}

#[test]
fn base64_and_hexadecimal_are_found_also_in_lines() {
    let secret: String = (0..100_u32).map(|n| char::from(b'a' + (n * n % 23) as u8)).collect();
    let redactor = redactor(&[&secret]);
    let base64 = BASE64_STANDARD.encode(format!("u:{secret}~"));
    let hexadecimal: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    for packed in [base64, hexadecimal] {
        for (width, end) in
            [(76, "\r\n"), (64, "\n"), (60, "\n\t"), (75, "\r\n "), (76, "\\n"), (64, "%0D%0A")]
        {
            let form = in_lines(&packed, width, end);
            let told = redactor.text(&format!("you sent\n{form}\nwhich is wrong")).into_owned();
            assert!(told.starts_with("you sent\n[redacted]") && told.ends_with("\nwhich is wrong"), "{told}");
            assert!(form.split(end).all(|line| line.len() < 8 || !told.contains(line)), "{end:?}: {told}");
        }
    }
    // Words that stand below each other are none of it.
    let words = "a\nlong-list-of-words-that-is-nothing-else\nof\nwords";
    assert_eq!(redactor.text(words), words);
}

#[test]
fn a_document_keeps_its_form() {
    let redactor = redactor(&["hush-hush", "123456"]);
    let mut value = json!({
        "status": 400, "pin": 123456, "hush-hush": {"list": ["a hush-hush b", null, true, 1.5]},
        "text": "pin 123456", "escaped": "hush\\u002dhush",
    });
    redactor.json(&mut value);
    let told = json!({
        "status": 400, "pin": REDACTED, REDACTED: {"list": ["a [redacted] b", null, true, 1.5]},
        "text": "pin [redacted]", "escaped": REDACTED,
    });
    assert_eq!(value, told);
}

#[test]
fn more_secrets_than_can_be_looked_for_tell_nothing() {
    let mut secrets = Secrets::default();
    (0..2_000).for_each(|n| secrets.add(&format!("secret number {n}")));
    let redactor = secrets.redactor();
    assert_eq!(redactor.text("secret number 1999"), REDACTED);
    let mut value = json!({"a": [1, "x"]});
    redactor.json(&mut value);
    assert!(!value.to_string().contains('x'), "{value}");
}

/// The values that are found in a text of all candidates.
fn found(secrets: &Secrets, candidates: &[&str]) -> Vec<String> {
    let redactor = secrets.redactor();
    let found = candidates.iter().filter(|one| matches!(redactor.text(one), Cow::Owned(_)));
    found.map(|one| (*one).to_owned()).collect()
}

#[test]
fn headers_tell_their_secrets() {
    let digest = r#"Digest username="bob", realm="api", nonce="abcdefgh", response="6629fae49393a053""#;
    let basic = format!("Basic {}", BASE64_STANDARD.encode("bob:pass-word"));
    let user_only = format!("basic {}", BASE64_STANDARD.encode("sk_live_1:"));
    for (name, value, candidates, expected) in [
        ("Authorization", "Bearer t0k3n", &["Bearer", "t0k3n"][..], &["t0k3n"][..]),
        (
            "Authorization",
            &basic,
            &["Basic", "bob", "pass-word", "bob:pass-word"],
            &["pass-word", "bob:pass-word"],
        ),
        ("authorization", &user_only, &["sk_live_1"], &["sk_live_1"]),
        ("Authorization", digest, &["bob", "realm", "6629fae49393a053"], &["6629fae49393a053"]),
        (
            "Cookie",
            "theme=dark; sid=abcd; other=\"long-value\"",
            &["dark", "abcd", "long-value"],
            &["abcd", "long-value"],
        ),
        ("X-Api-Key", "key-1", &["key-1"], &["key-1"]),
        ("X-Custom", "SEKRETcustom9x7q", &["SEKRETcustom9x7q"], &["SEKRETcustom9x7q"]),
        ("X-Custom", "application/json", &["application/json"], &[]),
        ("Content-Type", "application/x-www-form-urlencoded", &["application", "urlencoded"], &[]),
    ] {
        let mut secrets = Secrets::default();
        secrets.header(name, value);
        assert_eq!(found(&secrets, candidates), expected, "{name}: {value}");
    }
}

#[test]
fn addresses_tell_their_secrets() {
    for (address, candidates, expected) in [
        ("https://bob:p%40ss@h/", &["bob", "p@ss", "p%40ss"][..], &["p@ss", "p%40ss"][..]),
        ("https://key-as-user@h/", &["key-as-user"], &["key-as-user"]),
        ("https://h/?access_token=hush&page=7777&q=a+b", &["hush", "7777", "a b"], &["hush"]),
        (
            "https://h/cb?code=c0de&x=SEKRETquery9x7q1",
            &["c0de", "SEKRETquery9x7q1"],
            &["c0de", "SEKRETquery9x7q1"],
        ),
        ("/next?sig=abcd", &["abcd", "next"], &["abcd"]),
        ("https://h/#access_token=hush", &["hush"], &["hush"]),
        (
            "https://h/bot123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/sendMessage",
            &["sendMessage", "bot123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"],
            &["bot123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"],
        ),
        (
            "https://h/services/T00000000/B00000000/XXXX1XXXXXXXXXXXXXXXXXXX",
            &["services", "T00000000", "XXXX1XXXXXXXXXXXXXXXXXXX"],
            &["XXXX1XXXXXXXXXXXXXXXXXXX"],
        ),
        (
            "https://h/v1/orders/0b6ac2c0-3d3f-4f9e-9f0a-8f3d2a1b4c5d",
            &["0b6ac2c0-3d3f-4f9e-9f0a-8f3d2a1b4c5d"],
            &[],
        ),
    ] {
        let mut secrets = Secrets::default();
        secrets.address(address);
        assert_eq!(found(&secrets, candidates), expected, "{address}");
    }
}

#[test]
fn a_text_keeps_everything_of_its_addresses_but_logins_and_secret_parameters() {
    for (given, kept) in [
        ("https://h/p?code=abc&page=2", "https://h/p?code=[redacted]&page=2"),
        ("/p?sv=1&sig=a%2Fb", "/p?sv=1&sig=[redacted]"),
        ("/p?access_token=x&key=y", "/p?access_token=[redacted]&key=[redacted]"),
        ("/p?X-Amz-Signature=1&X-Amz-Date=2", "/p?X-Amz-Signature=[redacted]&X-Amz-Date=2"),
        ("/p?page=2&zip_code=1&sort_key=id&q", "/p?page=2&zip_code=1&sort_key=id&q"),
        ("https://h/p me@h.example", "https://h/p me@h.example"),
        (
            "<https://h/?key=abcd>; rel=next, </p?key=efgh>",
            "<https://h/?key=[redacted]>; rel=next, </p?key=[redacted]>",
        ),
        ("/a?key=x, /b?token=y", "/a?key=[redacted], /b?token=[redacted]"),
        ("5; url=HTTPS://u:hush@h/?page=2", "5; url=HTTPS://[redacted]@h/?page=2"),
        ("/p?token=abcd&next=https://u:hush@h/", "/p?token=[redacted]&next=https://[redacted]@h/"),
    ] {
        let mut secrets = Secrets::default();
        secrets.addresses(given);
        assert_eq!(secrets.redactor().text(given), kept);
    }
}

#[test]
fn a_long_text_is_no_secret_for_what_stands_in_it() {
    let mut secrets = Secrets::default();
    let text = format!("order SEKRETcustom9x7q: {}", "word ".repeat(1_000));
    secrets.parameter("note", &text);
    assert_eq!(secrets.redactor().text(&text), text);
}

#[test]
fn bodies_tell_their_secrets() {
    let candidates = ["hush-1", "hush-2", "seen", "4096"];
    for body in [
        r#"{"client_secret": "hush-1", "auth": {"x": ["hush-2"]}, "note": "seen", "max_tokens": 4096}"#,
        r#"{"fields": [{"name": "password", "value": "hush-1"}, {"name": "note", "value": "seen"}],
            "callback": "https://u:hush-2@h/?page=seen"}"#,
        "password=hush-1&note=seen&token=hush-2",
        "<a note=\"seen\" token=\"hush-1\"><password>hush-2</password></a>",
        r#"{"callback": "HTTPS://u:hush-1@h/?page=seen", "other": " Http://h/?token=hush-2"}"#,
        "note: seen\npassword: hush-1\napi_key = 'hush-2'\n",
        r#"not quite JSON {"password": "hush-1", "token":"hush-2", "note": "seen"#,
    ] {
        let mut secrets = Secrets::default();
        secrets.body(body);
        assert_eq!(found(&secrets, &candidates), ["hush-1", "hush-2"], "{body}");
    }
}

proptest! {
    #[test]
    fn no_form_of_any_secret_is_told(secret in "[ -~é鍵]{4,40}", before in "[ -~]{0,20}", after in "[ -~]{0,20}") {
        let secret = secret.trim();
        // One that is short once it is taken for an escape itself is looked for as it stands.
        prop_assume!(View::all(secret.as_bytes()).iter().all(|view| view.bytes.len() >= 4));
        prop_assume!(secret.chars().count() >= 4 && !REDACTED.contains(secret));
        let redactor = redactor(&[secret]);
        for (name, form) in forms(secret) {
            // What stands before must not be taken for the beginning of an escape.
            let told = redactor.text(&format!("{before} {form} {after}")).into_owned();
            prop_assert!(told.contains(REDACTED), "{}: {}", name, told);
        }
    }

    #[test]
    fn whatever_the_texts_are_they_are_read_without_panic(
        secrets in prop::collection::vec(".{0,20}", 0..5), text in ".{0,200}|[%\\\\u&#;0-9a-fA-F]{0,60}", most in 0usize..300,
    ) {
        let mut all = Secrets::default();
        for secret in &secrets {
            all.add(secret);
            all.body(secret);
            all.address(secret);
            all.header("authorization", secret);
            all.header("cookie", secret);
        }
        all.body(&text);
        let redactor = all.redactor();
        let _ = redactor.head(&text, most);
        let mut value = json!([text]);
        redactor.json(&mut value);
    }
}
