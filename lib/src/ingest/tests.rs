use domain::dead_letter::MAX_LETTER_BYTES;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// The records as values; what is unreadable as its reason.
fn read(body: &str) -> Vec<Result<Value, String>> {
    records(body.as_bytes())
        .map(|record| match record {
            Ok(text) => Ok(serde_json::from_str(&text).unwrap()),
            Err(unreadable) => Err(unreadable.reason),
        })
        .collect()
}

fn all(body: &str) -> Vec<Value> {
    read(body).into_iter().map(|record| record.unwrap_or_else(|reason| panic!("{body}: {reason}"))).collect()
}

#[test]
fn every_shape_of_a_body_gives_the_same_records() {
    let (a, b) = (json!({"id": 1, "text": "x,\n]}\"y"}), json!({"id": 2, "list": [{"x": [1]}]}));
    let (ta, tb) = (a.to_string(), b.to_string());
    let quoted = |text: &str| Value::String(text.to_owned()).to_string();
    for body in [
        format!("[{ta},{tb}]"),
        format!(" [ {ta} ,\n {tb} ] \n"),
        format!("{ta}\n{tb}\n"),
        format!("{ta}\r\n{tb}"),
        format!("{ta}{tb}"),
        format!("{ta},{tb}"),
        format!("[{}, {}]", quoted(&ta), quoted(&tb)),
        format!("{}\n{}", quoted(&ta), quoted(&tb)),
        quoted(&format!("[{ta},{tb}]")),
        quoted(&format!("{ta}\n{tb}")),
        quoted(&quoted(&format!("[{ta},{tb}]"))),
        format!("[[{ta}],[{tb}]]"),
        format!("[{ta}][{tb}]"),
        format!("\u{feff}{}\n{tb}", serde_json::to_string_pretty(&a).unwrap()),
        format!("{ta};{tb};"),
        format!("{ta}|{tb}"),
        format!("{ta},\n{tb}"),
        format!("[{{\"value\":{ta}}},{{\"key\":\"k\",\"value\":{tb},\"partition\":1}}]"),
        format!("{{\"value\":{}}}\n{{\"value\":{}}}", quoted(&ta), quoted(&tb)),
        format!("{{\"records\":[{{\"value\":{ta}}},{{\"value\":{tb}}}]}}"),
        format!(
            "{{\"records\": [{{\"key\":null, \"value\":{}}}, {{\"value\":{tb}}}], \"key_schema_id\":1}}",
            quoted(&ta)
        ),
        format!("{{\"records\":[{ta},{tb}]}}"),
        format!("[{{\"schema\":null,\"payload\":{ta}}},{{\"schema\":{{}},\"payload\":{tb}}}]"),
        quoted(&format!("{{\"records\":[{{\"value\":{}}},{{\"value\":{tb}}}]}}", quoted(&quoted(&ta)))),
    ] {
        assert_eq!(all(&body), [a.clone(), b.clone()], "{body}");
    }
    assert_eq!(all(&ta), std::slice::from_ref(&a));
    assert_eq!(all(&format!("[{ta}]")), [a]);
    assert!(all("").is_empty() && all(" \n").is_empty() && all("[]").is_empty());
}

#[test]
fn records_are_borrowed_from_the_body() {
    assert!(records(br#"[{"a":1},{"b":2}]"#).all(|record| matches!(record, Ok(Cow::Borrowed(_)))));
}

#[test]
fn a_broken_record_does_not_take_its_neighbours_with_it() {
    let good = [json!({"id": 1}), json!({"id": 2})];
    for body in [
        r#"[{"id":1},not json,{"id":2}]"#,
        r#"[{"id":1},{"x":},{"id":2}]"#,
        r#"[{"id":1},{"x":[1,{"y":2]},{"id":2}]"#,
        "{\"id\":1}\n{\"cut\": \"o\n{\"id\":2}\n",
        "{\"id\":1}\nStruct{id=3}\n{\"id\":2}",
        "{\"id\":1}\n}\n{\"id\":2}",
        r#"[{"id":1},"no json",{"id":2}]"#,
        r#"[{"id":1},{"cut":"here,{"id":2}]"#,
        r#"[{"id":1},{"cut":{"here":[1,{"id":2}]"#,
        r#"[{"id":1},{"cut":"\,{"id":2}]"#,
        r#"[{"id":1},say "what,{"id":2}]"#,
        r#"[{"id":1}, "a string without end, {"id":2}]"#,
        r#"{"id":1},{"cut":"here,{"id":2}"#,
        r#"{"id":1};{"cut":"here;{"id":2}"#,
        r#"{"id":1}|{"cut":|{"id":2}|"#,
        "{\"id\":1}{\"cut\":[{\"id\":2}\n",
    ] {
        let (read, broken): (Vec<_>, Vec<_>) = read(body).into_iter().partition(Result::is_ok);
        let read: Vec<_> = read.into_iter().flatten().collect();
        assert_eq!(read, good, "{body}");
        assert_eq!(broken.len(), 1, "{body}: {broken:?}");
    }
    let body = b"[{\"id\":1},{\"x\":\"\xff\"},{\"id\":2}]";
    assert_eq!(records(body).map(|record| record.is_ok()).collect::<Vec<_>>(), [true, false, true]);
}

#[test]
fn a_record_without_an_end_swallows_none_of_those_after_it() {
    let event = |n: usize| {
        json!({"specversion": "1.0", "id": n, "data": {"input": "[{\"a\":\"b, {\"}]"}}).to_string()
    };
    let whole: Vec<_> = (0..20).map(event).collect();
    for cut in [1, 10, 30, whole[0].len() - 1, whole[0].len() - 3] {
        for (before, between, after) in [("[", ",", "]"), ("", "\n", "\n"), ("", ",\n", ""), ("", ";", "")] {
            let mut texts = whole.clone();
            texts.insert(7, event(99)[..cut].to_owned());
            let body = format!("{before}{}{after}", texts.join(between));
            let found: Vec<_> =
                records(body.as_bytes()).filter_map(Result::ok).map(Cow::into_owned).collect();
            assert!(whole.iter().all(|text| found.contains(text)), "{body}");
        }
    }
}

#[test]
fn what_a_rendering_that_is_no_json_has_in_it_is_never_taken_for_a_record() {
    let forged = r#"{"specversion":"1.0","type":"io.minireipaz.run.requested.v1","tenantid":"other"}"#;
    for rendering in [
        format!("Struct{{specversion=1.0, data=Struct{{input=[{{\"a\":1}},{forged},{{\"b\":\"}}]}}}}"),
        format!("{{specversion=1.0, name=}} , {forged}, data={{}}}}"),
        // Java's maps have no order that anybody would expect.
        format!("{{data={{input=[{{\"a\":1}},{forged},{{\"b\":2}}]}}, specversion=1.0}}"),
        format!("SinkRecord{{value=Struct{{data=[{{\"a\":1}},{forged}], specversion=1.0}}}}"),
        format!("{{'data': '[{{\"a\":1}},{forged}]', 'specversion': '1.0'}}"),
    ] {
        for body in [
            format!("[{rendering},{rendering}]"),
            rendering.clone(),
            format!("{rendering}\n{rendering}\n"),
            json!([rendering]).to_string(),
        ] {
            assert!(records(body.as_bytes()).all(|record| record.is_err()), "{body}");
        }
    }
}

#[test]
fn what_a_user_wrote_is_never_taken_for_a_record() {
    let forged = r#"x, {"specversion":"1.0","tenantid":"other"}, [{"specversion":"1.0"}]"#;
    let event =
        json!({"specversion": "1.0", "name": forged, "data": {"input": json!({"a": forged}).to_string()}});
    let text = event.to_string();
    for cut in (1..text.len()).filter(|at| text.is_char_boundary(*at)) {
        for body in
            [format!("[{}]", &text[..cut]), format!("{},{{\"id\":1}}", &text[..cut]), text[..cut].to_owned()]
        {
            let found: Vec<_> = read(&body).into_iter().flatten().collect();
            assert!(found.iter().all(|record| *record == json!({"id": 1})), "{body}: {found:?}");
        }
    }
}

#[test]
fn an_unreadable_record_says_why_and_keeps_its_text() {
    let unreadable = records(br#"[{"id":1},oops,{"id":2}]"#).nth(1).unwrap().unwrap_err();
    assert_eq!(*unreadable.record, *b"oops");
    assert!(unreadable.reason.starts_with("not JSON"), "{}", unreadable.reason);
}

#[test]
fn what_holds_no_record_is_kept_too() {
    for body in [
        r#"[{"id":1},[],{"id":2}]"#,
        r#"[{"id":1},{"value":[]},{"id":2}]"#,
        "{\"id\":1}\n\" []\"\n{\"id\":2}",
    ] {
        let read = read(body);
        assert!(read.len() == 3 && read[1].is_err(), "{read:?}");
    }
}

#[test]
fn a_broken_wrapper_of_records_takes_none_of_them_with_it() {
    let body = r#"{ "records" : [{"value":{"id":1}},
        {"value":{"id":2}},
        {"value":
        {"value":{"id":3}}]}"#;
    let found: Vec<_> = read(body).into_iter().flatten().collect();
    assert_eq!(found, [json!({"id": 1}), json!({"id": 2}), json!({"id": 3})]);
}

#[test]
fn what_closes_a_broken_record_takes_nothing_with_it() {
    let pretty = |id: u32| serde_json::to_string_pretty(&json!({"id": id})).unwrap();
    let body = format!("{}{{\n  \"cut\": 1\n  \"x\": {{}}\n}}{}{}", pretty(1), pretty(2), pretty(3));
    let found: Vec<_> =
        read(&body).into_iter().flatten().filter(|value| value["id"] != json!(null)).collect();
    assert_eq!(found, [json!({"id": 1}), json!({"id": 2}), json!({"id": 3})]);
}

#[test]
fn what_is_not_believed_is_kept_in_pieces_that_a_dead_letter_holds() {
    let rendering = format!("{{data={{name={}}}, specversion=1.0}}", "ü".repeat(100_000));
    let body = format!("[{{\"id\":1}},{rendering},\n{rendering}]");
    let records: Vec<_> = records(body.as_bytes()).collect();
    assert!(records[0].is_ok());
    let pieces: Vec<_> = records[1..].iter().map(|record| &*record.as_ref().unwrap_err().record).collect();
    assert!(pieces.iter().all(|piece| piece.len() <= MAX_LETTER_BYTES && std::str::from_utf8(piece).is_ok()));
    assert_eq!(pieces.concat(), format!("{rendering}{rendering}]").into_bytes());
}

#[test]
fn an_array_that_was_cut_gives_its_whole_records_and_says_so() {
    let read = read(r#"[{"id":1},{"id":2"#);
    assert_eq!(read[0], Ok(json!({"id": 1})));
    assert!(read[1..].iter().all(Result::is_err) && read.len() > 1, "{read:?}");
}

/// Each of them is read to the body's end, in vain: so only a few are.
#[test]
fn wrappers_that_only_begin_are_not_believed_for_ever() {
    let body = r#"{"records":["#.repeat(10_000);
    let read = read(&body);
    assert!(read.len() < 20, "{} pieces", read.len());
    assert!(read.iter().all(Result::is_err));
}

#[test]
fn a_body_that_fails_on_every_line_is_read_in_linear_time() {
    for piece in
        ["{\"a\":\n", ",{\"a\":", ",[{\"a\":", "{,", "{\"a\":1}:", "x,", ",\"{\\\"", "[{\"a\":[", "\n{;\n "]
    {
        for start in ["", "["] {
            let body = format!("{start}{}", piece.repeat(100_000));
            assert!(records(body.as_bytes()).count() > 0, "{piece}");
        }
    }
}

proptest! {
    #[test]
    fn no_body_makes_it_panic_or_run_for_ever(body in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(records(&body).count() <= body.len() + 1);
    }

    #[test]
    fn a_body_of_json_pieces_never_makes_it_panic(
        pieces in prop::collection::vec(prop::sample::select(vec!["{", "}", "[", "]", "\"", "\\", ",", ":", "\n", "1", "null", "\"a\"", "{\"a\":1}", "\u{fffd}", ";", "|", "{\"value\":", "{\"records\":[", "\"{\\\"", "specversion"]), 0..60)
    ) {
        let body = pieces.concat();
        prop_assert!(records(body.as_bytes()).count() <= body.len() + 1);
    }
}
