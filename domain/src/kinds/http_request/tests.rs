use serde_json::json;

use super::*;
use crate::{
    kinds::{
        Kind,
        params::{At, Checker, Reader},
    },
    violation::{Violation, Violations},
};

/// What is wrong with the parameters of a saved document: path and code of each.
fn saved(params: &Value) -> Vec<(String, String)> {
    let mut violations = Violations::new();
    let mut checker = Checker::default();
    let mut reader = Reader::saved(&mut violations, &mut checker);
    Kind::HttpRequest.check(params.as_object().unwrap(), "p", &mut reader);
    violations.into_vec().into_iter().map(|Violation { path, code, .. }| (path, code.to_string())).collect()
}

fn evaluated(params: &Value) -> Result<Params, Vec<Violation>> {
    let mut violations = Violations::new();
    let mut reader = Reader::evaluated(&mut violations);
    let read = Params::read_object(params.as_object().unwrap(), &At::root("params"), &mut reader);
    violations.or(read).map(|read| read.expect("no violation means parameters"))
}

#[test]
fn every_mistake_of_saved_parameters_is_found_with_its_place() {
    let check = |params: Value, expected: &[(&str, &str)]| {
        let expected: Vec<_> = expected.iter().map(|(path, code)| ((*path).into(), (*code).into())).collect();
        assert_eq!(saved(&params), expected, "{params}");
    };
    check(json!({"url": "https://a.example"}), &[]);
    check(json!({}), &[("p.url", "required")]);
    check(json!({"url": 5}), &[("p.url", "invalid_value")]);
    check(json!({"url": "ftp://a"}), &[("p.url", "invalid_url")]);
    check(json!({"url": "a.example/{{ $json.x }}"}), &[("p.url", "invalid_url")]);
    check(json!({"url": "{{ $json.url }}"}), &[]);
    check(json!({"url": "https://a/{{ $json.x"}), &[("p.url", "invalid_expression")]);
    check(json!({"url": "https://a", "method": "FETCH"}), &[("p.method", "invalid_value")]);
    check(
        json!({"url": "https://a", "credential": "x", "pagination": {}, "batch": {}}),
        &[("p.credential", "invalid_value"), ("p.pagination", "required"), ("p.batch.size", "required")],
    );
    check(
        json!({"url": "https://a", "pagination": "{{ x }}", "batch": {"size": "{{ 5 }}", "pause": "{{ x }}"}}),
        &[
            ("p.pagination", "invalid_value"),
            ("p.batch.size", "invalid_value"),
            ("p.batch.pause", "invalid_value"),
        ],
    );
    check(
        json!({"url": "https://a", "pagination": {
            "next_url": 5, "query": {"a": {}}, "headers": {"Host": "x"}, "body": {"a..b": 1}, "until": "full",
            "last_status": "none", "max_pages": 1001, "pause": 3, "limit": 9,
        }, "batch": {"size": 0}}),
        &[
            ("p.pagination.next_url", "invalid_value"),
            ("p.pagination.query.a", "invalid_value"),
            ("p.pagination.headers.Host", "invalid_header"),
            ("p.pagination.body.a..b", "invalid_path"),
            ("p.pagination.until", "invalid_value"),
            ("p.pagination.last_status", "invalid_value"),
            ("p.pagination.max_pages", "invalid_value"),
            ("p.pagination.pause", "invalid_value"),
            ("p.pagination.limit", "unknown_parameter"),
            ("p.batch.size", "invalid_value"),
        ],
    );
    check(
        json!({"url": "https://a", "pagination": {"next_url": "{{ a b }}"}}),
        &[("p.pagination.next_url", "invalid_expression")],
    );
    check(
        json!({"url": "https://a", "query": {"a": {}, "b": "{{ x }}"}, "headers": {"a b": "x", "Host": "y", "x-ok": "{{ $json.t }}", "x-bad": "a\nb"}}),
        &[
            ("p.query.a", "invalid_value"),
            ("p.headers.a b", "invalid_header"),
            ("p.headers.Host", "invalid_header"),
            ("p.headers.x-bad", "invalid_header"),
        ],
    );
    check(json!({"url": "https://a", "query": []}), &[("p.query", "invalid_value")]);
    check(
        json!({"url": "https://a", "query": {"a": ["{{ x }}", {}]}, "accept_status": ["{{ x }}", "ok"], "body": {"multipart": {"a": ["{{ x }}", {"text": 1, "x": 2}, [], null]}}}),
        &[
            ("p.query.a[1]", "invalid_value"),
            ("p.body.multipart.a[1].x", "unknown_parameter"),
            ("p.body.multipart.a[2]", "invalid_value"),
            ("p.body.multipart.a[3]", "invalid_value"),
            ("p.accept_status[1]", "invalid_value"),
        ],
    );
    check(json!({"url": "https://a", "body": {"json": 1, "text": "x"}}), &[("p.body", "invalid_body")]);
    check(json!({"url": "https://a", "body": {}}), &[("p.body", "invalid_body")]);
    check(json!({"url": "https://a", "body": {"json": null}}), &[]);
    check(
        json!({"url": "https://a", "body": {"xml": "x", "text": "{{ 1 }}"}}),
        &[("p.body.xml", "unknown_parameter")],
    );
    check(json!({"url": "https://a", "body": {"base64": "%"}}), &[("p.body.base64", "invalid_value")]);
    check(
        json!({"url": "https://a", "body": {"multipart": {"a": "x", "f": {"text": "x", "base64": "eA=="}, "g": {"text": "x", "name": "y"}}}}),
        &[("p.body.multipart.f", "invalid_body"), ("p.body.multipart.g.name", "unknown_parameter")],
    );
    check(
        json!({"url": "https://a", "response": {"format": "xml", "full": "yes", "as": 1}}),
        &[
            ("p.response.format", "invalid_value"),
            ("p.response.full", "invalid_value"),
            ("p.response.as", "unknown_parameter"),
        ],
    );
    check(
        json!({"url": "https://a", "accept_status": [200, "2xx", "404-410", "9xx", 42, true]}),
        &[
            ("p.accept_status[3]", "invalid_value"),
            ("p.accept_status[4]", "invalid_value"),
            ("p.accept_status[5]", "invalid_value"),
        ],
    );
    check(json!({"url": "https://a", "accept_status": []}), &[("p.accept_status", "invalid_value")]);
    check(json!({"url": "https://a", "redirects": 21}), &[("p.redirects", "invalid_value")]);
    check(json!({"url": "https://a", "redirects": "maybe"}), &[("p.redirects", "invalid_value")]);
    check(json!({"url": "https://a", "retries": 3}), &[("p.retries", "unknown_parameter")]);
}

#[test]
fn evaluated_parameters_become_a_request() {
    let read = evaluated(&json!({
        "method": "post", "url": " https://a.example/x?k=1#part ", "query": {"q": "a b", "l": [1, true], "n": null},
        "headers": {"X-One": 1, "Accept": ["a", "b"]}, "body": {"form": {"f": 2.5}},
        "accept_status": ["2xx", 404], "redirects": "none", "response": {"format": "text", "full": true},
    }))
    .unwrap();
    assert_eq!(read.method, Method::Post);
    assert_eq!(read.target().as_str(), "https://a.example/x?k=1&q=a+b&l=1&l=true");
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(read.headers.0, [header("x-one", "1"), header("accept", "a"), header("accept", "b")]);
    assert_eq!(read.body, Some(Body::Form(vec![("f".into(), "2.5".into())])));
    assert_eq!(read.response, Response { format: Format::Text, full: true });
    assert_eq!(read.redirects, Redirects(None));
    assert!(read.pagination.is_none() && read.batch.is_none());
    for (status, accepted) in [(200, true), (299, true), (404, true), (300, false), (500, false)] {
        assert_eq!(read.accepts(status), accepted, "{status}");
    }
}

#[test]
fn a_form_that_an_expression_made_null_is_an_empty_one() {
    assert_eq!(saved(&json!({"url": "http://a", "body": {"form": null}})), []);
    let read = evaluated(&json!({"url": "http://a", "body": {"form": null}})).unwrap();
    assert_eq!(read.body, Some(Body::Form(Vec::new())));
}

#[test]
fn several_parts_may_have_one_name_and_null_is_none() {
    let read = evaluated(&json!({"url": "http://a", "body": {"multipart": {
        "files": [{"text": "1", "filename": "a"}, {"base64": "Mg==", "filename": "b"}, 3], "none": null, "empty": [],
        "note": true,
    }}}))
    .unwrap();
    let Some(Body::Multipart(parts)) = read.body else { panic!("{:?}", read.body) };
    let found: Vec<_> = parts.iter().map(|part| (part.name.as_str(), part.filename.as_deref())).collect();
    assert_eq!(found, [("files", Some("a")), ("files", Some("b")), ("files", None), ("note", None)]);
    assert_eq!(parts[1].content, PartContent::Bytes("2".into()));
    assert_eq!(parts[3].content, PartContent::Text("true".into()));
}

#[test]
fn defaults_are_a_get_that_follows_redirects_and_takes_what_is_below_400() {
    let read = evaluated(&json!({"url": "http://a"})).unwrap();
    assert_eq!((read.method, read.redirects, read.body.is_none()), (Method::Get, Redirects(Some(5)), true));
    assert!(read.accepts(304) && !read.accepts(400));
}

#[test]
fn what_only_shows_after_evaluation_is_a_violation_then() {
    for (params, path) in [
        (json!({"url": "shop/1"}), "params.url"),
        (json!({"url": "http://a", "headers": {"x": "a\r\nb: c"}}), "params.headers.x"),
        (json!({"url": "http://a", "body": {"base64": 5}}), "params.body.base64"),
        (json!({"url": "http://a", "body": 5}), "params.body"),
    ] {
        let found = evaluated(&params).unwrap_err();
        assert_eq!(found.iter().map(|one| one.path.as_str()).collect::<Vec<_>>(), [path], "{params}");
    }
}

#[test]
fn a_status_stands_alone_or_in_a_list_and_any_is_every_one() {
    let accepts = |accepted: Value, status: u16| {
        evaluated(&json!({"url": "http://a", "accept_status": accepted})).unwrap().accepts(status)
    };
    for (accepted, yes, no) in [
        (json!(404), vec![404], vec![200, 403]),
        (json!("2xx"), vec![200, 299], vec![300, 404]),
        (json!("404-410"), vec![404, 410], vec![200, 411]),
        (json!("any"), vec![100, 200, 404, 503, 599, 799], vec![]),
        (json!([201, "any"]), vec![201, 500], vec![]),
    ] {
        assert!(yes.iter().all(|status| accepts(accepted.clone(), *status)), "{accepted}");
        assert!(!no.iter().any(|status| accepts(accepted.clone(), *status)), "{accepted}");
    }
}

#[test]
fn a_status_that_ends_the_pages_is_no_failure() {
    let read = evaluated(&json!({"url": "http://a", "pagination": {"last_status": [404, "41x", "410-419"]}}));
    assert!(read.is_err(), "a class has two x");
    let read =
        evaluated(&json!({"url": "http://a", "accept_status": 200, "pagination": {"last_status": [404]}}))
            .unwrap();
    for (status, accepted, last) in [(200, true, false), (404, true, true), (410, false, false)] {
        assert_eq!((read.accepts(status), read.ends_pages(status)), (accepted, last), "{status}");
    }
}

#[test]
fn a_page_is_the_first_one_with_what_is_different() {
    let first = json!({
        "url": "https://a.example/list?a=x%20y&page=1&flag", "query": {"size": 50, "page": 1},
        "headers": {"X-Cursor": "0", "Accept": "a"}, "body": {"json": {"v": {"after": null, "n": 5}}},
    });
    let page = |different: Value, url: Option<&str>| {
        let mut violations = Violations::new();
        let object = different.as_object().unwrap();
        let read =
            Pagination::read_object(object, &At::root("p"), &mut Reader::evaluated(&mut violations)).unwrap();
        let page = evaluated(&first).unwrap().page(url.map(|url| url.parse().unwrap()), &read).unwrap();
        (page.target().to_string(), page.headers.0, page.body)
    };
    let (url, headers, body) = page(
        json!({"query": {"page": [2, 3], "new": "ü"}, "headers": {"X-CURSOR": "7"}, "body": {"v.after": "c", "w": [1]}}),
        None,
    );
    assert_eq!(url, "https://a.example/list?a=x%20y&flag&size=50&page=2&page=3&new=%C3%BC");
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(headers, [header("accept", "a"), header("x-cursor", "7")]);
    assert_eq!(body, Some(Body::Json(json!({"v": {"after": "c", "n": 5}, "w": [1]}))));

    let (url, ..) = page(json!({"query": {"size": 9}}), Some("https://a.example/next?page=2&size=1"));
    assert_eq!(url, "https://a.example/next?page=2&size=9");
    let (url, ..) = page(json!({"next_url": "x"}), Some("https://b.example/"));
    assert_eq!(url, "https://b.example/", "the query belongs to the first page's address");
}

#[test]
fn the_next_pages_form_has_other_fields_and_other_bodies_have_none() {
    let page = |body: Value, different: Value| {
        let mut violations = Violations::new();
        let different = json!({ "body": different });
        let object = different.as_object().unwrap();
        let read =
            Pagination::read_object(object, &At::root("p"), &mut Reader::evaluated(&mut violations)).unwrap();
        let params = json!({"url": "https://a.example/", "body": body});
        evaluated(&params).unwrap().page(None, &read).map(|page| page.body).map_err(|why| why.to_string())
    };
    let pairs = |pairs: &[(&str, &str)]| {
        Body::Form(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    };
    let form = json!({"form": {"a": 1, "p.n": 1, "b": 2}});
    let changed = page(form.clone(), json!({"p.n": 2, "b": [3, 4]})).unwrap();
    assert_eq!(changed, Some(pairs(&[("a", "1"), ("p.n", "2"), ("b", "3"), ("b", "4")])));
    for (body, different, said) in [
        (form, json!({"a": {"b": 1}}), "`pagination.body.a` must be a text"),
        (json!({"json": [1]}), json!({"a": 1}), "which must be an object"),
        (json!({"text": "a=1"}), json!({"a": 2}), "the request has neither"),
        (json!(null), json!({"a": 2}), "the request has neither"),
        (json!({"json": {"a": 5}}), json!({"a.b": 2}), "cannot set \"a.b\""),
    ] {
        let found = page(body.clone(), different).unwrap_err();
        assert!(found.contains(said), "{body}: {found}");
    }
}

#[test]
fn what_comes_to_nothing_says_that_there_is_no_further_page() {
    for (different, at_end) in [
        (json!({}), false),
        (json!({"next_url": "x"}), false),
        (json!({"next_url": null}), true),
        (json!({"next_url": ""}), true),
        (json!({"query": {"page": 2, "a": []}}), false),
        (json!({"query": {"page": 2, "cursor": null}}), true),
        (json!({"headers": {"x-cursor": ""}}), true),
        (json!({"body": {"offset": 0, "more": false}}), false),
        (json!({"body": {"v.after": null}}), true),
        (json!({"next_url": "x", "query": {"cursor": null}}), true),
    ] {
        assert_eq!(Pagination::is_at_end(different.as_object().unwrap()), at_end, "{different}");
    }
}
