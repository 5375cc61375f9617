use proptest::prelude::*;

use super::*;

fn split(text: &str) -> Result<Template<'_>, InvalidTemplate> {
    Splitter::default().split(text)
}

/// The one expression of a text.
fn single(text: &str) -> String {
    match split(text) {
        Ok(Template::Expression(source)) => source.to_owned(),
        other => panic!("{text}: {other:?}"),
    }
}

/// What is said of a text that cannot be read.
fn said(text: &str) -> String {
    split(text).expect_err(text).to_string()
}

#[test]
fn text_without_braces_is_literal() {
    assert_eq!(split("a } b"), Ok(Template::Literal("a } b")));
    assert_eq!(split("}} {"), Ok(Template::Literal("}} {")));
}

#[test]
fn a_single_expression_is_told_from_mixed_text() {
    assert_eq!(split("{{ $json.a }}"), Ok(Template::Expression("$json.a")));
    assert_eq!(split("{{$json.a;}}"), Ok(Template::Expression("$json.a")));
    assert_eq!(split("{{ 'a' ; }}"), Ok(Template::Expression("'a'")));
    assert_eq!(
        split("x{{a}}y{{ '}}' }} z"),
        Ok(Template::Mixed(vec![
            Part::Text("x"),
            Part::Expression("a"),
            Part::Text("y"),
            Part::Expression("'}}'"),
            Part::Text(" z"),
        ]))
    );
    assert_eq!(
        split("{{ a }} {{ b }}"),
        Ok(Template::Mixed(vec![Part::Expression("a"), Part::Text(" "), Part::Expression("b")]))
    );
}

#[test]
fn where_an_expression_ends_is_javascripts_business() {
    for inner in [
        "{a: {b: 1}}",
        "{a: {b: {c: {}}}}",
        "'}}'",
        "\"\\\"}}\"",
        "`${a}}}`",
        "`${`}}`}`",
        "`a${ `b${$json.a}` }c`",
        "[{}].map(x => ({y: {}}))",
        "$json.n.replace(/'/g, \"\")",
        "$json.n.replace(/[\"'`]/g, '')",
        "$json.n.replace(/[/']/g, '-')",
        "$json.n.replace(/\\\\/g, '')",
        "/}}/.test('a}}b')",
        "a / b / {c: 1}.c",
        "$json.s.split(/[{}]/).length",
        "$json.s.match(/\\{\\{/)",
        "/* don't }} */ $json.n",
        "$json.n // it's a name",
        "// it's a name }}\n $json.n",
        "(() => { const x = {}; return {x: {}} })()",
        "$json.a > 1 ? '}}' : \"{{\"",
        "'<!-- html -->' + `<!--${$json.a}-->` + /<!--/.source",
        "$json['a}}b'].c",
        "a\r\n+ 'b\\\r\nc'",
        "$json?.a?.['b c']",
        "a, b",
        "class { static x = {} }",
        "async () => { await {} }",
    ] {
        assert_eq!(single(&format!("{{{{ {inner} }}}}")), inner);
        let mixed = format!("<{{{{{inner}}}}}> it's {{{{ b }}}}");
        let Ok(Template::Mixed(parts)) = split(&mixed) else { panic!("{mixed}: {:?}", split(&mixed)) };
        assert_eq!((parts[1], parts[3]), (Part::Expression(inner), Part::Expression("b")), "{mixed}");
    }
}

#[test]
fn a_comment_to_the_end_of_the_line_ends_with_the_expression_unless_that_goes_on() {
    assert_eq!(single("{{ $json.n // it's a name }}"), "$json.n // it's a name");
    assert_eq!(single("{{ $json.n // not {{ b }}\n + 'x' }}"), "$json.n // not {{ b }}\n + 'x'");
    assert_eq!(
        split("{{ 'a' // first }} and\nthen {{ b }}"),
        Ok(Template::Mixed(vec![
            Part::Expression("'a' // first"),
            Part::Text(" and\nthen "),
            Part::Expression("b")
        ]))
    );
}

#[test]
fn what_is_no_single_expression_is_refused_with_its_place() {
    for (text, what) in [
        ("{{ 1 + }}", "it ends too early, at line 1, column 7"),
        ("{{ f(1 }}", "it ends too early, at line 1, column 7"),
        ("{{ // only }}", "it does not end"),
        ("é\n {{ a b }}", "identifier 'b', at line 2, column 7"),
        ("{{ a; b }}", "';', at line 1, column 5"),
        ("{{ 'a'; 'b' }}", "';', at line 1, column 7"),
        ("{{ a, }}", "it ends too early"),
        ("{{ , a }}", "','"),
        ("{{ ...a }}", "'...'"),
        ("{{ let x = 1 }}", "at line 1"),
        ("{{ return 1 }}", "at line 1"),
        ("{{ if (a) b }}", "at line 1"),
        ("{{ throw 1 }}", "at line 1"),
        ("{{ ) ( }}", "')', at line 1, column 4"),
        ("{{ 1), (2 }}", "')', at line 1, column 5"),
        ("{{ 1], [2 }}", "']', at line 1, column 5"),
        ("{{ } }}", "'}'"),
        ("{{ 'abc }}", "end of string, at line 1, column 4"),
        ("{{ `abc }}", "end of string, at line 1, column 4"),
        ("{{ /abc }}", "at line 1, column 4"),
        ("{{ /* abc }}", "end of comment, at line 1, column 4"),
        ("{{ /(/ }}", "a pattern in it is no regular expression: "),
        ("{{ 010 }}", "octal"),
        ("{{ await x }}", "at line 1"),
        ("{{ a <!-- b\n}}", "`<!--` begins a comment here; write `< !--`, at line 1, column 7"),
        ("{{ a\n--> b\n}}", "at line 2"),
        ("{{ 'a\0' }}", "NUL character, at line 1, column 6"),
    ] {
        let said = said(text);
        assert!(said.contains("no single JavaScript expression") && said.contains(what), "{text}: {said}");
    }
}

#[test]
fn what_would_leave_the_brackets_it_is_put_into_is_refused() {
    for source in [
        "1) }); let leak = []; (function($json){ return (leak.push($json.secret) /* } */",
        "1) }), (function(){ return (41+1 /* } */",
        "1) }); let Math = {max: () => 'pwned'}; (function () { return (1 /* } */",
        "1]; }); let leak = []; (function($json){ return [leak.push($json.secret) /* } */",
        "`*/`)+[0 /* `",
        "1) /*", // the comment would swallow the bracket
        "1) } //",
        "x <!--y[function(){(\n0)}; let leak = []; (function(){ return (0\n<!--z)}]",
    ] {
        assert!(split(&format!("{{{{ {source} }}}}")).is_err(), "{source}");
    }
}

#[test]
fn what_does_not_end_is_refused_with_its_place() {
    assert_eq!(split("é {{ a"), Err(InvalidTemplate::Unclosed { at: 2 }));
    assert_eq!(split("ab{{ }}"), Err(InvalidTemplate::Empty { at: 2 }));
    assert_eq!(split("ab{{ ; }}"), Err(InvalidTemplate::Empty { at: 2 }));
    assert_eq!(said("é {{ a"), "the expression that starts at character 2 has no closing `}}`");
}

#[test]
fn a_limit_on_length_is_named() {
    let long = |inner: usize| format!("{{{{ '{}' }}}}", "x".repeat(inner));
    assert!(split(&long(MAX_EXPRESSION_BYTES - 2)).is_ok());
    for text in [
        long(MAX_EXPRESSION_BYTES - 1),
        long(4 * MAX_EXPRESSION_BYTES),
        format!("{{{{ `{}", long(2 * MAX_EXPRESSION_BYTES)),
    ] {
        let error = split(&text).unwrap_err();
        assert_eq!(error.code(), ViolationCode::Limit);
        assert!(error.to_string().contains("32768 bytes (MAX_EXPRESSION_BYTES)"), "{error}");
    }
    let path = format!("{{{{ $json{} }}}}", ".a".repeat(MAX_EXPRESSION_BYTES));
    assert_eq!(split(&path).unwrap_err().code(), ViolationCode::Limit);
}

#[test]
fn hostile_nesting_neither_overflows_the_stack_nor_takes_long() {
    let n = MAX_EXPRESSION_BYTES / 8;
    let hostile = [
        "(".repeat(n),
        "[".repeat(n),
        "{a:".repeat(n),
        "!".repeat(4 * n),
        "-".repeat(4 * n) + "1",
        "a?b:".repeat(n) + "c",
        "a=".repeat(n) + "1",
        "a=>".repeat(n) + "1",
        "a??".repeat(n) + "b",
        "a**".repeat(n) + "b",
        "`${".repeat(n) + &"}`".repeat(n),
        "new ".repeat(n) + "a",
        "typeof ".repeat(n) + "a",
        "(a=>{".repeat(n) + &"})".repeat(n),
        "function(){return ".repeat(n / 4),
        "[a=".repeat(n) + &"]".repeat(n),
        "({a=".repeat(n) + &"})".repeat(n),
        format!("/{}/", "(".repeat(n)),
        format!("/{}{}/", "(?:a".repeat(n), ")*".repeat(n)),
        "'}}' // }} ".repeat(n / 2),
        "a.b".repeat(n),
        "1+".repeat(n) + "1",
        "(1,".repeat(60) + &"1,".repeat(3 * n) + &")".repeat(60),
        "'".to_owned() + &"}}".repeat(3 * n),
        "{a:{b:1}},".repeat(n / 4),
        "1n,".repeat(n) + &"9".repeat(2 * n) + "n",
    ];
    let mut splitter = Splitter::default();
    for source in &hostile {
        for text in
            [format!("{{{{ {source} }}}}"), format!("{{{{ {source}"), format!("{{{{ '' + {source} }}}}")]
        {
            let _ = splitter.split(&text);
        }
    }
    // Moderate nesting is what people write.
    for depth in [5, 20] {
        let nested = "(".repeat(depth) + "'1'" + &")".repeat(depth);
        assert_eq!(single(&format!("{{{{ {nested} }}}}")), nested);
        let nested = "`${".repeat(depth) + "1" + &"}`".repeat(depth);
        assert_eq!(single(&format!("{{{{ {nested} }}}}")), nested);
        let nested = "{a: [".repeat(depth) + "() => '1'" + &"]}".repeat(depth);
        assert_eq!(single(&format!("{{{{ {nested} }}}}")), nested);
    }
    let deep = said(&format!("{{{{ {}'1'{} }}}}", "(".repeat(n), ")".repeat(n)));
    assert!(deep.contains("nested too deeply"), "{deep}");
}

#[test]
fn plain_paths_do_not_meet_the_parser_and_other_texts_meet_it_once() {
    let mut splitter = Splitter::default();
    for source in [
        "$json",
        "$json.a_1.$b[0]['c d'][\"e\"]",
        "$json?.a?.[0]",
        "$input.all()[1].a",
        "$('Get it').first('main').x",
        "$now",
    ] {
        splitter.split(&format!("a {{{{ {source} }}}} b {{{{{source}}}}}")).unwrap();
    }
    assert_eq!(splitter.parser.parsed(), 0);
    splitter.split("{{ $json.a + 1 }}").unwrap();
    let met = splitter.parser.parsed();
    assert!(met > 0);
    splitter.split("{{ $json.a + 1 }}").unwrap();
    assert_eq!(splitter.parser.parsed(), met);
    let templates = splitter.into_templates();
    assert_eq!(templates.split("{{ $json.a + 1 }}"), Ok(Template::Expression("$json.a + 1")));
    assert_eq!(templates.0.len(), 1, "what is plain is not kept");
}

#[test]
fn what_is_called_plain_is_an_expression_to_the_parser_too() {
    for source in [
        "$json[01]",
        "$json.1",
        "$json.a b",
        "$json[a]",
        "$json['a\\x']",
        "json.a",
        "$json.",
        "$json..a",
        "$json?.1:2",
        "$json['a\nb']",
    ] {
        assert!(!plain::is_plain(source), "{source}");
    }
}

/// Texts full of what means something to JavaScript or to templates.
fn soup() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "{{", "}}", "{", "}", "(", ")", "[", "]", "'", "\"", "`", "${", "/", "//", "/*", "*/", "\\", "\n",
        "\r", " ", ";", ",", ":", "?", ".", "?.", "...", "=>", "=", "+", "-", "--", "!", "<", "<!--", "-->",
        "a", "b", "1", "0", "$json", "$json.a", "function", "return ", "let ", "async ", "await ", "new ",
        "class ", "é", "😀", "\u{2028}", "#", "@", "/}}/", "'}}'", "`}}`", "{a:1}", "x => x", "// }}\n",
        "/* }} */",
    ]);
    prop::collection::vec(token, 0..14).prop_map(|tokens| tokens.concat())
}

fn expressions(template: &Template<'_>) -> Vec<String> {
    match template {
        Template::Literal(_) => Vec::new(),
        Template::Expression(source) => vec![(*source).to_owned()],
        Template::Mixed(parts) => parts
            .iter()
            .filter_map(|part| match part {
                Part::Expression(source) => Some((*source).to_owned()),
                Part::Text(_) => None,
            })
            .collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_breaks_it_and_nothing_of_a_text_is_lost(text in prop_oneof![soup(), ".{0,40}", soup().prop_map(|soup| format!("{{{{{soup}}}}}"))]) {
        let Ok(template) = split(&text) else { return Ok(()) };
        let parts = match &template {
            Template::Literal(literal) => vec![Part::Text(literal)],
            Template::Expression(source) => vec![Part::Expression(source)],
            Template::Mixed(parts) => parts.clone(),
        };
        let mut rest = text.as_str();
        for part in parts {
            let (Part::Text(piece) | Part::Expression(piece)) = part;
            let at = rest.find(piece);
            prop_assert!(at.is_some(), "{text:?} has no {piece:?}");
            rest = &rest[at.unwrap() + piece.len()..];
        }
    }

    #[test]
    fn what_is_accepted_is_one_expression_wherever_one_may_stand(source in soup()) {
        let text = format!("{{{{ {source} }}}}");
        let Ok(template) = split(&text) else { return Ok(()) };
        for source in expressions(&template) {
            for (before, after) in [
                ("f((\n", "\n), 1)"),
                ("(\n", "\n) ? [\n0] : 1"),
                ("`${\n", "\n}`"),
                ("({a: (\n", "\n), b: 1})"),
                ("x[\n", "\n] = (y)"),
            ] {
                let parsed = Parser::default().parse(before, &source, after);
                prop_assert_eq!(parsed, Ok(()), "{:?} in {:?}", &source, before);
            }
        }
    }

    #[test]
    fn what_is_plain_is_an_expression(source in "\\$[a$_0]{0,3}(\\.[a$]|\\?\\.[a_]|\\[[0-9]{1,2}\\]|\\['[a }]{0,3}'\\]|\\(\\)|\\(\"[a}]{0,2}\"\\)){0,4}") {
        if plain::is_plain(&source) {
            prop_assert_eq!(Parser::default().check(&source), Ok(()));
        }
    }
}
