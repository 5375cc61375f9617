//! Nodes that change values: Edit Fields, Rename Keys, Date & Time, Crypto, HTML, XML, Markdown, Code.

use serde_json::{Value, json};

use super::{fails, main};

#[test]
fn edit_fields() {
    let item = || json!([{"id": 7, "name": "Ada", "at": {"city": "Rome", "zip": "00100"}}]);
    for (params, expected) in [
        // Manual mapping, with dots and without; other fields stay, all, none, some, all but some.
        (
            json!({"fields": {"at.city": "Oslo"}}),
            json!({"id": 7, "name": "Ada", "at": {"city": "Oslo", "zip": "00100"}}),
        ),
        (
            json!({"fields": {"at\\.city": "Oslo"}}),
            json!({"id": 7, "name": "Ada", "at": {"city": "Rome", "zip": "00100"}, "at.city": "Oslo"}),
        ),
        (json!({"fields": {"x": "{{ $json.id + 1 }}"}, "keep": "none"}), json!({"x": 8})),
        (json!({"fields": {"x": true}, "keep": ["name"]}), json!({"name": "Ada", "x": true})),
        (json!({"fields": {"x": [1]}, "remove": ["at", "id"]}), json!({"name": "Ada", "x": [1]})),
        // JSON.
        (json!({"fields": "{{ $json.at }}", "keep": "none"}), json!({"city": "Rome", "zip": "00100"})),
    ] {
        main("set", params, item(), json!([expected]), json!({}));
    }
    fails(
        "set",
        json!({"fields": {"x": "{{ $json.a.b }}"}}),
        json!([{"a": {"b": 1}}, {}]),
        "expression",
        Some((json!([{"a": {"b": 1}, "x": 1}]), 1)),
    );
}

#[test]
fn rename_keys() {
    let item = || json!([{"a key": 1, "b": {"a key": 2}}]);
    main(
        "rename",
        json!({"fields": {"a key": "c"}}),
        item(),
        json!([{"b": {"a key": 2}, "c": 1}]),
        json!({}),
    );
    let pattern = |depth: Value| json!({"patterns": [{"pattern": "^A ", "replace": "", "depth": depth}]});
    main("rename", pattern(json!(0)), item(), json!([{"a key": 1, "b": {"a key": 2}}]), json!({}));
    let any_case = json!({"patterns": [{"pattern": "(?i)^A ", "replace": ""}]});
    main("rename", any_case, item(), json!([{"key": 1, "b": {"key": 2}}]), json!({}));
}

#[test]
fn date_and_time() {
    let date = || json!([{"d": "1986-09-04T10:20:30.500Z"}]);
    let of = |mut params: Value| {
        params["value"] = json!("{{ $json.d }}");
        params["keep"] = json!("none");
        params
    };
    for (params, expected) in [
        (json!({"action": "format", "format": "MM/dd/yyyy"}), json!("09/04/1986")),
        (json!({"action": "format", "format": "yyyy/MM/dd"}), json!("1986/09/04")),
        (json!({"action": "format", "format": "MMMM dd yyyy"}), json!("September 04 1986")),
        (json!({"action": "format", "format": "MM-dd-yyyy"}), json!("09-04-1986")),
        (json!({"action": "format", "format": "yyyy-MM-dd"}), json!("1986-09-04")),
        (json!({"action": "format", "format": "X"}), json!("526213230")),
        (json!({"action": "add", "amount": 1, "unit": "month"}), json!("1986-10-04T10:20:30.500Z")),
        (json!({"action": "subtract", "amount": 2, "unit": "week"}), json!("1986-08-21T10:20:30.500Z")),
        (json!({"action": "extract", "part": "year"}), json!(1986)),
        (json!({"action": "extract", "part": "week"}), json!(36)),
        (json!({"action": "extract", "part": "hour"}), json!(10)),
        (json!({"action": "round", "unit": "month"}), json!("1986-09-01T00:00:00.000Z")),
        (json!({"action": "round", "unit": "hour", "direction": "up"}), json!("1986-09-04T11:00:00.000Z")),
        (
            json!({"action": "between", "end": "1987-12-17T10:20:30.500Z", "units": ["year", "month", "day"]}),
            json!({"years": 1, "months": 3, "days": 13}),
        ),
    ] {
        main("date_time", of(params), date(), json!([{ "data": expected }]), json!({}));
    }
    fails(
        "date_time",
        of(json!({"action": "parse"})),
        json!([{"d": "x"}]),
        "invalid_date",
        Some((json!([]), 1)),
    );
}

#[test]
fn crypto() {
    let item = || json!([{"t": "abc"}]);
    for (params, expected) in [
        (
            json!({"action": "hash", "algorithm": "md5", "value": "{{ $json.t }}"}),
            "900150983cd24fb0d6963f7d28e17f72",
        ),
        (
            json!({"action": "hash", "algorithm": "sha256", "encoding": "base64", "value": "{{ $json.t }}"}),
            "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
        ),
    ] {
        main("crypto", params, item(), json!([{"t": "abc", "data": expected}]), json!({}));
    }
    let of = json!({"action": "hash", "value": "{{ $json.t }}"});
    fails("crypto", of, json!([{"t": [1]}]), "invalid_params", Some((json!([]), 1)));
}

#[test]
fn html() {
    let page = || json!([{"h": "<ul><li class='x'> one <b>1</b></li><li>two</li></ul><input value='v'>"}]);
    let of = |field: Value| json!({"action": "extract", "value": "{{ $json.h }}", "keep": "none", "fields": {"x": field}});
    for (field, expected) in [
        (json!({"selector": "li", "all": true}), json!(["one 1", "two"])),
        (json!({"selector": "li"}), json!("one 1")),
        (json!({"selector": "li", "skip": "b"}), json!("one")),
        (json!({"selector": "li", "get": "html"}), json!("one <b>1</b>")),
        (json!({"selector": "li", "get": "attribute", "attribute": "class"}), json!("x")),
        (json!({"selector": "input", "get": "value"}), json!("v")),
        (json!({"selector": "h9"}), json!(null)),
    ] {
        main("html", of(field), page(), json!([{ "x": expected }]), json!({}));
    }
    let two = json!([{"h": "<p>a</p>"}, {"h": {}}, {"h": "<p>b</p>"}]);
    fails(
        "html",
        of(json!({"selector": "p"})),
        two,
        "invalid_params",
        Some((json!([{"x": "a"}, {"x": "b"}]), 1)),
    );
}

#[test]
fn xml_and_markdown() {
    let xml = json!([{"x": "<a b='1'><c>2</c></a>"}]);
    let read = |more: Value| {
        let mut params = json!({"action": "to_json", "value": "{{ $json.x }}"});
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        params
    };
    for (more, expected) in [
        // The root is there, attributes are merged, what comes once is no list.
        (json!({}), json!({"a": {"b": "1", "c": "2"}})),
        (json!({"lists": true, "attributes": "group"}), json!({"a": {"$": {"b": "1"}, "c": ["2"]}})),
        (json!({"without_root": true, "attributes": "drop"}), json!({"c": "2"})),
    ] {
        main("xml", read(more), xml.clone(), json!([expected]), json!({}));
    }
    let written = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a>\n  <b>1</b>\n</a>";
    main(
        "xml",
        json!({"action": "to_xml"}),
        json!([{"a": {"b": 1}}]),
        json!([{ "data": written }]),
        json!({}),
    );
    fails("xml", read(json!({})), json!([{"x": "<a>"}]), "invalid_xml", Some((json!([]), 1)));

    let of = |action: &str| json!({"action": action, "value": "{{ $json.t }}", "keep": "none"});
    main(
        "markdown",
        of("to_html"),
        json!([{"t": "**a**"}]),
        json!([{"data": "<p><strong>a</strong></p>\n"}]),
        json!({}),
    );
    main("markdown", of("to_markdown"), json!([{"t": "<b>a</b>"}]), json!([{"data": "**a**"}]), json!({}));
    fails("markdown", of("to_html"), json!([{"t": null}]), "invalid_params", Some((json!([]), 1)));
}

#[test]
fn code() {
    let two = || json!([{"n": 1}, {"n": 2}]);
    let all = |source: &str| json!({ "source": source });
    let each = |source: &str| json!({"mode": "each", "source": source});
    // As many as came in: each from the one in its place. One that was made of all: from nowhere.
    main(
        "code",
        all("return $input.all().map(i => ({ m: i.n }))"),
        two(),
        json!([{"m": 1}, {"m": 2}]),
        json!({}),
    );
    main("code", all("return { sum: 3 }"), two(), json!([{"sum": 3}]), json!([[]]));
    main("code", all("return $input.all().slice(1)"), two(), json!([{"n": 2}]), json!([[[0, 1]]]));
    main("code", each("return { m: $json.n }"), two(), json!([{"m": 1}, {"m": 2}]), json!({}));
    let throws = each("if ($json.n > 1) throw new Error('no'); return $json");
    fails("code", throws, two(), "code", Some((json!([{"n": 1}]), 1)));
    fails("code", all("throw new Error('no')"), two(), "code", None);
}
