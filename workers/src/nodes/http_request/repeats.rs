//! Notices pages that go round in a circle.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
};

use domain::kinds::{http_request::Params, set::Fields};
use serde_json::Value;

use super::failure::CallFailure;

/// So many answers in a row that are the same to the byte: the server does not mind what is different in the requests.
const SAME_ANSWERS: usize = 5;

/// What was asked for and what came in this attempt, as hashes.
#[derive(Debug)]
pub(super) struct Repeats {
    requests: HashSet<u64>,
    answer: Option<u64>,
    same_answers: usize,
}

impl Repeats {
    /// Nothing but the first page's request.
    pub(super) fn of(params: &Params) -> Self {
        let requests = HashSet::from([what_differs(params, &Fields::default())]);
        Self { requests, answer: None, same_answers: 0 }
    }

    /// The request of a further page, whose body was changed so.
    ///
    /// # Errors
    /// When it was made before.
    pub(super) fn request(&mut self, number: usize, page: &Params, body: &Fields) -> Result<(), CallFailure> {
        if self.requests.insert(what_differs(page, body)) {
            return Ok(());
        }
        let message = format!(
            "page {number} would be asked for as one before it was, so the pages go round in a circle; let `next_url`, \
             `query`, `headers` or `body` of `pagination` lead on, or `until` say which page is the last one"
        );
        Err(CallFailure::permanent("pages_repeat", message))
    }

    /// An answer's body.
    ///
    /// # Errors
    /// When it was the same too often.
    pub(super) fn answer(&mut self, number: usize, body: &[u8]) -> Result<(), CallFailure> {
        let answer = Some(hash(body));
        self.same_answers = if answer == self.answer { self.same_answers + 1 } else { 1 };
        self.answer = answer;
        if self.same_answers < SAME_ANSWERS {
            return Ok(());
        }
        let message = format!(
            "the last {SAME_ANSWERS} pages up to page {number} are the same, so the server does not mind what `pagination` \
             changes in its requests; look for the right name of the parameter, or let `until` say which page is the last one"
        );
        Err(CallFailure::permanent("pages_repeat", message))
    }
}

/// What may be different in the requests of pages.
fn what_differs(page: &Params, Fields(body): &Fields) -> u64 {
    let body: Vec<(String, &Value)> = body.iter().map(|(path, value)| (path.to_string(), value)).collect();
    hash(&(page.target(), &page.headers.0, format!("{body:?}")))
}

fn hash(what: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
