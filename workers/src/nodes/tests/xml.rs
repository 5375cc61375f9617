//! `xml`: documents as objects and objects as documents.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{attempt, check, fails, lineage::lineage, ports, run};
use crate::engine::Outcome;

fn with(mut params: Value, more: Value) -> Value {
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    params
}

/// What an XML text becomes.
fn becomes(xml: &str, options: Value, expected: Value) {
    let params = with(json!({"action": "to_json", "value": "{{ $json.x }}"}), options);
    check("xml", params, json!([{ "x": xml }]), json!({ "main": [expected] }));
}

/// What an object becomes.
fn written(object: Value, options: Value, expected: &str) {
    let params = with(json!({"action": "to_xml", "declaration": false, "pretty": false}), options);
    check("xml", params, json!([object]), json!({"main": [{ "data": expected }]}));
}

#[test]
fn elements_become_texts_or_objects() {
    for (xml, expected) in [
        ("<a>x</a>", json!({"a": "x"})),
        ("<a/>", json!({"a": ""})),
        ("<a> \n </a>", json!({"a": ""})),
        ("<a><![CDATA[ <&> ]]></a>", json!({"a": " <&> "})),
        ("<a>1 &lt; 2 &amp;&#32;&#x41;</a>", json!({"a": "1 < 2 & A"})),
        ("<a b='1'/>", json!({"a": {"b": "1"}})),
        ("<a b='1 &gt; 2'>x</a>", json!({"a": {"b": "1 > 2", "_": "x"}})),
        ("<a><b>1</b><c/><b>2</b></a>", json!({"a": {"b": ["1", "2"], "c": ""}})),
        ("<a b='1'><b>2</b></a>", json!({"a": {"b": ["1", "2"]}})),
        ("<a>one<b/>two</a>", json!({"a": {"b": "", "_": "onetwo"}})),
        ("<n:a xmlns:n='u'><n:b>é</n:b></n:a>", json!({"n:a": {"xmlns:n": "u", "n:b": "é"}})),
        (
            "\u{feff}<?xml version='1.0'?><!DOCTYPE a [<!ENTITY e 'x'>]><!-- c --><a>l1\r\nl2</a>\n",
            json!({"a": "l1\nl2"}),
        ),
    ] {
        becomes(xml, json!({}), expected);
    }
}

#[test]
fn options_choose_the_form() {
    let xml = "<Order ID='7'> <Line n='1'> A1 </Line> <Note>a   b</Note> </Order>";
    for (options, expected) in [
        (
            json!({"attributes": "group"}),
            json!({"Order": {"$": {"ID": "7"}, "Line": {"$": {"n": "1"}, "_": " A1 "}, "Note": "a   b"}}),
        ),
        (
            json!({"attributes": "group", "attributes_key": "@", "text_key": "#"}),
            json!({"Order": {"@": {"ID": "7"}, "Line": {"@": {"n": "1"}, "#": " A1 "}, "Note": "a   b"}}),
        ),
        (json!({"attributes": "drop"}), json!({"Order": {"Line": " A1 ", "Note": "a   b"}})),
        (
            json!({"attributes": "group", "lists": true, "whitespace": "trim"}),
            json!({"Order": {"$": {"ID": "7"}, "Line": [{"$": {"n": "1"}, "_": "A1"}], "Note": ["a   b"]}}),
        ),
        (
            json!({"lowercase": true, "without_root": true, "whitespace": "collapse"}),
            json!({"id": "7", "line": {"n": "1", "_": "A1"}, "note": "a b"}),
        ),
        (
            json!({"into": "a.b", "attributes": "drop"}),
            json!({"a": {"b": {"Order": {"Line": " A1 ", "Note": "a   b"}}}}),
        ),
        (
            json!({"keep": "all", "attributes": "drop", "whitespace": "trim", "without_root": true}),
            json!({"x": xml, "Line": "A1", "Note": "a   b"}),
        ),
    ] {
        becomes(xml, options, expected);
    }
    becomes("<a>x</a>", json!({"without_root": true, "into": "t"}), json!({"t": "x"}));
}

#[test]
fn what_is_no_xml_says_where() {
    let failing = |xml: String, options: Value| {
        let params = with(json!({"action": "to_json", "value": "{{ $json.x }}"}), options);
        let error = fails("xml", json!({ "params": params }), json!([{ "x": xml }])).error;
        (error.code, error.message)
    };
    for (xml, code, says) in [
        ("<a>\n  <b></c></a>".to_owned(), "invalid_xml", "line 2"),
        ("<a>".to_owned(), "invalid_xml", "<a> is not closed"),
        (String::new(), "invalid_xml", "there is no element"),
        ("text".to_owned(), "invalid_xml", "outside of the root"),
        ("<a/><b/>".to_owned(), "invalid_xml", "second root"),
        ("<a/>x".to_owned(), "invalid_xml", "outside of the root"),
        ("<a b='1' b='2'/>".to_owned(), "invalid_xml", "\"b\" comes twice"),
        ("<a b=1/>".to_owned(), "invalid_xml", "line 1"),
        ("<a>&who;</a>".to_owned(), "invalid_xml", "&who;"),
        ("<a b='&who;'/>".to_owned(), "invalid_xml", "who"),
        ("<a>&#xD800;</a>".to_owned(), "invalid_xml", "line 1"),
        // Entities that grow: they are not known at all.
        ("<!DOCTYPE a [<!ENTITY l 'lol'><!ENTITY m '&l;&l;'>]><a>&m;</a>".to_owned(), "invalid_xml", "&m;"),
        ("<a>".repeat(101) + &"</a>".repeat(101), "limit", "MAX_DEPTH"),
        ("<a>".repeat(300_000), "limit", "MAX_DEPTH"),
        (format!("<a>{}</a>", "<b/>".repeat(50_001)), "limit", "MAX_MARKUP_NODES"),
        (
            format!("<a {}/>", (0..60_000).map(|n| format!("a{n}='' ")).collect::<String>()),
            "limit",
            "MAX_MARKUP_NODES",
        ),
        ("x".repeat(1024 * 1024 + 1), "limit", "MAX_MARKUP_BYTES"),
    ] {
        let (found, message) = failing(xml.clone(), json!({}));
        assert!(found == code && message.contains(says), "{xml:.60}: {found}: {message}");
    }
    let (code, message) = failing("<a>x</a>".to_owned(), json!({"without_root": true}));
    assert!(code == "invalid_params" && message.contains("`into`"), "{message}");
}

#[test]
fn the_deepest_element_that_is_read_can_leave() {
    let deep = "<a>".repeat(99) + "x" + &"</a>".repeat(99);
    let params = json!({"action": "to_json", "value": "{{ $json.x }}"});
    let node = json!({"type": "xml", "data": {"params": params}});
    assert!(matches!(run(&attempt(&node, &[(None, json!([{ "x": deep }]))])), Outcome::Succeeded(_)));
}

#[test]
fn objects_become_elements() {
    for (object, options, expected) in [
        (json!({"a": "x"}), json!({}), "<a>x</a>"),
        (json!({"a": null}), json!({}), "<a/>"),
        (json!({}), json!({}), "<root/>"),
        (json!({"a": 1.0, "b": true}), json!({}), "<root><a>1</a><b>true</b></root>"),
        (json!({"a": [1, 2]}), json!({}), "<root><a>1</a><a>2</a></root>"),
        (json!({"a": {"b": [{"c": 1}, "x"], "d": []}}), json!({}), "<a><b><c>1</c></b><b>x</b></a>"),
        (json!({"a": "x"}), json!({"root": "r"}), "<r><a>x</a></r>"),
        (
            json!({"a": {"$": {"id": 7, "q": "\"<\n"}, "_": "t", "b": 1}}),
            json!({}),
            "<a id=\"7\" q=\"&quot;&lt;&#10;\">t<b>1</b></a>",
        ),
        (
            json!({"a": {"@": {"id": 7}, "#": "t"}}),
            json!({"attributes_key": "@", "text_key": "#"}),
            "<a id=\"7\">t</a>",
        ),
        (json!({"_": "only text"}), json!({}), "<root>only text</root>"),
        (json!({"a": "<b>&]]>\r\n"}), json!({}), "<a>&lt;b&gt;&amp;]]&gt;&#13;\n</a>"),
        (
            json!({"a": "<b>]]>", "b": "plain"}),
            json!({"cdata": true}),
            "<root><a><![CDATA[<b>]]]]><![CDATA[>]]></a><b>plain</b></root>",
        ),
        (json!({"é:x-1.2": "x"}), json!({}), "<é:x-1.2>x</é:x-1.2>"),
    ] {
        written(object, options, expected);
    }
    let pretty = json!({"action": "to_xml", "object": "{{ $json.o }}", "into": "xml", "keep": ["id"]});
    let object = json!({"order": {"line": [{"sku": "A1"}, "x"], "note": {"_": "mixed", "b": {"c": 1}}}});
    let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<order>\n  <line>\n    <sku>A1</sku>\n  </line>\n  <line>x</line>\n  \
                    <note>mixed<b><c>1</c></b></note>\n</order>";
    check("xml", pretty, json!([{"id": 5, "o": object}]), json!({"main": [{"id": 5, "xml": expected}]}));
}

#[test]
fn what_xml_cannot_hold_is_an_error() {
    for (object, says) in [
        (json!({"a b": 1}), "\"a b\" is no name"),
        (json!({"1": 1}), "\"1\" is no name"),
        (json!({"a": {"": 1}}), "\"\" is no name"),
        (json!({"a": {"$": {"<": 1}}}), "\"<\" is no name of an attribute"),
        (json!({"a": {"$": 5}}), "are a number, not an object"),
        (json!({"a": {"$": {"b": [1]}}}), "the attribute \"b\""),
        (json!({"a": {"_": {"b": 1}}}), "the text of \"a\" is an object"),
        (json!({"a": {"b": [[1]]}}), "a list in a list"),
        (json!({"a": "\u{0}"}), "U+0000"),
        (json!({"a": {"$": {"b": "\u{1b}"}}}), "U+001B"),
    ] {
        let error = fails("xml", json!({"params": {"action": "to_xml"}}), json!([object])).error;
        assert!(
            error.code == "invalid_xml" && error.message.contains(says),
            "{}: {}",
            error.code,
            error.message
        );
    }
    let wrong =
        fails("xml", json!({"params": {"action": "to_xml", "object": "{{ $json.l }}"}}), json!([{"l": [1]}]));
    assert!(wrong.error.message.contains("`object` is a list"), "{}", wrong.error.message);
}

#[test]
fn each_item_comes_from_the_one_in_its_place() {
    let items = json!([{"a": 1}, {"a": 2}]);
    assert_eq!(lineage("xml", json!({"action": "to_xml"}), &[(None, items)]), json!({}));
}

/// Objects whose form is that of what is read: texts without white space at the ends, no lists of one.
fn element() -> impl Strategy<Value = Value> {
    let text = "[ -~é<&\"\n]{0,12}".prop_map(|text: String| json!(text.trim()));
    let name = || "[a-z_é][a-z0-9.-]{0,3}".prop_filter("the text's name", |name| name != "_");
    text.prop_recursive(4, 24, 4, move |inner| {
        let value = prop_oneof![
            inner.clone(),
            prop::collection::vec(inner.prop_filter("no list in a list", |value| !value.is_array()), 2..4)
                .prop_map(Value::from),
        ];
        prop::collection::btree_map(name(), value, 1..4)
            .prop_map(|fields| Value::Object(fields.into_iter().collect()))
    })
}

proptest! {
    #[test]
    fn what_was_written_is_read_as_it_was(object in element(), pretty: bool, cdata: bool) {
        let object = json!({ "r": object });
        let step = |params: Value, item: Value| {
            let node = json!({"type": "xml", "data": {"params": params}});
            match run(&attempt(&node, &[(None, json!([item]))])) {
                Outcome::Succeeded(output) => Ok(ports(&output)["main"][0].clone()),
                other => Err(TestCaseError::fail(format!("{other:?}"))),
            }
        };
        let xml = step(json!({"action": "to_xml", "pretty": pretty, "cdata": cdata}), object.clone())?;
        let read = step(json!({"action": "to_json", "value": "{{ $json.data }}"}), xml.clone())?;
        prop_assert_eq!(read, object, "{}", xml);
    }
}
