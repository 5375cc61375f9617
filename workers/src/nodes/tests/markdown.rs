//! `markdown`: Markdown as HTML and HTML as Markdown.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{attempt, check, fails, lineage::lineage, ports, run};
use crate::engine::Outcome;

fn gives(action: &str, text: &str, options: Value, expected: &str) {
    let mut params = json!({"action": action, "value": "{{ $json.t }}", "keep": "none"});
    params.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    check("markdown", params, json!([{ "t": text }]), json!({"main": [{ "data": expected }]}));
}

#[test]
fn markdown_becomes_html() {
    for (text, options, expected) in [
        ("# A *b*", json!({}), "<h1>A <em>b</em></h1>\n"),
        ("a\nb", json!({}), "<p>a\nb</p>\n"),
        ("a\nb", json!({"line_breaks": true}), "<p>a<br />\nb</p>\n"),
        (
            "- [x] a\n- b",
            json!({}),
            "<ul>\n<li><input disabled=\"\" type=\"checkbox\" checked=\"\"/>\na</li>\n<li>b</li>\n</ul>\n",
        ),
        ("~~a~~", json!({}), "<p><del>a</del></p>\n"),
        ("~~a~~", json!({"flavor": "commonmark"}), "<p>~~a~~</p>\n"),
        (
            "|a|\n|-|\n|b|",
            json!({}),
            "<table><thead><tr><th>a</th></tr></thead><tbody>\n<tr><td>b</td></tr>\n</tbody></table>\n",
        ),
        ("a <b>b</b>\n\n<div>c</div>", json!({}), "<p>a <b>b</b></p>\n<div>c</div>"),
        ("a <b>b</b>", json!({"html": false}), "<p>a &lt;b&gt;b&lt;/b&gt;</p>\n"),
        ("<script>alert(1)</script>", json!({"html": false}), "&lt;script&gt;alert(1)&lt;/script&gt;"),
        (
            "```rust\nlet a = \"<\";\n```",
            json!({}),
            "<pre><code class=\"language-rust\">let a = \"&lt;\";\n</code></pre>\n",
        ),
        ("", json!({}), ""),
    ] {
        gives("to_html", text, options, expected);
    }
}

#[test]
fn html_becomes_markdown() {
    for (html, expected) in [
        ("<h1>A <em>b</em></h1><h3></h3><p>c</p>", "# A *b*\n\nc"),
        ("<p>a  \n b<br>c</p><p> <b> d </b>e</p>", "a b\\\nc\n\n**d** e"),
        ("<p>a<br></p>", "a"),
        (
            "<a href='/x y(1)' title='a \"b\"'>l</a>, <a>m</a><a href=n></a>",
            "[l](/x%20y\\(1\\) \"a \\\"b\\\"\"), m",
        ),
        ("Look!<a href=x>here</a> <img src=i.png alt='a [b]'><img>", "Look\\![here](x) ![a \\[b\\]](i.png)"),
        ("<ul><li>a<li>b<ul><li>c</ul></ul>", "- a\n- b\n  - c"),
        ("<ol start=9><li>a<li><p>b</p><p>c</p></ol>", "9. a\n\n10. b\n\n    c"),
        ("<blockquote>a<blockquote>b</blockquote></blockquote>", "> a\n>\n> > b"),
        (
            "<pre><code class='language-js'>if (a) {\n  ```\n}\n</code></pre>",
            "````js\nif (a) {\n  ```\n}\n````",
        ),
        ("<p><code>a `b`</code> <s>c</s></p><hr>", "`` a `b` `` ~~c~~\n\n---"),
        (
            "<table><caption>t</caption><tr><th>a<th>b|c</tr><tr><td>1<br>2<td><b>x</b><td>y</tr></table>",
            "| a | b\\|c |  |\n| --- | --- | --- |\n| 1 2 | **x** | y |",
        ),
        ("<table><tr><td><ul><li>a</ul><td><p>b</p></table>", "- a\n\nb"),
        (
            "<ul><li><input type=checkbox checked>done<li><input type=checkbox>not</ul>",
            "- [x] done\n- [ ] not",
        ),
        (
            "1. a<p># b</p><p>- c</p><p>*d* _e_ [f] &lt;g&gt; `h` ~~i~~ &amp;amp; \\</p>",
            "1\\. a\n\n\\# b\n\n\\- c\n\n\\*d\\* \\_e\\_ \\[f\\] \\<g> \\`h\\` \\~\\~i\\~\\~ \\&amp; \\\\",
        ),
        ("<style>a</style><script>b</script><title>c</title><div>d<div>e</div>f</div>", "d\n\ne\n\nf"),
        ("<span>a<div>b</div></span>", "a b"),
        ("", ""),
    ] {
        gives("to_markdown", html, json!({}), expected);
    }
}

#[test]
fn texts_that_mean_harm_fail_by_a_limit_or_stay_small() {
    let fails_with = |action: &str, text: String| {
        let params = json!({"action": action, "value": "{{ $json.t }}"});
        fails("markdown", json!({ "params": params }), json!([{ "t": text }])).error.message
    };
    for (action, text, limit) in [
        ("to_html", "x".repeat(1024 * 1024 + 1), "MAX_MARKUP_BYTES"),
        ("to_markdown", "<div>".repeat(100_000), "MAX_MARKUP_DEPTH"),
        // Each `<` takes four bytes.
        ("to_html", "<".repeat(1024 * 1024), "MAX_STEP_OUTPUT_BYTES"),
        // Quotes in quotes grow with each.
        (
            "to_markdown",
            format!("{}{}", "<blockquote>".repeat(180), "a<br>".repeat(20_000)),
            "MAX_STEP_OUTPUT_BYTES",
        ),
    ] {
        let message = fails_with(action, text);
        assert!(message.contains(limit), "{limit}: {message}");
    }
    // As deep as it may be; and rows that are filled up with empty cells, of which there is a limit.
    let deep = ["<div>", "<b>", "<blockquote>", "<ul><li>", "<a href=x>", "<span>"];
    let deep = deep.map(|open| ("to_markdown", open.repeat(190 / open.matches('<').count()) + "x"));
    let rows = format!("|{}\n|{}\n{}", "a|".repeat(9_000), "-|".repeat(9_000), "|a|\n".repeat(100_000));
    for (action, text) in deep.into_iter().chain([("to_html", rows)]) {
        let params = json!({"action": action, "value": "{{ $json.t }}"});
        let node = json!({"type": "markdown", "data": {"params": params}});
        let outcome = run(&attempt(&node, &[(None, json!([{ "t": text }]))]));
        assert!(matches!(outcome, Outcome::Succeeded(_)), "{action} {text:.40}");
    }
}

#[test]
fn each_item_comes_from_the_one_in_its_place_and_fails_alone() {
    let params = json!({"action": "to_html", "value": "{{ $json.t }}"});
    let items = json!([{"t": "a"}, {"t": null}, {"t": 5}]);
    assert_eq!(lineage("markdown", params.clone(), &[(None, json!([{"t": "a"}, {"t": 5}]))]), json!({}));
    let failed = fails("markdown", json!({"params": params, "on_error": "continue"}), items);
    let main = ports(failed.fallback.as_ref().unwrap())["main"].clone();
    assert_eq!((&main[0]["data"], &main[2]["data"]), (&json!("<p>a</p>\n"), &json!("<p>5</p>\n")));
    assert!(failed.error.message.contains("params.value: `value` is required"), "{}", failed.error.message);
}

proptest! {
    /// Text has no meaning in Markdown that it does not have in HTML.
    #[test]
    fn the_text_of_a_paragraph_survives_both_ways(text in "[ -~é\u{a0}]{0,40}") {
        let step = |kind: &str, params: Value, item: Value| {
            let node = json!({"type": kind, "data": {"params": params}});
            match run(&attempt(&node, &[(None, json!([item]))])) {
                Outcome::Succeeded(output) => Ok(ports(&output)["main"][0].clone()),
                other => Err(TestCaseError::fail(format!("{other:?}"))),
            }
        };
        let safe = text.replace('&', "&amp;").replace('<', "&lt;");
        let html = json!({"h": format!("<p>{safe}</p>")});
        let markdown = step("markdown", json!({"action": "to_markdown", "value": "{{ $json.h }}"}), html)?;
        let html = step("markdown", json!({"action": "to_html", "value": "{{ $json.data }}"}), markdown.clone())?;
        let whole = json!({"action": "extract", "value": "{{ $json.data }}", "whitespace": "collapse", "fields": {"t": {"selector": "body"}}});
        let read = step("html", whole, html.clone())?;
        let expected = text.split_whitespace().collect::<Vec<_>>().join(" ");
        prop_assert_eq!(read["t"].as_str(), Some(expected.as_str()), "{} {}", markdown, html);
    }
}
