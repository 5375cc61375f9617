//! What a child's answer says, checked: its engine may have been broken out of.

use serde_json::{Value, value::RawValue};

use super::{console::Console, message::Answer};

/// A checked answer.
#[derive(Debug, PartialEq)]
pub(super) enum Told {
    Values {
        /// Item by item; the last one may lack some.
        cells: Vec<Result<Value, String>>,
        /// How large they are together.
        bytes: usize,
        ended: bool,
        retire: bool,
        console: Vec<String>,
    },
    /// This expression does not stop.
    Stuck(usize),
    Failed(String),
}

/// Reads an answer to a request for `asked` values of `columns` expressions.
///
/// # Errors
/// When no child that is in order would answer so.
pub(super) fn read(answer: &[u8], asked: usize, columns: usize) -> Result<Told, String> {
    let answer: Answer<&RawValue> = serde_json::from_slice(answer).map_err(|error| unreadable(&error))?;
    match answer {
        Answer::Stuck { source } if source < columns => Ok(Told::Stuck(source)),
        Answer::Stuck { .. } => Err("its answer names an expression that there is not".to_owned()),
        Answer::Failed(why) => Ok(Told::Failed(why)),
        Answer::Values { values, ended, retire, console } => {
            if values.is_empty() && !ended || values.len() > asked {
                return Err(format!("its answer has {} of {asked} values", values.len()));
            }
            let (mut cells, mut bytes) = (Vec::with_capacity(values.len()), 0);
            for value in values {
                bytes += value.as_ref().map_or_else(String::len, |json| json.get().len());
                cells.push(match value {
                    Ok(json) => Ok(serde_json::from_str(json.get()).map_err(|error| unreadable(&error))?),
                    Err(reason) => Err(reason),
                });
            }
            let console = Console::of(console).into_lines();
            Ok(Told::Values { cells, bytes, ended, retire, console })
        }
    }
}

fn unreadable(error: &serde_json::Error) -> String {
    format!("its answer cannot be read: {error}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_was_asked_for_is_taken() {
        let values =
            |values: Value, ended| json!({"Values": {"values": values, "ended": ended, "retire": false}});
        let one = json!({"Ok": {"a": 1}});
        let read = |answer: &Value| read(answer.to_string().as_bytes(), 4, 2);
        let told = read(&values(json!([one, {"Err": "why"}]), false)).unwrap();
        let cells = vec![Ok(json!({"a": 1})), Err("why".to_owned())];
        assert_eq!(told, Told::Values { cells, bytes: 10, ended: false, retire: false, console: vec![] });
        assert!(read(&values(json!([]), true)).is_ok(), "a limit ended it");
        assert!(read(&values(json!([one]), false)).is_ok(), "its turn was over");
        for wrong in [
            values(json!([]), false),
            values(json!([one, one, one, one, one]), false),
            json!({"Stuck": {"source": 2}}),
            json!({"Unknown": 1}),
            json!(null),
        ] {
            assert!(read(&wrong).is_err(), "{wrong}");
        }
        let deep = format!(
            "{{\"Values\":{{\"values\":[{{\"Ok\":{}}}],\"ended\":true,\"retire\":false}}}}",
            "[".repeat(100_000)
        );
        assert!(super::read(deep.as_bytes(), 4, 2).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes, 3, 2);
        }
    }
}
