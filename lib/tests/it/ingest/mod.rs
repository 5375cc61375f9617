//! Bodies with a broken record among good ones: every good one comes out, and nothing of a body is lost.

mod forms;

use minireipaz::ingest;
use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};

use self::forms::{FORMS, Form, quoted};
use crate::json_values::{any_object, any_value};

/// What a body was read as: texts of records, and texts that could not be read.
struct Read {
    records: Vec<String>,
    /// Both, in order.
    all: Vec<String>,
}

fn read(body: &[u8]) -> Read {
    let mut read = Read { records: Vec::new(), all: Vec::new() };
    for record in ingest::records(body) {
        let text = match record {
            Ok(text) => {
                read.records.push(text.clone().into_owned());
                text.into_owned()
            }
            Err(unreadable) => String::from_utf8(unreadable.record.into_owned()).unwrap(),
        };
        read.all.push(text);
    }
    read
}

/// Whether all of the body stands in one of these texts, in order, but for what stands between and around records.
fn is_all_there(body: &str, texts: &[String]) -> bool {
    let without_wrappers = |text: &str| text.replace("{\"records\":[", " ").replace("{\"value\":", " ");
    let texts = texts.iter().map(|text| {
        // As it was, or as it stood in strings that stood in strings.
        let mut ways = [const { String::new() }; 4];
        ways[0] = without_wrappers(text).trim_matches(' ').to_owned();
        for depth in 1..ways.len() {
            let deeper = quoted(&ways[depth - 1]);
            ways[depth] = deeper[1..deeper.len() - 1].to_owned();
        }
        ways
    });
    let texts: Vec<_> = texts.filter(|text| !text[0].is_empty()).collect();
    stand_in(&without_wrappers(body.strip_prefix('\u{feff}').unwrap_or(body)), &texts)
}

fn stand_in(body: &str, texts: &[[String; 4]]) -> bool {
    let Some((text, others)) = texts.split_first() else { return holds_nothing(body) };
    text.iter().any(|text| {
        let places = body.match_indices(text).map(|(at, _)| at);
        places
            .take_while(|at| holds_nothing(&body[..*at]))
            .any(|at| stand_in(&body[at + text.len()..], others))
    })
}

/// Whether this is only what separates and surrounds records.
fn holds_nothing(text: &str) -> bool {
    let text = ["\\n", "\\r", "\\t"].iter().fold(text.to_owned(), |text, blank| text.replace(blank, ""));
    text.chars().all(|c| " \t\r\n,;|[]}\"\\".contains(c))
}

/// Reads a batch of events of which one is broken.
fn check(form: &Form, events: &[String], place: usize, broken: &str) -> Result<(), String> {
    let mut elements: Vec<String> = events.iter().map(|event| form.element(event)).collect();
    elements.insert(place, broken.to_owned());
    let body = form.body(&elements);
    let read = read(body.as_bytes());
    for (n, event) in events.iter().enumerate() {
        let hidden = n == place && form.hides_the_next_after(broken);
        if !hidden && !read.records.contains(event) {
            return Err(format!("{}: {event} does not come out of\n{body}", form.name));
        }
    }
    if !is_all_there(&body, &read.all) {
        return Err(format!("{}: something is lost of\n{body}\nread as {:?}", form.name, read.all));
    }
    Ok(())
}

/// An event, as we write it or as a converter does, which orders names by their hashes.
fn event(id: usize, name: &str, input: &Value, converted: bool) -> String {
    let data = json!({"name": name, "input": input.to_string(), "trigger": {"kind": "manual"}});
    let event = if converted {
        json!({"data": data, "specversion": "1.0", "id": id, "type": "x"})
    } else {
        json!({"specversion": "1.0", "id": id, "data": data, "type": "x"})
    };
    // Some escape it and some do not.
    event.to_string().replace('/', "-")
}

#[test]
fn an_event_that_is_cut_anywhere_costs_no_other_in_whatever_form_they_come() {
    let input = json!([{"a": "b, {\"c\": 1}"}, [{"d": ";|\\\n"}]]);
    let events: Vec<_> = (0..2).map(|id| event(id, "x} {\"y\"", &input, id == 1)).collect();
    for form in FORMS {
        for converted in [false, true] {
            let whole = event(9, "cut, \"}{", &input, converted);
            let element = form.element(&whole);
            for place in 0..=events.len() {
                for cut in 0..element.len() {
                    check(form, &events, place, &element[..cut]).unwrap();
                }
                for cut in 0..whole.len() {
                    check(form, &events, place, &form.element(&whole[..cut])).unwrap();
                }
            }
        }
    }
}

/// What becomes of a text.
#[derive(Debug, Clone)]
enum Damage {
    /// Its end is missing.
    Cut(Index),
    /// Only a part of it is left.
    Part(Index, Index),
    /// A byte is another one.
    Byte(Index, char),
}

impl Damage {
    fn of(&self, text: &str) -> String {
        let at = |index: &Index| text.floor_char_boundary(index.index(text.len()));
        match self {
            Self::Cut(end) => text[..at(end)].to_owned(),
            Self::Part(a, b) => {
                let (a, b) = (at(a), at(b));
                text[a.min(b)..a.max(b)].to_owned()
            }
            Self::Byte(index, byte) => {
                let at = at(index);
                let after = at + text[at..].chars().next().map_or(0, char::len_utf8);
                // No escape that nobody writes: what stood there would not be found again.
                let in_escape = text[..at].chars().rev().take(5).any(|before| before == '\\');
                let escapes = *byte == '\\' && text[after..].starts_with('u');
                let unusual = in_escape && byte.is_ascii_alphanumeric() || *byte == '/' || escapes;
                let byte = if unusual { '~' } else { *byte };
                format!("{}{byte}{}", &text[..at], &text[after..])
            }
        }
    }
}

fn any_damage() -> impl Strategy<Value = Damage> {
    let byte = prop_oneof![
        prop::char::range('\0', '~'),
        prop::sample::select(vec!['"', '\\', '{', '}', '[', ']', ',', ':', '\n'])
    ];
    prop_oneof![
        any::<Index>().prop_map(Damage::Cut),
        any::<(Index, Index)>().prop_map(|(a, b)| Damage::Part(a, b)),
        (any::<Index>(), byte).prop_map(|(index, byte)| Damage::Byte(index, byte)),
    ]
}

fn any_event() -> impl Strategy<Value = (String, Value, bool)> {
    (".{0,12}", any_value(), any::<bool>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn an_event_with_any_damage_costs_no_other(
        events in prop::collection::vec(any_event(), 1..6),
        form in prop::sample::select(FORMS),
        place in any::<Index>(),
        damage in any_damage(),
        within in any::<bool>(),
    ) {
        let mut events: Vec<_> =
            events.iter().enumerate().map(|(id, (name, input, converted))| event(id, name, input, *converted)).collect();
        let place = place.index(events.len());
        let whole = events.remove(place);
        // What is around a record would be around any of its fields.
        let within = within && !matches!(damage, Damage::Part(..));
        let broken = if within { form.element(&damage.of(&whole)) } else { damage.of(&form.element(&whole)) };
        if let Err(lost) = check(&form, &events, place, &broken) {
            prop_assert!(false, "{lost}");
        }
    }

    #[test]
    fn records_come_back_as_they_were_joined(
        objects in prop::collection::vec(any_object(".{0,6}", 0), 1..6),
        form in prop::sample::select(FORMS),
    ) {
        // What holds others is no record itself.
        let texts: Vec<_> = objects
            .into_iter()
            .map(|object| Value::from(object).to_string().replacen('{', "{\"specversion\":\"1.0\",", 1).replace(",}", "}"))
            .collect();
        let elements: Vec<_> = texts.iter().map(|text| form.element(text)).collect();
        prop_assert_eq!(read(form.body(&elements).as_bytes()).all, texts);
    }

    #[test]
    fn a_cut_object_costs_no_other_where_the_grammar_can_tell(
        objects in prop::collection::vec(any_object("[a-z]{1,6}", 1), 2..6),
        place in any::<Index>(),
        cut in any::<Index>(),
        between in prop::sample::select(vec![",", "\n", ";", "|", ",\n", ", ", ""]),
        in_array in any::<bool>(),
    ) {
        let mut texts: Vec<_> = objects.into_iter().map(|object| Value::from(object).to_string()).collect();
        let place = place.index(texts.len());
        let cut = texts[place].floor_char_boundary(cut.index(texts[place].len()));
        texts[place].truncate(cut);
        let hidden = (between.is_empty() && texts[place].ends_with(':')).then_some(place + 1);
        let body = texts.join(between);
        let body = if in_array && between.contains(',') { format!("[{body}]") } else { body };
        let read = read(body.as_bytes());
        for (n, text) in texts.iter().enumerate() {
            let found = read.records.contains(text) || n == place || Some(n) == hidden;
            prop_assert!(found, "{text} does not come out of {body}");
        }
        prop_assert!(is_all_there(&body, &read.all), "something is lost of {body}");
    }
}
