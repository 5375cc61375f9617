//! Splits a stream of JSON objects, written one after another, into the objects, however it is cut into frames.

use bytes::{Bytes, BytesMut};

/// Finds the objects of a stream. It looks at brackets and strings only; whether an object is good JSON is for
/// the parser to say.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    /// The beginning of an object whose end has not come yet.
    partial: BytesMut,
    frame: Bytes,
    depth: u32,
    in_string: bool,
    escaped: bool,
}

/// The stream holds something else than objects.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotAnObject;

impl Splitter {
    /// Takes the next frame; the one before must be used up: [`Splitter::next_object`] gave `None`.
    pub(super) fn push(&mut self, frame: Bytes) {
        self.frame = frame;
    }

    /// Bytes of the object that is not complete.
    pub(super) fn pending(&self) -> usize {
        self.partial.len()
    }

    /// The next object; `None`: another frame is needed.
    pub(super) fn next_object(&mut self) -> Result<Option<Bytes>, NotAnObject> {
        if self.depth == 0 {
            let blank = self.frame.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n')).count();
            let _ = self.frame.split_to(blank);
            match self.frame.first() {
                None => return Ok(None),
                Some(b'{') => {}
                Some(_) => return Err(NotAnObject),
            }
        }
        for index in 0..self.frame.len() {
            if self.ends_with(self.frame[index]) {
                let end = self.frame.split_to(index + 1);
                if self.partial.is_empty() {
                    return Ok(Some(end));
                }
                self.partial.extend_from_slice(&end);
                return Ok(Some(self.partial.split().freeze()));
            }
        }
        let rest = std::mem::take(&mut self.frame);
        self.partial.extend_from_slice(&rest);
        Ok(None)
    }

    /// Looks at the next byte; `true`: the object ends with it.
    fn ends_with(&mut self, byte: u8) -> bool {
        if self.in_string {
            if self.escaped {
                self.escaped = false;
            } else if byte == b'\\' {
                self.escaped = true;
            } else if byte == b'"' {
                self.in_string = false;
            }
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(frames: &[&[u8]]) -> (Vec<String>, Result<usize, NotAnObject>) {
        let (mut splitter, mut objects) = (Splitter::default(), Vec::new());
        for frame in frames {
            splitter.push(Bytes::copy_from_slice(frame));
            loop {
                match splitter.next_object() {
                    Ok(Some(object)) => objects.push(String::from_utf8_lossy(&object).into_owned()),
                    Ok(None) => break,
                    Err(error) => return (objects, Err(error)),
                }
            }
        }
        (objects, Ok(splitter.pending()))
    }

    #[test]
    fn brackets_and_quotes_in_strings_do_not_count() {
        let one = r#"{"a":"}\"]{","b":[{"c":"\\"}]}"#;
        let (objects, rest) = split(&[format!(" {one}\r\n{one} ").as_bytes()]);
        assert_eq!((objects, rest), (vec![one.to_owned(), one.to_owned()], Ok(0)));
    }

    #[test]
    fn anything_but_an_object_is_refused_after_the_objects_before_it() {
        let (objects, rest) = split(&[br#"{"a":1} , {"a":2}"#]);
        assert_eq!((objects.len(), rest), (1, Err(NotAnObject)));
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(cuts in proptest::collection::vec(0usize..80, 0..10)) {
            let text = br#"{"a":"x\\"}  {"b":{"c":["}",1]}}{"d":"\u007d"} {"unfinished": ["#;
            let mut cuts: Vec<_> = cuts.into_iter().map(|c| c.min(text.len())).collect();
            cuts.sort_unstable();
            let mut frames = Vec::new();
            let mut start = 0;
            for cut in cuts.into_iter().chain([text.len()]) {
                frames.push(&text[start..cut]);
                start = cut;
            }
            let (objects, rest) = split(&frames);
            prop_assert_eq!(objects, [r#"{"a":"x\\"}"#, r#"{"b":{"c":["}",1]}}"#, r#"{"d":"\u007d"}"#]);
            prop_assert_eq!(rest, Ok(r#"{"unfinished": ["#.len()));
        }
    }
}
