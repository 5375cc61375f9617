//! Formats of dates in the tokens of Luxon (moment.github.io/luxon/#/formatting).

/// A format, in pieces.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Format {
    /// As it was written.
    pub(super) text: String,
    pub(super) pieces: Vec<Piece>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Token(Token),
}

/// A text that is no format.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidFormat {
    #[error(
        "the format {format:?} has {token:?}, which stands for nothing; words stand in quotes: '{token}'"
    )]
    Token { format: String, token: String },
    #[error("the format {0:?} opens a quote and does not close it")]
    Quote(String),
    #[error("the format is longer than {MAX_BYTES} bytes")]
    TooLong,
    #[error("{0:?} can only be written, not read")]
    WrittenOnly(String),
}

/// Nobody writes a longer one.
const MAX_BYTES: usize = 200;

macro_rules! tokens {
    ($($(#[$doc:meta])* $variant:ident = $($text:literal)|+,)+) => {
        /// What a token stands for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Token { $($(#[$doc])* $variant,)+ }

        impl Token {
            fn of(text: &str) -> Option<Self> {
                match text { $($($text)|+ => Some(Self::$variant),)+ _ => None }
            }

            pub(super) fn as_str(self) -> &'static str {
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
    pub(super) fn parse(text: &str) -> Result<Self, InvalidFormat> {
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

fn add_text(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        Some(Piece::Text(before)) => before.push_str(text),
        _ if text.is_empty() => {}
        _ => pieces.push(Piece::Text(text.to_owned())),
    }
}
