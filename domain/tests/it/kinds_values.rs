//! Parameters to hold schemas and validation against each other with.

use serde_json::{Value, json};

use crate::kinds_agree::http;

/// Parameters with all that may be in them.
pub(crate) fn rich() -> Vec<(&'static str, Value)> {
    let mut rich = vec![
        ("noop", json!({})),
        (
            "webhook",
            json!({
                "methods": ["GET", "POST"], "path": "orders/:id/*rest", "respond": "at_once", "raw_body": true,
                "reply": {"status": 201, "headers": {"x-a": "b"}, "body": {"a": ["{{ x }}"]}},
                "auth": {"type": "jwt", "credential": "018f3c3e-0000-7000-8000-000000000001"}, "allowed_origins": ["https://a.example"],
                "signature": {"preset": "github", "credential": "018f3c3e-0000-7000-8000-000000000002", "tolerance": "5m", "delivery": "signature"},
            }),
        ),
        (
            "webhook",
            json!({"signature": {
                "credential": "018f3c3e-0000-7000-8000-000000000003", "header": "x-s", "algorithm": "sha512", "encoding": "base64", "prefix": "v1=",
                "separator": ",", "signed": "a.{body}", "timestamp_header": "x-t", "timestamp_prefix": "t=",
                "id_header": "x-i", "secret_encoding": "base64", "preset": "custom",
            }}),
        ),
        (
            "schedule",
            json!({
                "cron": "*/5 9-17 * * MON-FRI", "timezone": "Europe/Berlin", "start": "2026-01-01T00:00:00Z",
                "end": "2028-01-01T00:00:00Z", "jitter": "90s", "misfire": "fire_all", "catch_up": "2d",
            }),
        ),
        ("schedule", json!({"every": "90s", "misfire": "skip"})),
        ("respond", json!({"status": 404, "headers": {"x-a": ["b", 1]}, "body": {"a": ["{{ x }}"]}})),
        ("fail", json!({"message": "x", "details": {"a": [1]}})),
        ("if", json!({"where": {"all": [{"left": 1, "op": "eq", "right": 2}, {"any": [true, "{{ x }}"]}]}})),
        (
            "if",
            json!({"where": {"left": "a", "op": "not_matches", "right": "b"}, "types": "strict", "ignore_case": true}),
        ),
        ("filter", json!({"where": {"left": [1], "op": "not_empty"}, "types": "loose", "ignore_case": true})),
        (
            "switch",
            json!({
                "cases": [
                    {"port": "x", "where": {"left": 1, "op": "after", "right": "2026-01-01"}},
                    {"port": "y", "where": "{{ x }}"},
                ],
                "fallback": "z", "all_matching": true, "types": "loose", "ignore_case": false,
            }),
        ),
        ("set", json!({"fields": {"a.b": {"c": 1}, "d": null}, "keep": ["a", "b.c"], "remove": ["d"]})),
        ("set", json!({"keep": "none"})),
        ("merge", json!({"mode": "by_key", "by_key": {"left": "a", "right": "b"}, "join": "anti"})),
        (
            "merge",
            json!({"mode": "by_key", "by_key": {"left": ["a", "b.c"]}, "join": "right", "matches": "first", "clash": "left"}),
        ),
        ("merge", json!({"mode": "by_position", "join": "left", "clash": "suffix"})),
        ("merge", json!({"mode": "combinations", "clash": "right"})),
        ("merge", json!({"mode": "choose", "input": "right"})),
        ("merge", json!({"mode": "append"})),
        ("merge", json!({"mode": null, "by_key": null, "join": null, "input": null})),
        ("loop", json!({"batch": 7, "max_iterations": 100_000})),
        (
            "call_workflow",
            json!({"workflow_id": "018f3c3e-0000-7000-8000-00000000000A", "mode": "each", "concurrency": 100, "wait": false}),
        ),
        ("call_workflow", json!({"workflow_id": "{{ $json.id }}", "mode": "once"})),
        ("split", json!({"field": "p", "as": "q", "keep": "all"})),
        ("split", json!({"field": ["p.q"], "as": ["r"], "keep": ["s", "{{ x }}"]})),
        (
            "aggregate",
            json!({
                "into": "p", "fields": "all", "except": ["q"], "values": {"r.s": "t"}, "merge_lists": true,
                "keep_missing": true, "group_by": ["u"],
            }),
        ),
        ("aggregate", json!({"into": "p", "fields": ["q", "r"]})),
        (
            "sort",
            json!({"by": [{"field": "p", "order": "descending", "case_sensitive": true}, {"field": "q"}]}),
        ),
        ("sort", json!({"by": "random"})),
        ("limit", json!({"count": 3, "from": "last"})),
        ("dedupe", json!({"fields": "all", "except": ["p"], "keep": "last"})),
        ("dedupe", json!({"fields": ["p"]})),
        (
            "summarize",
            json!({
                "values": {
                    "p": {"op": "sum", "field": "q"}, "r": {"op": "count"},
                    "s": {"op": "concatenate", "field": "q", "separator": "; ", "include_empty": true},
                },
                "group_by": ["t"], "skip_missing": true, "output": "one_item",
            }),
        ),
        (
            "rename",
            json!({"fields": {"p": "q.r"}, "patterns": [{"pattern": "^(a)", "replace": "$1_", "depth": 2}]}),
        ),
        ("code", json!({"mode": "each", "source": "return { a: `{{ ${1} }}` }"})),
        ("code", json!({"mode": null, "source": "// {{ no template"})),
        (
            "date_time",
            json!({"action": "now", "include_time": false, "timezone": "Europe/Berlin", "as": "unix"}),
        ),
        (
            "date_time",
            json!({"action": "parse", "value": "1.2.2026", "from": "d.M.yyyy", "into": "a.b", "keep": ["a"]}),
        ),
        ("date_time", json!({"action": "format", "value": 5, "format": "yyyy"})),
        (
            "date_time",
            json!({"action": "subtract", "value": "{{ x }}", "amount": 2, "unit": "hour", "as": "unix_ms"}),
        ),
        ("date_time", json!({"action": "extract", "value": "{{ x }}", "part": "week", "keep": "none"})),
        ("date_time", json!({"action": "between", "value": "a", "end": "b", "units": ["day", "{{ x }}"]})),
        ("date_time", json!({"action": "round", "value": "a", "unit": "month", "direction": "up"})),
        ("crypto", json!({"action": "hash", "value": 5, "algorithm": "md5", "encoding": "base64"})),
        ("crypto", json!({"action": "hmac", "value": "a", "secret": "{{ x }}", "into": "a", "keep": "all"})),
        ("crypto", json!({"action": "random", "bytes": 1024, "encoding": "base64url"})),
        ("crypto", json!({"action": "uuid"})),
        (
            "html",
            json!({
                "action": "extract", "value": "x", "whitespace": "collapse", "keep": ["a"],
                "fields": {
                    "a.b": {"selector": "h1", "get": "text", "all": true, "skip": "b"},
                    "c": {"selector": "a", "get": "attribute", "attribute": "href"},
                },
            }),
        ),
        (
            "html",
            json!({"action": "table", "columns": ["a", "b.c"], "capitalize": true, "caption": "x", "into": "t"}),
        ),
        (
            "xml",
            json!({
                "action": "to_json", "value": "<a/>", "attributes": "group", "attributes_key": "$", "text_key": "_",
                "lists": true, "without_root": true, "lowercase": true, "whitespace": "trim", "into": "a", "keep": "all",
            }),
        ),
        (
            "xml",
            json!({
                "action": "to_xml", "object": {"a": 1}, "root": "r", "declaration": false, "pretty": false, "cdata": true,
            }),
        ),
        (
            "markdown",
            json!({
                "action": "to_html", "value": "x", "flavor": "commonmark", "html": false, "line_breaks": true,
                "into": "a", "keep": "none",
            }),
        ),
        ("markdown", json!({"action": "to_markdown", "value": true})),
        ("wait", json!({"for": "2h", "until": null})),
        ("wait", json!({"for": null, "until": "2026-12-24T18:00:00Z"})),
        ("wait", json!({"signal": {"name": "approved", "timeout": "7d"}})),
        (
            "http_request",
            http(json!({
                "method": "post", "query": {"a": 1, "b": ["c", true]}, "headers": {"x-a": "b", "x-c": ["d", 5]},
                "response": {"format": "json", "full": true}, "accept_status": [200, "3xx", "404-410"],
                "redirects": 7, "credential": "018f3c3e-0000-7000-8000-00000000000A",
                "pagination": {
                    "next_url": "{{ $response.body.next }}", "query": {"page": "{{ $pageCount }}", "a": ["b", 1]},
                    "headers": {"x-a": "b"}, "body": {"a.b": {"c": 1}}, "until": "empty", "last_status": [404],
                    "max_pages": 10, "pause": "1s",
                },
                "batch": {"size": 10, "pause": "2s"},
            })),
        ),
        (
            "http_request",
            http(json!({"accept_status": "any", "pagination": {"next_url": "x", "until": true}})),
        ),
        (
            "http_request",
            http(json!({"pagination": {"query": {"a": 1}, "last_status": 404}, "batch": {"size": 1}})),
        ),
    ];
    for body in [
        json!({"json": {"a": null}}),
        json!({"form": {"a": 1, "b": ["c"]}}),
        json!({"text": "x"}),
        json!({"base64": "eA=="}),
        json!({"multipart": {"a": "x", "b": {"text": 1, "filename": "f", "content_type": "text/plain"}, "c": {"base64": "eA=="}}}),
    ] {
        rich.push(("http_request", http(json!({"body": body}))));
    }
    rich
}

/// Values of every type, and one of every form that a text can have. None is of those that a schema cannot say.
pub(crate) fn strange() -> Vec<Value> {
    let mut strange = vec![
        json!(null),
        json!(true),
        json!(0),
        json!(5.0),
        json!(21),
        json!(200),
        json!(2.5),
        json!(-1),
        json!(1e300),
        json!([]),
        json!([null]),
        json!([5]),
        json!(["a"]),
        json!(["{{ x }}"]),
        json!([{}]),
        json!([[]]),
        json!([200, "2xx"]),
        json!({}),
        json!({"a": null}),
        json!({"a": "b"}),
        json!({"a": "{{ x }}"}),
        json!({"a": ["b", 1]}),
        json!({"{{ x }}": "b"}),
        json!({"a..b": 1}),
        json!({"left": 1, "op": "eq"}),
        json!({"left": 1, "op": "in", "right": []}),
        json!({"all": []}),
        json!({"left": "a"}),
        json!({"text": "x"}),
        json!({"base64": "eA==", "text": "x"}),
        json!({"json": 1}),
        json!({"form": {}}),
        json!({"host": 1}),
        json!({"selector": "a"}),
        json!(["day"]),
        json!({"port": "a", "where": true}),
    ];
    let texts = [
        "",
        " ",
        "a",
        "a.b",
        "a..b",
        "{{ x }}",
        "a {{ x }}",
        "https://a",
        "ftp://a",
        "GET",
        "dELETE",
        "2h",
        ".5 ms",
        "1e3s",
        "2026-12-24T18:00:00Z",
        "2026-12-24T18:00:00+25:00",
        "2026-12-24 18:00",
        "200",
        "2xx",
        "6xx",
        "200-299",
        "eA==",
        "eA=",
        "all",
        "none",
        "follow",
        "left",
        "inner",
        "append",
        "by_key",
        "choose",
        "auto",
        "error",
        "loose",
        "suffix",
        "combinations",
        "first",
        "eq",
        "exists",
        "a\nb",
        "é",
        "day",
        "to_json",
        "hash",
    ];
    strange.extend(texts.map(Value::from));
    strange
}
