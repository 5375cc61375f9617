//! Single values, to and from rows.

use klickhouse::{DynDateTime64, Tz, Value};
use serde::{
    Serialize,
    de::{DeserializeOwned, IntoDeserializer, value::StrDeserializer},
};
use uuid::Uuid;

use super::connection::Cells;
use crate::store::{Found, StoreError, UnreadableRow};
use domain::{ids::TenantId, timestamp::Timestamp};

/// A row to insert: the columns' names, each with its value.
macro_rules! row {
    ($($column:literal: $value:expr),+ $(,)?) => {
        $crate::store::clickhouse::connection::InsertRow {
            columns: &[$($column),+],
            values: std::sync::Arc::new(vec![$($value),+]),
        }
    };
}
pub(super) use row;

/// The last moment that a `DateTime64(3)` holds, in 2299; the first is the epoch.
const LAST_MOMENT: i64 = 10_413_791_999_999;

pub(super) fn text(text: &str) -> Value {
    Value::String(text.as_bytes().to_vec())
}

pub(super) fn moment(at: Timestamp) -> Value {
    let millis = at.as_millis().clamp(0, LAST_MOMENT).unsigned_abs();
    Value::DateTime64(DynDateTime64(Tz::UTC, millis, 3))
}

/// No moment is the epoch, at which nothing happens: a `Nullable` column is two columns to every insert.
pub(super) fn optional_moment(at: Option<Timestamp>) -> Value {
    moment(at.unwrap_or_default())
}

pub(super) fn flag(is: bool) -> Value {
    Value::UInt8(u8::from(is))
}

pub(super) fn numbers(numbers: &[u32]) -> Value {
    Value::Array(numbers.iter().copied().map(Value::UInt32).collect())
}

pub(super) fn json(value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|error| StoreError::Unwritable(format!("not as JSON: {error}")))
}

/// Nothing is the empty text, which is no JSON.
pub(super) fn optional_json(value: Option<&impl Serialize>) -> Result<Vec<u8>, StoreError> {
    value.map_or(Ok(Vec::new()), json)
}

/// Reads a row's values one after the other.
pub(super) struct Reader(std::vec::IntoIter<Value>);

impl From<Cells> for Reader {
    fn from(cells: Cells) -> Self {
        Self(cells.0.into_iter())
    }
}

impl Reader {
    fn next(&mut self) -> Found<Value> {
        self.0.next().ok_or_else(|| UnreadableRow("it has too few columns".to_owned()))
    }

    /// Leaves out `columns` values.
    pub(super) fn skip(&mut self, columns: usize) {
        self.0.by_ref().take(columns).for_each(drop);
    }

    /// The number that comes next, if it is one.
    pub(super) fn peek_u64(&self) -> u64 {
        match self.0.as_slice().first() {
            Some(Value::UInt64(number)) => *number,
            _ => 0,
        }
    }

    /// How long the text is that comes after `skipped` values.
    pub(super) fn text_len(&self, skipped: usize) -> usize {
        match self.0.as_slice().get(skipped) {
            Some(Value::String(bytes)) => bytes.len(),
            _ => 0,
        }
    }

    /// Makes the text empty that comes after `skipped` values.
    pub(super) fn clear_text(&mut self, skipped: usize) {
        if let Some(text @ Value::String(_)) = self.0.as_mut_slice().get_mut(skipped) {
            *text = Value::String(Vec::new());
        }
    }

    /// A text that need not be one.
    pub(super) fn bytes(&mut self) -> Found<Vec<u8>> {
        match self.next()? {
            Value::String(bytes) => Ok(bytes),
            other => Err(unexpected("a text", &other)),
        }
    }

    pub(super) fn text(&mut self) -> Found<String> {
        String::from_utf8(self.bytes()?).map_err(|error| UnreadableRow(error.to_string()))
    }

    /// A text, with U+FFFD for what is none.
    pub(super) fn lossy_text(&mut self) -> Found<String> {
        Ok(String::from_utf8_lossy(&self.bytes()?).into_owned())
    }

    pub(super) fn tenant(&mut self) -> Found<TenantId> {
        TenantId::parse(&self.text()?).map_err(|error| UnreadableRow(error.to_string()))
    }

    /// A name such as a status.
    pub(super) fn name<T: DeserializeOwned>(&mut self) -> Found<T> {
        let text = self.text()?;
        let text: StrDeserializer<'_, serde::de::value::Error> = text.as_str().into_deserializer();
        T::deserialize(text).map_err(|error| UnreadableRow(error.to_string()))
    }

    pub(super) fn json<T: DeserializeOwned>(&mut self) -> Found<T> {
        parse(&self.bytes()?)
    }

    pub(super) fn optional_json<T: DeserializeOwned>(&mut self) -> Found<Option<T>> {
        let bytes = self.bytes()?;
        if bytes.is_empty() { Ok(None) } else { parse(&bytes).map(Some) }
    }

    pub(super) fn uuid(&mut self) -> Found<Uuid> {
        match self.next()? {
            Value::Uuid(id) => Ok(id),
            other => Err(unexpected("a UUID", &other)),
        }
    }

    pub(super) fn flag(&mut self) -> Found<bool> {
        match self.next()? {
            Value::UInt8(n) => Ok(n != 0),
            other => Err(unexpected("a UInt8", &other)),
        }
    }

    pub(super) fn u32(&mut self) -> Found<u32> {
        match self.next()? {
            Value::UInt32(n) => Ok(n),
            other => Err(unexpected("a UInt32", &other)),
        }
    }

    pub(super) fn u64(&mut self) -> Found<u64> {
        match self.next()? {
            Value::UInt64(n) => Ok(n),
            other => Err(unexpected("a UInt64", &other)),
        }
    }

    pub(super) fn numbers(&mut self) -> Found<Vec<u32>> {
        let values = match self.next()? {
            Value::Array(values) => values,
            other => return Err(unexpected("an Array", &other)),
        };
        let mut values = Self(values.into_iter());
        (0..values.0.len()).map(|_| values.u32()).collect()
    }

    pub(super) fn moment(&mut self) -> Found<Timestamp> {
        match self.next()? {
            Value::DateTime64(DynDateTime64(_, millis, 3)) => {
                Ok(Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX)))
            }
            other => Err(unexpected("a DateTime64(3)", &other)),
        }
    }

    pub(super) fn optional_moment(&mut self) -> Found<Option<Timestamp>> {
        let at = self.moment()?;
        Ok((at != Timestamp::default()).then_some(at))
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Found<T> {
    serde_json::from_slice(bytes).map_err(|error| {
        // What serde says of a value that does not fit holds the value, which may be anybody's data.
        UnreadableRow(if error.is_data() {
            let (line, column) = (error.line(), error.column());
            format!("a column's JSON has another form than expected, at line {line} column {column}")
        } else {
            format!("a column is not JSON that can be read: {error}")
        })
    })
}

/// The value itself may be anybody's data, so only its type is told.
fn unexpected(wanted: &str, got: &Value) -> UnreadableRow {
    UnreadableRow(format!("a column is a {}, not {wanted}", got.guess_type()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::run::RunStatus;

    #[test]
    fn a_moment_that_the_column_cannot_hold_is_the_nearest_that_it_can() {
        let read = |at| Reader(vec![moment(at)].into_iter()).moment().unwrap();
        assert_eq!(read(Timestamp::from_millis(-5)), Timestamp::from_millis(0));
        assert_eq!(
            read(Timestamp::from_millis(1_795_500_000_123)),
            Timestamp::from_millis(1_795_500_000_123)
        );
        assert_eq!(read(Timestamp::from_millis(i64::MAX)).to_string(), "2299-12-31T23:59:59.999Z");
    }

    #[test]
    fn no_moment_comes_back_as_none_and_no_json_as_nothing() {
        let read = |at| Reader(vec![optional_moment(at)].into_iter()).optional_moment().unwrap();
        let at = Timestamp::from_millis(1_795_500_000_123);
        assert_eq!([read(None), read(Some(at))], [None, Some(at)]);
        let nothing = Value::String(optional_json(None::<&u32>).unwrap());
        let mut row = Reader(vec![nothing, numbers(&[]), numbers(&[3, 0])].into_iter());
        assert_eq!(row.optional_json::<u32>().unwrap(), None);
        assert_eq!([row.numbers().unwrap(), row.numbers().unwrap()], [vec![], vec![3, 0]]);
    }

    #[test]
    fn a_row_that_cannot_be_read_says_why_without_its_data() {
        let reader = |values: Vec<Value>| Reader(values.into_iter());
        assert!(reader(vec![]).text().is_err());
        let error = reader(vec![text("secret")]).u64().unwrap_err().to_string();
        assert_eq!(error, "a stored row cannot be read: a column is a String, not a UInt64");
        assert!(reader(vec![text("asleep")]).name::<RunStatus>().is_err());
        assert_eq!(reader(vec![text("timed_out")]).name::<RunStatus>().unwrap(), RunStatus::TimedOut);
    }
}
