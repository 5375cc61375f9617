use super::*;
use crate::limits::MAX_EXPRESSIONS_BYTES;

mod laws;

/// As a text is split whose expressions were found to be some.
fn split(text: &str) -> Result<Template<'_>, InvalidTemplate> {
    Checker::default().check(text)?;
    super::split(text)
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
fn a_comment_to_the_end_of_the_line_ends_with_the_expression_unless_that_cannot_end_there() {
    assert_eq!(single("{{ $json.n // it's a name }}"), "$json.n // it's a name");
    for whole in ["$json.n + // not {{ b }}\n 'x'", "f(a, // {{ b }}\n c)", "// }}\n/* }} */ // }}\n a // ok"]
    {
        assert_eq!(single(&format!("{{{{ {whole} }}}}")), whole);
    }
    assert_eq!(
        split("{{ 'a' // first }} and\nthen {{ b }}\n- {{ c // }}"),
        Ok(Template::Mixed(vec![
            Part::Expression("'a' // first"),
            Part::Text(" and\nthen "),
            Part::Expression("b"),
            Part::Text("\n- "),
            Part::Expression("c //"),
        ]))
    );
}

#[test]
fn what_is_no_single_expression_is_refused_with_its_place() {
    for (text, what) in [
        ("{{ 1 + }}", "it ends too early, at line 1, column 7"),
        ("{{ f(1 }}", "it ends too early, at line 1, column 7"),
        ("{{ // only }}", "it ends too early"),
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
        assert!(error.to_string().contains("8192 bytes (MAX_EXPRESSION_BYTES)"), "{error}");
    }
    let path = format!("{{{{ $json{} }}}}", ".a".repeat(MAX_EXPRESSION_BYTES));
    assert_eq!(split(&path).unwrap_err().code(), ViolationCode::Limit);
}

#[test]
fn hostile_nesting_does_not_overflow_the_stack() {
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
    for source in &hostile {
        for text in
            [format!("{{{{ {source} }}}}"), format!("{{{{ {source}"), format!("{{{{ '' + {source} }}}}")]
        {
            let _ = split(&text);
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
fn plain_paths_do_not_meet_the_parser_and_other_expressions_meet_it_once() {
    let mut checker = Checker::default();
    for source in [
        "$json",
        "$json.a_1.$b[0]['c d'][\"e\"]",
        "$json?.a?.[0]",
        "$input.all()[1].a",
        "$('Get it').first('main').x",
        "$now;",
    ] {
        checker.check(&format!("a {{{{ {source} }}}} b {{{{{source}}}}}")).unwrap();
    }
    assert_eq!(checker.parsed(), 0);
    let source = "$json.a + ' }}'";
    checker.check(&format!("{{{{ {source} }}}}")).unwrap();
    assert_eq!(checker.parsed(), source.len(), "brackets that are seen to be its own cost one reading");
    checker.check(&format!("{{{{ {source} }}}} and {{{{{source}}}}}")).unwrap();
    assert_eq!(checker.parsed(), source.len());
    checker.check("{{ `${1}` }}").unwrap();
    assert_eq!(checker.parsed(), source.len() + 2 * 6, "others two");
}

#[test]
fn words_that_mean_nothing_in_an_expression_are_refused_with_their_place() {
    for (text, what) in [
        (
            "{{ import.meta }}",
            "asks for `import`, which has no meaning in an expression, at line 1, column 4",
        ),
        (
            "a\n{{ 1 + import.meta.url }}",
            "character 2 asks for `import`, which has no meaning in an expression, at line 2, column 8",
        ),
        ("{{ import('x') }}", "`import`"),
        ("{{ (() => import . meta)() }}", "`import`"),
        ("{{ `${import.meta}` }}", "`import`"),
        ("{{ this }}", "`this`, which has no meaning in an expression, at line 1, column 4"),
        ("{{ [1].map(x => this.y) }}", "`this`"),
        ("{{ `${this}` }}", "`this`"),
        ("{{ arguments }}", "`arguments`, which has no meaning in an expression, at line 1, column 4"),
        (
            "{{ (() => { return arguments })() }}",
            "`arguments` has no meaning outside of a function of its own",
        ),
        ("{{ new.target }}", "new.target"),
        ("{{ (() => { return new.target })() }}", "new.target"),
        ("{{ super.a }}", "super"),
        ("{{ super() }}", "super"),
        ("{{ await x }}", "at line 1, column"),
        ("{{ yield x }}", "at line 1, column"),
        ("{{ yield }}", "at line 1, column"),
        ("{{ x => { await y } }}", "at line 1, column"),
    ] {
        let said = said(text);
        assert!(said.contains(what), "{text}: {said}");
    }
}

#[test]
fn words_of_functions_are_right_in_functions_and_as_names() {
    for source in [
        "[1].map(function (x) { return this ?? arguments.length })",
        "new (class { constructor() { this.a = new.target; } get b() { return this.a } })().b",
        "class extends f { a() { return super.a() + arguments[0] } }",
        "(function* () { yield 1 })().next().value",
        "(async () => await 1)()",
        "{this: 1, import: 2, arguments: 3, super: 4, new: 5}",
        "$json.this + $json.import.meta + $json?.arguments + $json.new.target",
        "'import.meta' + `this` + /arguments/.source /* import.meta */",
        "{a() { return arguments }}",
    ] {
        assert_eq!(single(&format!("{{{{ {source} }}}}")), source);
    }
}

#[test]
fn a_slash_divides_behind_a_value_and_begins_a_pattern_elsewhere() {
    for source in [
        "a / '}}'.length / 2",
        "(a) / b['}}'] / 1",
        "[1] / 2 + '}}'",
        "a++ / 2 + '/}}'",
        "typeof /}}/",
        "!/[/}}]/.test('a')",
        "[/}}/, /\\/}}/]",
        "a ? /'}}/ : /\"/",
        "1 / /}}/.lastIndex",
        "$json.in / $json.of / 2",
        "(() => { return /}}/ })()",
    ] {
        assert_eq!(single(&format!("{{{{ {source} }}}}")), source);
    }
}

#[test]
fn so_many_expressions_that_it_takes_long_to_check_them_are_refused_once_by_the_limits_name() {
    let refused = |texts: &mut dyn Iterator<Item = String>| {
        let mut checker = Checker::default();
        let mut refused: Vec<_> = texts.filter_map(|text| checker.check(&text).err()).collect();
        assert_eq!(refused.len(), 1);
        assert_eq!(refused[0].code(), ViolationCode::Limit);
        assert!(checker.parsed() <= 2 * MAX_EXPRESSIONS_BYTES, "{}", checker.parsed());
        refused.remove(0).to_string()
    };
    let said = refused(&mut (0..5_000).map(|i| format!("{{{{ 1+{i} }}}}")));
    assert_eq!(
        said,
        "the expressions of this document are too much to check, from the one at character 0 on: 2001 different \
         expressions are above the limit of 2000 (MAX_EXPRESSIONS)"
    );
    let said = refused(&mut (10..90).map(|i| format!("a {{{{ '{i}{}' }}}}", "x".repeat(4_000))));
    assert!(said.contains("from the one at character 2 on"), "{said}");
    assert!(said.contains("are above the limit of 65536 (MAX_EXPRESSIONS_BYTES)"), "{said}");
    let said = refused(&mut (0..90).map(|i| format!("{{{{ /\\p{{L}}\\P{{Lu}}{i}/u }}}}")));
    assert!(said.contains("102 classes such as `\\p{L}` and ranges such as `α-ω` are above the limit of 100 (MAX_CHARACTER_CLASSES)"), "{said}");
    let said = refused(&mut (0..90).map(|i| format!("{{{{ /[α-鼀{i}\\u{{1}}-\\u{{ffff}}]/iu }}}}")));
    assert!(said.contains("MAX_CHARACTER_CLASSES"), "{said}");
    let one = "{{1}}".repeat(50_000) + &(0..5_000).map(|i| format!("{{{{{i}}}}}")).collect::<String>();
    assert!(refused(&mut std::iter::once(one)).contains("MAX_EXPRESSIONS"));
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
