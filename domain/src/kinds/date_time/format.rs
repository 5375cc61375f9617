//! Formats of dates in the tokens of Luxon (moment.github.io/luxon/#/formatting).

use serde_json::{Value, json};

use crate::{
    kinds::params::{At, Parameter, Reader},
    violation::ViolationCode as Code,
};

/// A format, in pieces.
#[derive(Debug, PartialEq, Eq)]
pub struct Format {
    /// As it was written.
    pub text: String,
    /// What it is made of, in order.
    pub pieces: Vec<Piece>,
}

/// A piece of a format.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Words that stand for themselves.
    Text(String),
    /// A part of a date.
    Token(Token),
}

/// A text that is no format.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFormat {
    /// Letters that are neither a token nor in quotes.
    #[error(
        "the format {format:?} has {token:?}, which stands for nothing; words stand in quotes: '{token}'"
    )]
    Token {
        /// The format.
        format: String,
        /// The letters.
        token: String,
    },
    /// A quote without an end.
    #[error("the format {0:?} opens a quote and does not close it")]
    Quote(String),
    /// It is too long.
    #[error("the format is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// A token by which no date can be read.
    #[error("{0:?} can only be written, not read")]
    WrittenOnly(String),
}

/// Nobody writes a longer one.
const MAX_BYTES: usize = 200;

macro_rules! tokens {
    ($($(#[$doc:meta])* $variant:ident = $($text:literal)|+,)+) => {
        /// What a token stands for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "their names say it, as far as nothing else does")]
        pub enum Token { $($(#[$doc])* $variant,)+ }

        impl Token {
            fn of(text: &str) -> Option<Self> {
                match text { $($($text)|+ => Some(Self::$variant),)+ _ => None }
            }

            /// As it is written in a format.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => tokens!(@first $($text)+),)+ }
            }
        }
    };
    (@first $first:literal $($rest:literal)*) => { $first };
}

tokens! {
    Year = "y",
    Year2 = "yy",
    Year4 = "yyyy",
    Quarter = "q",
    Quarter2 = "qq",
    Month = "M" | "L",
    Month2 = "MM" | "LL",
    MonthShort = "MMM" | "LLL",
    MonthLong = "MMMM" | "LLLL",
    MonthLetter = "MMMMM" | "LLLLL",
    Day = "d",
    Day2 = "dd",
    DayOfYear = "o",
    DayOfYear3 = "ooo",
    /// 1 (Monday) to 7.
    Weekday = "E" | "c",
    WeekdayShort = "EEE" | "ccc",
    WeekdayLong = "EEEE" | "cccc",
    WeekdayLetter = "EEEEE" | "ccccc",
    /// The year that an ISO 8601 week belongs to.
    WeekYear2 = "kk",
    WeekYear4 = "kkkk",
    Week = "W",
    Week2 = "WW",
    Hour = "H",
    Hour2 = "HH",
    HourOf12 = "h",
    HourOf12Two = "hh",
    HalfDay = "a",
    Minute = "m",
    Minute2 = "mm",
    Second = "s",
    Second2 = "ss",
    Millisecond = "S",
    Millisecond3 = "SSS",
    /// A fraction of a second.
    Fraction = "u",
    /// `+5`, `+5:30`.
    OffsetShort = "Z",
    /// `+05:00`.
    OffsetColon = "ZZ",
    /// `+0500`.
    Offset = "ZZZ",
    /// `CET`.
    ZoneShort = "ZZZZ",
    /// `Europe/Berlin`.
    Zone = "z",
    UnixSeconds = "X",
    UnixMillis = "x",
}

impl Format {
    /// Reads a format.
    ///
    /// # Errors
    /// When it has letters that stand for nothing, a quote without an end, or is too long.
    pub fn parse(text: &str) -> Result<Self, InvalidFormat> {
        if text.len() > MAX_BYTES {
            return Err(InvalidFormat::TooLong);
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if first == '\'' {
                let (word, behind) =
                    rest[1..].split_once('\'').ok_or_else(|| InvalidFormat::Quote(text.to_owned()))?;
                add_text(&mut pieces, word);
                rest = behind;
                continue;
            }
            let length = rest.find(|c| c != first).unwrap_or(rest.len());
            let (run, behind) = rest.split_at(length);
            if first.is_ascii_alphabetic() {
                let token = Token::of(run)
                    .ok_or_else(|| InvalidFormat::Token { format: text.to_owned(), token: run.to_owned() })?;
                pieces.push(Piece::Token(token));
            } else {
                add_text(&mut pieces, run);
            }
            rest = behind;
        }
        Ok(Self { text: text.to_owned(), pieces })
    }
}

impl Token {
    /// Whether no date can be read by it, since it does not tell enough.
    #[must_use]
    pub const fn is_written_only(self) -> bool {
        matches!(
            self,
            Self::Quarter
                | Self::Quarter2
                | Self::MonthLetter
                | Self::WeekdayLetter
                | Self::WeekYear2
                | Self::ZoneShort
        )
    }
}

/// How a date is written. When a document is saved it is known to be a format; one that only a run knows is checked where
/// it is used.
pub type WrittenFormat = DateFormat<false>;

/// The same of a date that is read: each of its tokens tells something.
pub type ReadFormat = DateFormat<true>;

/// The text of a format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateFormat<const READ: bool>(pub String);

impl<const READ: bool> DateFormat<READ> {
    /// Its pieces.
    ///
    /// # Errors
    /// When it is no format, or has a token by which no date can be read.
    pub fn parse(&self) -> Result<Format, InvalidFormat> {
        let format = Format::parse(&self.0)?;
        let only_written = format.pieces.iter().find_map(|piece| match piece {
            Piece::Token(token) if READ && token.is_written_only() => Some(token.as_str()),
            _ => None,
        });
        only_written.map_or(Ok(format), |token| Err(InvalidFormat::WrittenOnly(token.to_owned())))
    }
}

impl<const READ: bool> Parameter for DateFormat<READ> {
    const NAME: &'static str = "date format";

    fn schema() -> Value {
        json!({ "type": "string", "examples": ["yyyy-MM-dd HH:mm", "dd.MM.yyyy"] })
    }

    fn open_schema() -> Value {
        Self::schema()
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let format = Self(String::read(value, at, reader)?);
        reader.check(at, Code::InvalidValue, || format.parse().map(drop));
        Some(format)
    }
}

fn add_text(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        Some(Piece::Text(before)) => before.push_str(text),
        _ if text.is_empty() => {}
        _ => pieces.push(Piece::Text(text.to_owned())),
    }
}
