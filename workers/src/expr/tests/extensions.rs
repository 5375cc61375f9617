//! What authors know from n8n: methods of values, and functions beside them.

use serde_json::{Value, json};

use super::{evaluate_as, fails, scope};
use crate::expr::Expression;

fn all(cases: &[(&str, Value)]) {
    let scope =
        scope(json!([{"text": "Ada <ada@example.com>", "list": [3, 1, 2], "nothing": null, "o": {"a": 1}}]));
    for (source, expected) in cases {
        let compiled = Expression::compile(source, &scope.definition);
        assert_eq!(evaluate_as(&scope, &compiled, 0), Ok(expected.clone()), "{source}");
    }
}

#[test]
fn functions_choose_and_compare() {
    all(&[
        ("$if($json.list.length > 2, 'many', 'few')", json!("many")),
        ("$ifEmpty($json.nothing, 'default')", json!("default")),
        (
            "[$ifEmpty('', 1), $ifEmpty([], 2), $ifEmpty({}, 3), $ifEmpty(0, 4), $ifEmpty(false, 5)]",
            json!([1, 2, 3, 0, false]),
        ),
        ("$max(...$json.list) - $min(1, 2)", json!(2)),
        ("$jmespath($json, 'list[?@ > `1`] | sort(@)')", json!([2, 3])),
        (
            "$jmespath({people: [{age: 30, name: 'A'}, {age: 20, name: 'B'}]}, 'people[?age > `25`].name')",
            json!(["A"]),
        ),
        ("$jmespath($input.all(), '[*].o.a')", json!([1])),
    ]);
    let error = fails(json!([{}]), "$jmespath($json, '[')");
    assert!(error.contains("ParserError") || error.contains("Unexpected"), "{error}");
}

#[test]
fn methods_of_texts() {
    all(&[
        ("['', 'a'].map(t => t.isEmpty())", json!([true, false])),
        ("'{\"a\": [1]}'.parseJson().a", json!([1])),
        ("'a\"b'.toJsonString()", json!("\"a\\\"b\"")),
        ("['42.5', '$ 1000', ' 7 '].map(t => t.toNumber())", json!([42.5, 1000, 7])),
        ("['12px'.toInt(), 'ff'.toInt(16), '3.7€'.toFloat()]", json!([12, 255, 3.7])),
        (
            "['yes', 'no', 'False', '0', ''].map(t => t.toBoolean())",
            json!([true, false, false, false, false]),
        ),
        ("$json.text.extractEmail()", json!("ada@example.com")),
        ("'see https://a.example/x?y=1 now'.extractUrl()", json!("https://a.example/x?y=1")),
        (
            "['me@example.com', 'http://n8n.io/workflows', 'www.a.example:80/x', 'localhost', 'no domain'].map(t => t.extractDomain() ?? null)",
            json!(["example.com", "n8n.io", "www.a.example", "localhost", null]),
        ),
        ("'<b>bold</b>, <a href=\"x\">link</a>'.removeTags()", json!("bold, link")),
        ("'*bold*, [link](https://a)'.removeMarkdown()", json!("bold, link")),
        (
            "'# Title\\n\\n- **one**\\n- `two`\\n\\n> said ~~no~~'.removeMarkdown()",
            json!("Title\n\none\ntwo\n\nsaid no"),
        ),
        ("'quick brown-fox'.toTitleCase()", json!("Quick Brown-Fox")),
        ("'Quick brown-fox!'.toSnakeCase()", json!("quick_brown_fox")),
        ("'a b/ü'.urlEncode() + ' ' + 'a%20b'.urlDecode()", json!("a%20b%2F%C3%BC a b")),
        ("'héllo'.base64Encode()", json!("aMOpbGxv")),
        ("'aMOpbGxv'.base64Decode()", json!("héllo")),
        ("'a'.hash('sha256').slice(0, 8) + 'a'.hash().slice(0, 8)", json!("ca9781120cc175b9")),
    ]);
    for (source, said) in [
        ("'{a: 1}'.parseJson()", "the text is no JSON"),
        ("'x'.toNumber()", "toNumber(): the text is no number"),
        ("'1,5'.toFloat()", "not a comma"),
        ("'a'.hash('crc')", "known are: md5"),
        ("$json.missing.isEmpty()", "cannot read property 'isEmpty' of undefined"),
    ] {
        let error = fails(json!([{}]), source);
        assert!(error.contains(said), "{source}: {error}");
    }
}

#[test]
fn methods_of_lists_numbers_and_objects() {
    all(&[
        ("[$json.list.first(), $json.list.last(), [].first() ?? null]", json!([3, 2, null])),
        (
            "[[].isEmpty(), $json.list.isNotEmpty(), ({}).isEmpty(), $json.o.isEmpty(), (0).isEmpty(), new Date().isEmpty()]",
            json!([true, true, true, false, false, false]),
        ),
        ("$json.o.toJsonString() + $json.list.toJsonString()", json!("{\"a\":1}[3,1,2]")),
        ("[1, 1, {a: 1}, {a: 1}, '1'].unique()", json!([1, {"a": 1}, "1"])),
        ("[{a: 1, b: 1}, {a: 1, b: 2}].unique('a')", json!([{"a": 1, "b": 1}])),
        ("[{a: 1, b: 2}, {b: 3}, 5].pluck('a')", json!([1])),
        ("[$json.list.sum(), $json.list.average(), $json.list.min(), $json.list.max()]", json!([6, 2, 1, 3])),
        ("[2, null, 1, '', {}].compact()", json!([2, 1])),
        ("$json.list.chunk(2)", json!([[3, 1], [2]])),
        ("[$json.list].map(l => l.includes(l.randomItem()))", json!([true])),
        (
            "[(1.256).round(1), (1.5).floor(), (1.2).ceil(), (-1.7).abs(), (3).isOdd(), (0).toBoolean(), (1.5).toInt()]",
            json!([1.3, 1, 2, 1.7, true, false, 2]),
        ),
    ]);
    let error = fails(json!([{}]), "['1'].sum()");
    assert!(error.contains("sum(): all elements must be numbers"), "{error}");
}

#[test]
fn bytes_are_encoded_and_hashed() {
    all(&[
        ("Buffer.from('héllo').toString('base64')", json!("aMOpbGxv")),
        ("Buffer.from('aMOpbGxv', 'base64').toString()", json!("héllo")),
        (
            "Buffer.from('68c3a9', 'hex').toString('utf8') + Buffer.from([1, 255]).toString('hex')",
            json!("hé01ff"),
        ),
        ("Buffer.from('a') instanceof Uint8Array && Buffer.isBuffer(Buffer.from('a'))", json!(true)),
        ("Buffer.concat([Buffer.from('a'), Buffer.from('b')]).toString()", json!("ab")),
        ("btoa('a\\xff') + atob('aGk=')", json!("Yf8=hi")),
        (
            "crypto.createHash('sha1').update('a').update('b').digest('hex')",
            json!("da23614e02469a0d7c7bd1bdab5c9c474b1904dc"),
        ),
        (
            "crypto.createHmac('sha256', 'key').update('The quick brown fox jumps over the lazy dog').digest('base64')",
            json!("97yD9DBThCSxMpjmqm+xQ+9NWaFJRhdZl0edvC0aPNg="),
        ),
        (
            "/^[0-9a-f]{8}-/.test(crypto.randomUUID()) && crypto.randomUUID() !== crypto.randomUUID()",
            json!(true),
        ),
    ]);
    for (source, said) in [
        ("btoa('€')", "above U+00FF"),
        ("atob('*')", "no Base64"),
        ("Buffer.from('a', 'utf-7')", "is not an encoding"),
        ("crypto.createHash('x').update('').digest('hex')", "is not a hash"),
    ] {
        let error = fails(json!([{}]), source);
        assert!(error.contains(said), "{source}: {error}");
    }
}
