//! What holds for any text.

use proptest::prelude::*;

use super::*;

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
    fn what_one_pass_takes_for_balanced_leaves_no_brackets(source in soup()) {
        let text = format!("{source}}}}}");
        let Ok(scanned) = scan(&text) else { return Ok(()) };
        let source = &text[..scanned.end];
        if scanned.balanced && Parser::default().check(source, &scanned).is_ok() {
            prop_assert_eq!(Parser::default().check(source, &Scanned::UNKNOWN), Ok(()), "{:?}", source);
        }
    }

    #[test]
    fn what_is_plain_is_an_expression(source in "\\$[a$_0]{0,3}(\\.[a$]|\\?\\.[a_]|\\[[0-9]{1,2}\\]|\\['[a }]{0,3}'\\]|\\(\\)|\\(\"[a}]{0,2}\"\\)){0,4}") {
        if plain::is_plain(&source) {
            prop_assert_eq!(Parser::default().check(&source, &Scanned::UNKNOWN), Ok(()));
        }
    }
}
