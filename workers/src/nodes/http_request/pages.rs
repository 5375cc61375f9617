//! What is evaluated behind a page: whether another one follows, and what is different in its request.

use std::{sync::Arc, time::Instant};

use domain::{
    definition::{Definition, Node},
    kinds::{
        http_request::{Pagination, Until},
        params::{At, Parameter, Reader},
    },
    retry::Failure,
    run::NodeError,
    template::InvalidTemplate,
    violation::Violations,
};
use serde_json::{Map, Value, json};

use super::{failure::CallFailure, gathered::Gathered, used::keep_out_evaluated};
use crate::{
    expr::{Ask, Evaluator, Form, JavaScript, Page, Param, Scope, Values, javascript_of},
    nodes::{invalid_params, read_evaluated},
    step::unevaluated,
};

/// A node's pagination, compiled.
#[derive(Debug)]
pub(super) struct Pages {
    until: Param,
    /// The object of what is different.
    different: Param,
    sources: Vec<Arc<str>>,
}

/// What follows a page.
#[derive(Debug)]
pub(super) enum Follows {
    /// Nothing: it was the last one.
    Nothing,
    /// Nothing, and the page itself is not one.
    NotEvenThis,
    /// A page whose request has these differences.
    Page(Box<Pagination>),
}

/// Who evaluates it for an item.
#[derive(Clone, Copy)]
pub(super) struct Asking<'s> {
    pub(super) javascript: &'s JavaScript,
    pub(super) scope: &'s Arc<Scope>,
    pub(super) node: &'s Node,
    pub(super) deadline: Instant,
}

impl Pages {
    /// Takes out of a node's parameters what is evaluated behind each page. `None`: its answers have no pages.
    pub(super) fn take(
        params: &mut Map<String, Value>,
        definition: &Definition,
    ) -> Result<Option<Self>, InvalidTemplate> {
        let Some(Value::Object(pagination)) = params.get_mut("pagination") else { return Ok(None) };
        let mut of_a_page = Map::new();
        for name in Pagination::OF_A_PAGE {
            // A parameter that is `null` is not given; what comes to `null` ends the pages.
            if let Some(value) = pagination.shift_remove(name).filter(|value| !value.is_null()) {
                of_a_page.insert(name.to_owned(), value);
            }
        }
        let until = Param::compile(&of_a_page.shift_remove("until").unwrap_or_default(), definition)?;
        let different = Param::compile(&Value::Object(of_a_page), definition)?;
        let mut sources = Vec::new();
        javascript_of(&until, &mut sources);
        javascript_of(&different, &mut sources);
        Ok(Some(Self { until, different, sources }))
    }

    /// Visits what is evaluated.
    pub(super) fn params<'p>(&'p self, visit: &mut dyn FnMut(&'p Param)) {
        visit(&self.until);
        visit(&self.different);
    }

    /// What follows the last page that came. `is_enough`: whether no further one is wanted.
    pub(super) async fn follows(
        &self,
        asking: Asking<'_>,
        item: usize,
        gathered: &Gathered,
        is_enough: bool,
    ) -> Result<Follows, CallFailure> {
        let page = Page { response: Arc::clone(&gathered.last), count: gathered.pages };
        let scope = Arc::new(asking.scope.behind(page));
        let values = if self.sources.is_empty() {
            Values::default()
        } else {
            let deadline = asking.deadline;
            // What is not asked for, since it was the last page, may fail.
            let ask = Ask {
                scope: &scope,
                form: Form::Expression,
                sources: &self.sources,
                stop_at_limit: false,
                deadline,
            };
            asking.javascript.all(ask, &[item]).await.map_err(|why| {
                let (error, failure) = unevaluated(why, asking.node.timeout);
                CallFailure { error, failure }
            })?
        };
        let follows = self.decide(&scope, values, item, gathered, is_enough);
        follows.map_err(|error| CallFailure { error, failure: Failure::Permanent })
    }

    fn decide(
        &self,
        scope: &Arc<Scope>,
        values: Values,
        item: usize,
        gathered: &Gathered,
        is_enough: bool,
    ) -> Result<Follows, Box<NodeError>> {
        let keep_out = |value: Option<&Value>, error| keep_out_evaluated(value, &scope.env, error);
        let mut evaluator = Evaluator::new(scope, values);
        let until =
            self.until.evaluate(&mut evaluator, item).map_err(|error| keep_out(None, error.into()))?;
        match read_until(&until).map_err(|error| keep_out(None, error))? {
            Some(Until::Empty) if gathered.last_is_empty() => return Ok(Follows::NotEvenThis),
            Some(Until::Here(true)) => return Ok(Follows::Nothing),
            Some(Until::Empty | Until::Here(false)) | None => {}
        }
        if is_enough {
            return Ok(Follows::Nothing);
        }
        let value =
            self.different.evaluate(&mut evaluator, item).map_err(|error| keep_out(None, error.into()))?;
        if value.as_object().is_none_or(Pagination::is_at_end) {
            return Ok(Follows::Nothing);
        }
        let read = read_evaluated(&value, |object, _, reader| {
            Pagination::read_object(object, &At::root("params.pagination"), reader)
        });
        read.map(|different| Follows::Page(Box::new(different))).map_err(|error| {
            keep_out(Some(&json!({ "query": value["query"], "headers": value["headers"] })), error)
        })
    }
}

fn read_until(value: &Value) -> Result<Option<Until>, Box<NodeError>> {
    let mut violations = Violations::new();
    let at = At::root("params.pagination.until");
    let until = match value {
        Value::Null => None,
        given => Until::read(given, &at, &mut Reader::evaluated(&mut violations)),
    };
    match violations.into_vec() {
        none if none.is_empty() => Ok(until),
        violations => Err(invalid_params(&violations).into()),
    }
}
