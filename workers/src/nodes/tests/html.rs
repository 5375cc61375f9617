//! `html`: what selectors take out of pages, tables, and pages that mean harm.

use serde_json::{Value, json};

use super::{check, fails, lineage::lineage, ports};

const PAGE: &str = r#"<!doctype html><html><head><title>Shop</title><style>p {}</style></head><body>
  <h1 class="a  b"> The   <em>new</em>
  one </h1>
  <ul><li data-n="1">one</li><li data-n="2" hidden>two <b>!</b></li><li>three</li></ul>
  <script>var x = 1;</script><noscript><i>no script</i></noscript>
  <form><input name="q" value=" ada "><textarea>long
text</textarea><select><option value="1">a</option><option selected> b </option></select></form>
  <p>A &amp; B &lt;c&gt;</p>
</body></html>"#;

/// What is taken of the page.
fn takes(extraction: Value, expected: Value) {
    let params = json!({"action": "extract", "value": "{{ $json.page }}", "keep": "none", "fields": {"x": extraction}});
    check("html", params, json!([{"page": PAGE}]), json!({"main": [{"x": expected}]}));
}

#[test]
fn selectors_take_texts_html_attributes_and_values() {
    for (extraction, expected) in [
        (json!({"selector": "title"}), json!("Shop")),
        (json!({"selector": "h1"}), json!("The   new\n  one")),
        (json!({"selector": "h1.b", "get": "html"}), json!("The   <em>new</em>\n  one")),
        (json!({"selector": "li", "all": true}), json!(["one", "two !", "three"])),
        (json!({"selector": "li", "all": true, "skip": "b, i"}), json!(["one", "two", "three"])),
        (json!({"selector": "li:nth-child(2)", "get": "html"}), json!("two <b>!</b>")),
        (
            json!({"selector": "li", "get": "attribute", "attribute": "data-n", "all": true}),
            json!(["1", "2", null]),
        ),
        (
            json!({"selector": "li", "get": "attribute", "attribute": "hidden", "all": true}),
            json!([null, "", null]),
        ),
        (json!({"selector": "ul > li:not([data-n])"}), json!("three")),
        (json!({"selector": "li:has(b), h1", "all": true}), json!(["The   new\n  one", "two !"])),
        (
            json!({"selector": "input, textarea, select, option", "get": "value", "all": true}),
            json!(["ada", "long\ntext", "b", "1", "b"]),
        ),
        (json!({"selector": "p"}), json!("A & B <c>")),
        (json!({"selector": "p", "get": "html"}), json!("A &amp; B &lt;c&gt;")),
        (json!({"selector": "noscript > i"}), json!("no script")),
        (json!({"selector": ".none"}), json!(null)),
        (json!({"selector": ".none", "all": true}), json!([])),
    ] {
        takes(extraction, expected);
    }
}

#[test]
fn white_space_stays_goes_at_the_ends_or_is_one_space() {
    for (whitespace, expected) in
        [("keep", " The   new\n  one "), ("trim", "The   new\n  one"), ("collapse", "The new one")]
    {
        let params = json!({
            "action": "extract", "value": "{{ $json.page }}", "whitespace": whitespace, "keep": "none",
            "fields": {"title.text": {"selector": "h1"}},
        });
        check("html", params, json!([{"page": PAGE}]), json!({"main": [{"title": {"text": expected}}]}));
    }
    // Scripts are no text, even where they stand in what was selected.
    let body = json!({"action": "extract", "value": "{{ $json.page }}", "whitespace": "collapse", "keep": "none", "fields": {"x": {"selector": "body"}}});
    let all = "The new one onetwo !three no script long texta b A & B <c>";
    check("html", body, json!([{"page": PAGE}]), json!({"main": [{"x": all}]}));
}

#[test]
fn pieces_and_broken_pages_are_read_as_browsers_do() {
    for (page, selector, expected) in [
        ("<p>one<p>two", "p:nth-of-type(2)", json!("two")),
        ("<td>lost", "body", json!("lost")),
        ("<table><tr><td>a</table>", "tbody > tr > td", json!("a")),
        ("<a href=x>a<b>b</a>c</b>", "b", json!("b")),
        ("just text", "body", json!("just text")),
        ("", "html", json!("")),
        ("<p>\u{0}é😀", "p", json!("é😀")),
    ] {
        let params = json!({"action": "extract", "value": "{{ $json.page }}", "keep": "none", "fields": {"x": {"selector": selector}}});
        check("html", params, json!([{ "page": page }]), json!({"main": [{"x": expected}]}));
    }
}

#[test]
fn a_table_has_a_row_for_each_item_and_comes_from_all() {
    let items = json!([{"sku": "A1", "note": "<b>&\"'"}, {"sku": 12.0, "price": {"eur": [1]}, "none": null}]);
    let params = json!({"action": "table"});
    let expected = "<table>\n<thead>\n<tr><th>sku</th><th>note</th><th>price</th><th>none</th></tr>\n</thead>\n<tbody>\n\
                    <tr><td>A1</td><td>&lt;b&gt;&amp;&quot;&#39;</td><td></td><td></td></tr>\n\
                    <tr><td>12</td><td></td><td>{&quot;eur&quot;:[1]}</td><td></td></tr>\n</tbody>\n</table>";
    check("html", params.clone(), items.clone(), json!({"main": [{"table": expected}]}));
    assert_eq!(lineage("html", params, &[(None, items.clone())]), json!({"main": [[[0, 0], [0, 1]]]}));

    let params = json!({
        "action": "table", "columns": ["price.eur", "sku"], "capitalize": true, "caption": "{{ $json.sku }} & more", "into": "a.b",
    });
    let expected = "<table>\n<caption>A1 &amp; more</caption>\n<thead>\n<tr><th>Price.eur</th><th>Sku</th></tr>\n</thead>\n<tbody>\n\
                    <tr><td></td><td>A1</td></tr>\n<tr><td>[1]</td><td>12</td></tr>\n</tbody>\n</table>";
    check("html", params, items, json!({"main": [{"a": {"b": expected}}]}));
}

#[test]
fn mistakes_are_errors_of_their_item() {
    let extract = |fields: Value| json!({"action": "extract", "value": "{{ $json.page }}", "fields": fields});
    // Selectors that are constant are checked when the workflow is saved.
    for (fields, says) in [
        (json!({"x": {"selector": "{{ 'a[' }}"}}), ("invalid_selector", "\"a[\" is no CSS selector")),
        (json!({"x": {"selector": "{{ 'li:hover(' }}"}}), ("invalid_selector", "li:hover(")),
        (json!({"x": {"selector": "{{ $json.none }}"}}), ("invalid_params", "params.fields.x.selector")),
        (json!({"x": {"selector": "{{ 'a' + ':not(b'.repeat(11) }}"}}), ("limit", "MAX_SELECTOR_DEPTH")),
        (json!({"x": {"selector": "{{ 'a'.repeat(1001) }}"}}), ("limit", "MAX_SELECTOR_BYTES")),
        (json!({"page.x": {"selector": "a"}}), ("invalid_path", "page")),
    ] {
        let error = fails("html", json!({"params": extract(fields)}), json!([{"page": "<a>"}])).error;
        assert!(error.code == says.0 && error.message.contains(says.1), "{}: {}", error.code, error.message);
    }
    let params = extract(json!({"x": {"selector": "a"}}));
    let failed = fails(
        "html",
        json!({"params": params, "on_error": "error_port"}),
        json!([{"page": "<a>b"}, {"page": [1]}]),
    );
    let left = ports(failed.fallback.as_ref().unwrap());
    assert_eq!(
        (&left["main"][0]["x"], &left["error"][0]["error"]["code"]),
        (&json!("b"), &json!("invalid_params"))
    );
}

#[test]
fn pages_that_mean_harm_fail_by_a_limit() {
    let many: String = (0..60_000).map(|_| "<b>").collect();
    // Each of these is opened again by every paragraph.
    let open: String = (0..150).map(|n| format!("<b x{n}>")).collect();
    let repeated = format!("<p>{open}</p>{}", "<p>x</p>".repeat(5_000));
    for (page, limit) in [
        ("x".repeat(1024 * 1024 + 1), "MAX_MARKUP_BYTES"),
        (many, "MAX_MARKUP_DEPTH"),
        ("<div>".repeat(150_000), "MAX_MARKUP_DEPTH"),
        ("<table><tr><td>".repeat(10_000), "MAX_MARKUP_DEPTH"),
        (repeated, "MAX_MARKUP_NODES"),
        ("<i></i>".repeat(60_000), "MAX_MARKUP_NODES"),
    ] {
        let params =
            json!({"action": "extract", "value": "{{ $json.page }}", "fields": {"x": {"selector": "u"}}});
        let error = fails("html", json!({ "params": params }), json!([{ "page": page }])).error;
        assert!(
            error.code == "limit" && error.message.contains(limit),
            "{limit}: {}: {}",
            error.code,
            error.message
        );
    }
    // What is taken again and again from elements in each other.
    let nested = format!("{}{}", "<div>".repeat(150), "x".repeat(100_000));
    let params = json!({"action": "extract", "value": "{{ $json.page }}", "fields": {"x": {"selector": "div", "all": true}}});
    let error = fails("html", json!({ "params": params }), json!([{ "page": nested }])).error;
    assert!(error.message.contains("MAX_STEP_OUTPUT_BYTES"), "{}", error.message);
    // A cell for each field of any item, for each item.
    let items: Vec<Value> = (0..3_000).map(|n| json!({format!("f{n}"): n})).collect();
    let error = fails("html", json!({"params": {"action": "table"}}), json!(items)).error;
    assert!(error.message.contains("MAX_STEP_OUTPUT_BYTES"), "{}", error.message);
}

#[test]
fn a_selector_that_takes_too_long_is_stopped_at_the_deadline() {
    let page = "<i></i>".repeat(45_000);
    let params = json!({"action": "extract", "value": "{{ $json.page }}", "fields": {"x": {"selector": "i:nth-last-child(1) ~ b, :has(~ i ~ b)"}}});
    let error = fails("html", json!({"params": params, "timeout": "300ms"}), json!([{ "page": page }])).error;
    assert_eq!(error.code, "timeout", "{}", error.message);
}
