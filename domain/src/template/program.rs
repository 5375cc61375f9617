//! Programs: JavaScript with statements, as `code` runs it.

use super::{
    Checker, Place, place,
    syntax::{Parser, Problem},
};
use crate::{limits::MAX_CODE_BYTES, violation::ViolationCode};

/// A program that cannot be taken. Lines and columns are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProgram {
    /// It is longer than may be.
    #[error("the program has {0} bytes, above the limit of {MAX_CODE_BYTES} (MAX_CODE_BYTES)")]
    TooLong(usize),
    /// The document's programs and expressions come to more than may be.
    #[error("the programs and expressions of this document are too much to check: {0}")]
    TooMuch(String),
    /// It is no JavaScript.
    #[error("the program is no JavaScript: {what}{place}")]
    Syntax {
        /// What is wrong, mostly in the parser's words.
        what: String,
        /// Where, when the parser knows.
        place: Place,
    },
}

impl InvalidProgram {
    /// What kind of mistake it is.
    #[must_use]
    pub const fn code(&self) -> ViolationCode {
        match self {
            Self::TooLong(_) | Self::TooMuch(_) => ViolationCode::Limit,
            Self::Syntax { .. } => ViolationCode::InvalidExpression,
        }
    }
}

impl Checker {
    /// Whether a text is a program. It counts as an expression of the document.
    ///
    /// # Errors
    /// When it is longer than may be, or no JavaScript; or when the document's become too much to check, once.
    pub fn check_program(&mut self, text: &str) -> Result<(), InvalidProgram> {
        if text.len() > MAX_CODE_BYTES {
            return Err(InvalidProgram::TooLong(text.len()));
        }
        self.room_for(text).map_or(Ok(()), |above| Err(InvalidProgram::TooMuch(above)))?;
        self.parse_program(text)
            .map_err(|Problem { at, what }| InvalidProgram::Syntax { what, place: place(text, at) })
    }
}

impl Parser {
    /// Whether the source is the body of a function that may wait and may return.
    pub(super) fn check_program(&mut self, source: &str) -> Result<(), Problem> {
        self.parse("(async()=>{\n", source, "\n})").map_err(|problem| match problem.at {
            Some(at) if at >= source.len() => {
                Problem { at: Some(source.len()), what: "it ends too early".to_owned() }
            }
            _ => problem,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_statements_with_or_without_return() {
        for program in [
            "1 + 1",
            "const a = 1;\nreturn [{ a }];",
            "for (const item of $input.all()) { item.seen = true }\n$input.all()",
            "return await Promise.all([1])",
            "// {{ not a template }}\nreturn {}",
            "",
        ] {
            assert_eq!(Checker::default().check_program(program), Ok(()), "{program}");
        }
        for (program, said) in [
            ("const a = ;", "at line 1, column 11"),
            ("let a = 1;\nreturn {", "ends too early, at line 2"),
            ("import x from 'fs'", "line 1"),
            ("export default 1", "line 1"),
            ("\0", "NUL"),
        ] {
            let error = Checker::default().check_program(program).unwrap_err();
            assert!(error.to_string().contains(said), "{program}: {error}");
            assert_eq!(error.code(), ViolationCode::InvalidExpression);
        }
    }

    #[test]
    fn programs_are_bounded_each_and_together() {
        let program = format!("/* {} */", "x".repeat(MAX_CODE_BYTES - 6));
        let mut checker = Checker::default();
        assert_eq!(checker.check_program(&format!("{program} ")).unwrap_err().code(), ViolationCode::Limit);
        assert_eq!(checker.check_program(&program), Ok(()));
        assert_eq!(checker.check_program(&program), Ok(()));
        let error = checker.check_program("1").unwrap_err();
        assert!(error.to_string().contains("MAX_EXPRESSIONS_BYTES"), "{error}");
        assert_eq!(checker.check_program("1 +"), Ok(()), "it is said once, and nothing is parsed any more");
    }
}
