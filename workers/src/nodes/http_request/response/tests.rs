use std::collections::BTreeMap;

use domain::{
    kinds::{
        http_request::Response,
        params::{At, Reader},
    },
    violation::Violations,
};
use http::{HeaderValue, StatusCode, header};
use proptest::prelude::*;

use super::*;

fn answer(content_type: &str, body: &[u8]) -> Answer {
    let mut headers = HeaderMap::new();
    if !content_type.is_empty() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_bytes(content_type.as_bytes()).unwrap());
    }
    Answer {
        to: "GET http://a/b".into(),
        status: StatusCode::OK,
        headers,
        body: body.to_vec().into(),
        file: None,
    }
}

fn params(response: Response) -> Params {
    let mut violations = Violations::new();
    let given = json!({ "url": "http://a/b?token=hush-hush" });
    let read = Params::read_object(
        given.as_object().unwrap(),
        &At::root("params"),
        &mut Reader::evaluated(&mut violations),
    );
    Params { response, ..read.unwrap() }
}

fn read_as(content_type: &str, body: &[u8], format: Format) -> Result<Vec<Item>, CallFailure> {
    take(&answer(content_type, body), &params(Response { format, full: false }))
}

fn take(answer: &Answer, params: &Params) -> Result<Vec<Item>, CallFailure> {
    let body = body(answer, params, &Used::by(params, &BTreeMap::new()))?;
    Ok(items_of_whole(whole(answer, body), params.response.full))
}

#[test]
fn answers_become_items_by_their_type() {
    let check = |content_type: &str, body: &[u8], format: Format, expected: Value| {
        let found = read_as(content_type, body, format).unwrap();
        assert_eq!(json!(found), expected, "{content_type} {format:?}");
    };
    use Format::{Auto, Base64, Json, Text};
    check("application/json", br#"[{"a":1},2]"#, Auto, json!([{"a": 1}, {"data": 2}]));
    check("application/problem+json; charset=utf-8", br#"{"a":1}"#, Auto, json!([{"a": 1}]));
    check("application/json", b"[]", Auto, json!([]));
    check("text/html", b"<p>", Auto, json!([{"data": "<p>"}]));
    check("image/png", b"\x89P", Auto, json!([{"data": "iVA="}]));
    check("application/x-own; charset=latin1", b"\xe9", Auto, json!([{"data": "é"}]));
    check("", b"{}", Auto, json!([{}]));
    check("", b"plain", Auto, json!([{"data": "plain"}]));
    check("", b"\xff", Auto, json!([{"data": "/w=="}]));
    check("text/plain", b"5", Json, json!([{"data": 5}]));
    check("application/json", b"{}", Text, json!([{"data": "{}"}]));
    check("application/json", b"{}", Base64, json!([{"data": "e30="}]));
}

#[test]
fn a_blank_body_is_as_empty_as_none() {
    for blank in [&b""[..], b" ", b"\r\n", b"\xef\xbb\xbf", b"\xff\xfe\n\0"] {
        for (content_type, format) in
            [("application/json", Format::Auto), ("text/plain", Format::Json), ("", Format::Auto)]
        {
            let found = read_as(content_type, blank, format).unwrap();
            assert_eq!(json!(found), json!([{}]), "{blank:?} {content_type}");
        }
    }
    assert_eq!(json!(read_as("text/plain", b" \n", Format::Auto).unwrap()), json!([{"data": " \n"}]));
}

#[test]
fn json_is_read_by_its_mark_and_by_its_character_set_as_text_is() {
    let utf16: Vec<u8> = "{\"a\":\"é\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [&b"\xff\xfe"[..], &utf16].concat();
    for (content_type, body, expected) in [
        ("application/json", &b"\xef\xbb\xbf{\"a\":\"\xc3\xa9\"}"[..], "é"),
        ("", b"\xef\xbb\xbf{\"a\":\"\xc3\xa9\"}", "é"),
        ("application/json; charset=utf-16", &marked, "é"),
        ("application/json", &marked, "é"),
        ("application/json", &utf16, "é"),
        ("application/json; charset=ISO-8859-1", b"{\"a\":\"\xe9\"}", "é"),
        ("application/json;charset=ISO-8859-15", b"{\"a\":\"\xa4\"}", "€"),
        ("application/json; charset=\"gbk\"", b"{\"a\":\"\xd6\xd0\"}", "中"),
        ("application/json", b"{\"a\":\"\\ud83d\"}", "\u{fffd}"),
        ("application/json", b"{\"a\":\"\xe9\"}", "\u{fffd}"),
    ] {
        let found = read_as(content_type, body, Format::Auto).unwrap();
        assert_eq!(json!(found), json!([{"a": expected}]), "{content_type} {body:?}");
    }
}

#[test]
fn a_full_answer_has_its_headers_as_they_came() {
    let mut full = answer("application/json", b"[1]");
    for (name, value) in [
        ("set-cookie", &b"sid=1; Path=/"[..]),
        ("set-cookie", b"b=2"),
        ("x-csrf-token", b"abc"),
        ("link", b"<http://a/x?page=2&page_token=zz>; rel=\"next\""),
        ("link", b"</1>; rel=\"prev\""),
        ("location", b"https://app.example/cb?code=abc&state=1"),
        ("x-name", "Größe".as_bytes()),
        ("x-old", b"Gr\xf6\xdfe"),
    ] {
        full.headers.append(name, HeaderValue::from_bytes(value).unwrap());
    }
    let found = take(&full, &params(Response { format: Format::Auto, full: true })).unwrap();
    let headers = json!({
        "content-type": "application/json",
        "set-cookie": ["sid=1; Path=/", "b=2"],
        "x-csrf-token": "abc",
        "link": "<http://a/x?page=2&page_token=zz>; rel=\"next\", </1>; rel=\"prev\"",
        "location": "https://app.example/cb?code=abc&state=1",
        "x-name": "Größe",
        "x-old": "Größe",
    });
    assert_eq!(json!(found), json!([{"status": 200, "headers": headers, "body": [1]}]));
}

#[test]
fn an_answer_that_is_not_json_is_told_with_its_call_its_type_and_its_beginning() {
    let page = b"<html>\n<title>Login</title> you sent hush-hush</html>";
    for (content_type, format) in [("application/json", Format::Auto), ("text/html", Format::Json)] {
        let failed = read_as(content_type, page, format).unwrap_err();
        assert_eq!((failed.error.code.as_str(), failed.failure), ("invalid_response", Failure::Permanent));
        let (message, details) = (&failed.error.message, failed.error.details.as_ref().unwrap());
        for part in ["GET http://a/b", content_type, "53 bytes", "line 1 column 1", "response.format"] {
            assert!(message.contains(part), "{part}: {message}");
        }
        assert_eq!((&details["status"], &details["content_type"]), (&json!(200), &json!(content_type)));
        assert!(details["body"].as_str().unwrap().contains("<title>Login</title>"), "{details}");
        assert!(!format!("{failed:?}").contains("hush"), "{failed:?}");
    }
    let failed = read_as("", b"{\n \"a\": oops}", Format::Json).unwrap_err();
    assert!(failed.error.message.contains("no content type"), "{}", failed.error.message);
    assert!(failed.error.message.contains("line 2 column 7"), "{}", failed.error.message);
}

#[test]
fn an_answer_that_is_nested_too_deeply_is_told_to_be_so() {
    let deep = "[".repeat(200) + &"]".repeat(200);
    let message = read_as("application/json", deep.as_bytes(), Format::Auto).unwrap_err().error.message;
    assert!(message.contains("MAX_DEPTH") && !message.contains("not JSON"), "{message}");
}

#[test]
fn a_list_above_the_limit_of_items_is_refused_by_name() {
    let list = |count: usize| format!("[0{}]", ",0".repeat(count - 1));
    let read = |count| read_as("application/json", list(count).as_bytes(), Format::Auto);
    assert_eq!(read(MAX_ITEMS).unwrap().len(), MAX_ITEMS);
    let failed = read(MAX_ITEMS + 1).unwrap_err();
    assert_eq!((failed.error.code.as_str(), failed.failure), ("limit", Failure::Permanent));
    assert!(failed.error.message.contains("MAX_ITEMS"), "{}", failed.error.message);
}

proptest! {
    #[test]
    fn no_bytes_of_any_type_break_it(
        content_type in prop_oneof![
            prop::sample::select(vec!["", "application/json", "text/plain; charset=utf-16", "text/csv; charset=gb18030",
                "application/json; charset=shift_jis", "application/octet-stream", "x; charset=iso-2022-kr"])
                .prop_map(str::to_owned),
            "[ -~é]{0,30}",
        ],
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..100),
            "[\\[\\]{}\":,0-9a \\\\ué]{0,60}".prop_map(String::into_bytes),
        ],
        format in prop::sample::select(vec![Format::Auto, Format::Json, Format::Text, Format::Base64]),
        full in any::<bool>(),
    ) {
        let params = params(Response { format, full });
        // Characters of three bytes for each byte, and base64, are the most that can become of it.
        let most = 3 * (body.len() + 2) + 300 + 3 * content_type.len();
        match take(&answer(&content_type, &body), &params) {
            Ok(items) => prop_assert!(items.iter().all(|item| json!(item).to_string().len() <= 2 * most)),
            Err(failed) => prop_assert_eq!(failed.failure, Failure::Permanent),
        }
    }
}
