//! The worst documents that anybody could think of: as large as may be, each hard in another way.

use domain::{
    limits::{MAX_DOCUMENT_BYTES, MAX_EXPRESSION_BYTES},
    workflow::WorkflowDocument,
};
use serde_json::{Map, Value, json};

/// What the parameters may take of a document.
const ROOM: usize = MAX_DOCUMENT_BYTES - 1024;

/// All of them, with their names.
pub(crate) fn documents() -> Vec<(&'static str, WorkflowDocument)> {
    let mut all: Vec<_> = patterns().into_iter().map(|(name, list)| (name, compares(&list))).collect();
    all.extend(expressions().into_iter().map(|(name, list)| (name, sets(list))));
    all.extend(selectors().into_iter().map(|(name, list)| (name, extracts(list))));
    all.extend(shapes());
    all
}

/// CSS selectors as long and as nested as may be.
fn selectors() -> Vec<(&'static str, Vec<String>)> {
    let nested = |open: &'static str, piece: &'static str, close: &'static str| {
        let opened = open.repeat(9);
        let rest = (990 - opened.len() - 9 * close.len()) / piece.len();
        filled(40, move |i| format!("a{i} {opened}{}b{}", piece.repeat(rest - 1), close.repeat(9)))
    };
    vec![
        ("selectors: one of many", nested(":is(", "a,", ")")),
        ("selectors: within one of many", nested(":is(a,", "b>", ")")),
        ("selectors: none of many", nested(":not(", "[a]", ")")),
        ("selectors: counted", nested(":nth-child(2n of ", "a ", ")")),
        ("selectors: not closed", nested(":where(", ":is(a),", "")),
        ("selectors: wrong at the end", nested(":where(", "a,,", ")")),
    ]
}

fn extracts(selectors: Vec<String>) -> WorkflowDocument {
    let field = |selector| json!({ "selector": selector });
    let fields: Map<_, _> = (0..).map(|i| format!("f{i}")).zip(selectors.into_iter().map(field)).collect();
    let params = json!({"action": "extract", "value": "x", "fields": fields});
    document(vec![json!({"id": "n", "type": "html", "data": {"params": params}})], &[])
}

/// As many of them as fit into a document, with what stands around each.
fn filled(around: usize, mut make: impl FnMut(usize) -> String) -> Vec<String> {
    let mut left = ROOM;
    let mut all = Vec::new();
    loop {
        let next = make(all.len());
        let bytes = next.len() + next.matches(['\\', '"', '\n']).count() + around;
        if bytes > left {
            return all;
        }
        left -= bytes;
        all.push(next);
    }
}

/// Regular expressions, all different.
pub(crate) fn patterns() -> Vec<(&'static str, Vec<String>)> {
    let many = |make: &dyn Fn(usize) -> String| filled(44, make);
    let one = |piece: &str| {
        filled(44, |_| piece.repeat((ROOM - 100) / (piece.len() + piece.matches('\\').count())))
    };
    vec![
        ("patterns: small", many(&|i| format!("^a{i}$"))),
        ("patterns: classes", many(&|i| format!(r"\w{i}"))),
        ("patterns: repeated", many(&|i| format!("(a{{1,100}}){{1,100}}{i}"))),
        ("patterns: letters", many(&|i| format!(r"\p{{L}}{{{}}}", 1000 + i))),
        ("patterns: some letters", many(&|i| format!(r"\p{{L}}{{3}}{i}"))),
        ("patterns: letters of any case", many(&|i| format!(r"(?i)\p{{L}}{i}"))),
        ("patterns: sets", many(&|i| format!(r"[\p{{L}}&&[^\p{{Lu}}]~~\w]{i}"))),
        ("patterns: one, nested", one("(?:a?")),
        ("patterns: one of classes", one(r"\p{L}")),
        ("patterns: one of classes, any case", vec![format!("(?i){}", r"\p{L}".repeat(40_000))]),
        ("patterns: one of alternatives", one("a|bc|")),
        ("patterns: the same", filled(44, |_| r"\p{L}{1000}".to_owned())),
        ("patterns: 1 KiB each", many(&|i| format!("(?i){i}{}", r"\p{L}".repeat(100)))),
    ]
}

/// Texts with expressions.
pub(crate) fn expressions() -> Vec<(&'static str, Vec<String>)> {
    let many = |make: &dyn Fn(usize) -> String| filled(12, |i| format!("{{{{{}}}}}", make(i)));
    let large = |make: &dyn Fn(usize) -> String| {
        filled(12, |i| format!("{{{{'{i}'+{}}}}}", make(MAX_EXPRESSION_BYTES - 50)))
    };
    let one = |piece: &str| {
        filled(12, |_| piece.repeat((ROOM - 100) / (piece.len() + piece.matches(['\\', '"', '\n']).count())))
    };
    let nested = |open: &'static str, close: &'static str, depth: usize| {
        move |bytes: usize| {
            let middle = open.repeat(depth);
            let rest = bytes - depth * (open.len() + close.len());
            format!("{middle}{}1{}", "1,".repeat(rest / 2), close.repeat(depth))
        }
    };
    let functions = |depth: usize, names: usize| {
        move |bytes: usize| {
            let names: Vec<_> = (0..names).map(|i| format!("a{i}")).collect();
            let mut made = format!("(()=>{{var {};", names.join(","));
            let rest = bytes - made.len() - depth * 12 - 8;
            let uses: String = names
                .iter()
                .cycle()
                .map(|name| format!("{name};"))
                .scan(0, |sum, text| {
                    *sum += text.len();
                    (*sum < rest).then_some(text)
                })
                .collect();
            made.push_str(&"(()=>{".repeat(depth));
            made.push_str(&uses);
            made.push_str(&"})".repeat(depth));
            made.push_str("})");
            made
        }
    };
    vec![
        ("expressions: small", many(&|i| format!("1+{i}"))),
        ("expressions: small texts", many(&|i| format!("'{i}'+1"))),
        ("expressions: small templates", many(&|i| format!("`{i}`"))),
        ("expressions: small patterns", many(&|i| format!("/{i}/"))),
        ("expressions: plain", many(&|i| format!("$json.a{i}"))),
        ("expressions: one text, plain", one("{{$json.a}}")),
        ("expressions: one text", one("{{1+1}}")),
        ("expressions: one text, quotes", one("{{''}}")),
        ("expressions: one text, comments", one("{{a//}}\n")),
        ("expressions: one text, braces", one("{{{}}}")),
        ("expressions: flat", large(&|bytes| "1+".repeat(bytes / 2) + "1")),
        ("expressions: round brackets", large(&nested("(", ")", 40))),
        ("expressions: square brackets", large(&nested("[", "]", 40))),
        ("expressions: round brackets, fewer", large(&nested("(", ")", 12))),
        (
            "expressions: many groups",
            large(&|bytes| format!("[{}1]", "(((((((((1))))))))),".repeat(bytes / 20 - 1))),
        ),
        ("expressions: templates", large(&|bytes| "`${1}`+".repeat(bytes / 7) + "1")),
        ("expressions: variables", large(&functions(0, 700))),
        ("expressions: variables of others", large(&functions(10, 400))),
        ("expressions: functions", large(&|bytes| format!("[{}1]", "()=>1,".repeat(bytes / 6 - 1)))),
        ("expressions: classes", large(&|bytes| format!("[{}1]", "class{},".repeat(bytes / 8 - 1)))),
        ("expressions: letters", large(&|bytes| format!("[{}1]", r"/\p{L}/u,".repeat(bytes / 10 - 1)))),
        (
            "expressions: letters of any case",
            large(&|bytes| format!("[{}1]", r"/\P{L}/iu,".repeat(bytes / 11 - 1))),
        ),
        (
            "expressions: scripts",
            large(&|bytes| format!("[{}1]", r"/\p{scx=Grek}/iv,".repeat(bytes / 18 - 1))),
        ),
        ("expressions: sets", large(&|bytes| format!("/[{}]/iv", r"\p{L}\P{Lu}".repeat(bytes / 13)))),
        ("expressions: negated classes", large(&|bytes| format!("/{}/iu", "[^a]".repeat(bytes / 4 - 2)))),
        ("expressions: nested classes", large(&|bytes| format!("/[{}]/iv", "[^a]".repeat(bytes / 4 - 2)))),
        ("expressions: words", large(&|bytes| format!("/{}/iu", r"\W".repeat(bytes / 2 - 4)))),
        ("expressions: words in a class", large(&|bytes| format!("/[{}]/iu", r"\W\D".repeat(bytes / 4 - 4)))),
        (
            "expressions: ranges",
            large(&|bytes| format!("/[{}]/iu", "\u{3b1}-\u{10000}".repeat(bytes / 7 - 4))),
        ),
        ("expressions: many patterns", large(&|bytes| format!("[{}1]", r"/[^a]/iu,".repeat(bytes / 9 - 1)))),
        ("expressions: counted", large(&|bytes| format!("/{}/", "(a{9}){9}".repeat(bytes / 9 - 1)))),
        (
            "expressions: named groups",
            large(&|bytes| {
                format!(
                    "/{}/",
                    (0..250)
                        .map(|i| format!("(?<a{i}>{})", "b".repeat(bytes / 250 - 12)))
                        .collect::<String>()
                )
            }),
        ),
        (
            "expressions: elisions",
            large(&|bytes| format!("`{}{}{}`", "${[".repeat(25), ",".repeat(bytes - 200), "]}".repeat(25))),
        ),
        (
            "expressions: elisions, deeper",
            large(&|bytes| format!("``+{}{}{}", "[".repeat(50), ",".repeat(bytes - 200), "]".repeat(50))),
        ),
        ("expressions: groups of a pattern", large(&|bytes| format!("/{}/", "(?:a*)*".repeat(bytes / 7)))),
        (
            "expressions: a nested pattern",
            large(&|bytes| format!("/{}a{}/", "(?:".repeat(60), ")*".repeat(60) + &"b".repeat(bytes - 400))),
        ),
        ("expressions: alternatives", large(&|bytes| format!("/{}a/", "a|".repeat(bytes / 2 - 2)))),
        (
            "expressions: names",
            large(&|bytes| format!("{{{}}}", (0..bytes / 9).map(|i| format!("a{i}:1,")).collect::<String>())),
        ),
        (
            "expressions: labels",
            large(&|bytes| format!("(()=>{{{}}})", "a:{b:{break a}}".repeat(bytes / 15 - 2))),
        ),
        (
            "expressions: switch",
            large(&|bytes| format!("(()=>{{switch(1){{{}}}}})", "case 1:".repeat(bytes / 7 - 4))),
        ),
        ("expressions: conditions", large(&|bytes| format!("[{}1]", "a?b:c,".repeat(bytes / 6 - 1)))),
        ("expressions: optional", large(&|bytes| format!("a{}", "?.a".repeat(bytes / 3 - 1)))),
        ("expressions: numbers", large(&|bytes| format!("{}n", "9".repeat(bytes - 2)))),
    ]
}

/// A filter that matches all of them.
fn compares(patterns: &[String]) -> WorkflowDocument {
    let condition = |pattern: &String| json!({"left": "", "op": "matches", "right": pattern});
    let list: Vec<_> = patterns.iter().map(condition).collect();
    document(vec![json!({"id": "n", "type": "filter", "data": {"params": {"where": {"all": list}}}})], &[])
}

fn sets(texts: Vec<String>) -> WorkflowDocument {
    let fields: Map<_, _> = (0..).map(|i| format!("f{i}")).zip(texts.into_iter().map(Value::from)).collect();
    document(vec![json!({"id": "n", "type": "set", "data": {"params": {"fields": fields}}})], &[])
}

/// Documents that are hard by their shape.
fn shapes() -> Vec<(&'static str, WorkflowDocument)> {
    let nodes = |count: usize, kind: &str| -> Vec<_> {
        (0..count).map(|i| json!({"id": format!("n{i}"), "type": kind})).collect()
    };
    let edge = |from: usize, to: usize| json!({"source": format!("n{from}"), "target": format!("n{to}")});
    let nest = |levels: usize, open: &str, close: &str| -> Value {
        serde_json::from_str(&format!("{}1{}", open.repeat(levels), close.repeat(levels))).unwrap_or_default()
    };
    let with = |params: Value, kind: &str| {
        document(vec![json!({"id": "n", "type": kind, "data": {"params": params}})], &[])
    };
    let ring: Vec<_> = (0..499).map(|i| edge(i, (i + 1) % 499)).collect();
    let dense: Vec<_> = (0..60).flat_map(|i| (i + 1..60).map(move |j| edge(i, j))).collect();
    let merges: Vec<_> = (0..1_999).map(|i| edge(i % 400, 400 + i / 400)).collect();
    let chain: Vec<_> = (0..2_000).map(|i| edge(i, i + 1)).collect();
    // Cycles in a row, each of which leads to all that follow it; and loops within loops.
    let first = || std::iter::once(json!({"source": "start", "target": "n0"}));
    let cycles: Vec<_> = first()
        .chain((0..498).flat_map(|i| {
            let back = (i % 2 == 1).then(|| edge(i, i - 1));
            [Some(edge(i, i + 1)), back, (i % 2 == 1).then(|| edge(i, 498))].into_iter().flatten()
        }))
        .collect();
    let nested: Vec<_> =
        first().chain((0..498).flat_map(|i| [edge(i, i + 1), edge(498 - i, 497 - i)])).collect();
    let loops: Vec<_> = first()
        .chain((0..498).flat_map(|i| {
            let port = |port: &str| {
                let mut edge = edge(i, i + 1);
                edge["sourceHandle"] = port.into();
                edge
            };
            [port("loop"), port("done")]
        }))
        .collect();
    let empty = |what: &str, bytes: usize| {
        Value::from(vec![serde_json::from_str::<Value>(what).unwrap_or_default(); ROOM / bytes])
    };
    vec![
        ("shapes: a ring", document(nodes(499, "noop"), &ring)),
        ("shapes: cycles in a row", document(nodes(499, "noop"), &cycles)),
        ("shapes: cycles within cycles", document(nodes(499, "noop"), &nested)),
        ("shapes: loops in a row", document(nodes(499, "loop"), &loops)),
        ("shapes: dense", document(nodes(499, "noop"), &dense)),
        ("shapes: merges", document(nodes(499, "merge"), &merges)),
        ("shapes: dangling", document(Vec::new(), &chain)),
        (
            "shapes: the same ids",
            document((0..499).map(|_| json!({"id": "n", "type": "noop"})).collect(), &[]),
        ),
        ("shapes: unknown kinds", document(nodes(499, "x"), &[])),
        ("shapes: too many nodes", document(nodes(8_000, "noop"), &[])),
        ("shapes: a nested value", with(json!({"fields": {"a": nest(120, "[", "]")}}), "set")),
        (
            "shapes: many nested values",
            with(json!({"fields": {"a": vec![nest(90, "{\"\":", "}"); 550]}}), "set"),
        ),
        ("shapes: empty lists", with(json!({"fields": {"a": empty("[]", 3)}}), "set")),
        ("shapes: numbers", with(json!({"fields": {"a": empty("0", 2)}}), "set")),
        ("shapes: a long path", with(json!({"remove": ["a.".repeat(ROOM / 2) + "a"]}), "set")),
        ("shapes: many paths", with(json!({"remove": vec!["a.a.a"; ROOM / 8]}), "set")),
        ("shapes: escaped dots", with(json!({"remove": [r"\.".repeat(ROOM / 3)]}), "set")),
        ("shapes: no paths", with(json!({"remove": empty("1", 2)}), "set")),
        ("shapes: conditions", with(json!({"where": {"all": empty("true", 5)}}), "if")),
        ("shapes: wrong conditions", with(json!({"where": {"all": empty("0", 2)}}), "if")),
        (
            "shapes: nested conditions",
            with(
                json!({"where": (0..15).fold(empty("true", 5), |inner, _| json!([{"all": inner}]))[0]}),
                "if",
            ),
        ),
        ("shapes: cases", with(json!({"cases": empty(r#"{"port":"a"}"#, 13)}), "switch")),
        (
            "shapes: ports of one name",
            with(json!({"cases": empty(r#"{"port":""}"#, 12), "fallback": "a"}), "switch"),
        ),
        (
            "shapes: fields of a key",
            with(json!({"mode": "by_key", "by_key": {"left": empty(r#""a""#, 4)}}), "merge"),
        ),
        ("shapes: a long duration", with(json!({"for": "1".repeat(ROOM - 10) + "s"}), "wait")),
        ("shapes: a long time", with(json!({"until": "2".repeat(ROOM - 10)}), "wait")),
        (
            "shapes: a long address",
            with(json!({"url": format!("https://a/{}", "é".repeat(ROOM / 2 - 20))}), "http_request"),
        ),
        (
            "shapes: a long host",
            with(json!({"url": format!("https://{}", "ü.".repeat(ROOM / 3 - 20))}), "http_request"),
        ),
        (
            "shapes: a host of punycode",
            with(json!({"url": format!("https://xn--{}", "a".repeat(ROOM - 60))}), "http_request"),
        ),
        (
            "shapes: a host of one letter each",
            with(json!({"url": format!("https://{}", "üa".repeat(ROOM / 3 - 20))}), "http_request"),
        ),
        (
            "shapes: statuses",
            with(json!({"url": "https://a", "accept_status": empty("\"200-299\"", 10)}), "http_request"),
        ),
        (
            "shapes: headers",
            with(
                json!({"url": "https://a", "headers": (0..20_000).map(|i| (format!("h{i}"), json!(""))).collect::<Map<_, _>>()}),
                "http_request",
            ),
        ),
        (
            "shapes: a large base64",
            with(
                json!({"url": "https://a", "body": {"base64": "A".repeat(ROOM / 4 * 4 - 100)}}),
                "http_request",
            ),
        ),
        (
            "shapes: unknown parameters",
            with(Value::Object((0..20_000).map(|i| (format!("p{i}"), json!(0))).collect()), "noop"),
        ),
        (
            "shapes: a large name",
            with(Value::Object(Map::from_iter([("p".repeat(ROOM - 100), json!(0))])), "noop"),
        ),
        (
            "shapes: mistakes in a deep place",
            with(json!({"fields": {"k".repeat(ROOM / 2): {"a": vec!["{{"; ROOM / 12]}}}), "set"),
        ),
    ]
}

fn document(mut nodes: Vec<Value>, edges: &[Value]) -> WorkflowDocument {
    nodes.push(json!({"id": "start", "type": "manual"}));
    let read = serde_json::from_value(json!({"name": "Worst", "nodes": nodes, "edges": edges}));
    read.unwrap_or_else(|error| panic!("{error}"))
}
