//! What is said once about a kind, for everybody who must know it.

use std::{collections::HashSet, time::Duration};

use serde_json::{Map, Value};

use super::params::{At, Reader, Table};
use crate::{
    items::{MAIN, Port},
    retry::RetryPolicy,
    violation::ViolationCode as Code,
};

/// A kind, declared.
#[derive(Debug)]
pub struct Declaration {
    /// Its name in documents; it is for ever.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// Where a picker shows it.
    pub group: Group,
    /// What it does, in one line.
    pub summary: &'static str,
    /// What else one has to know, as Markdown.
    pub docs: &'static str,
    /// A sign for it: a name from the Lucide set.
    pub icon: &'static str,
    /// Whether it starts runs; a trigger has no incoming edges.
    pub trigger: bool,
    /// Whether a workflow may have only one.
    pub single: bool,
    /// What it does to the world.
    pub effect: Effect,
    /// Its output ports; without `error`, which comes from `on_error: error_port`.
    pub ports: OutputPorts,
    /// The inputs it tells apart (`targetHandle`); empty: it does not.
    pub inputs: &'static [&'static str],
    /// Whether it can fail, and so has the port `error` under `on_error: error_port`.
    pub error_port: bool,
    /// Time limit of one attempt when the node has none.
    pub timeout: Duration,
    /// Retries when the node has no policy of its own.
    pub retry: RetryPolicy,
    /// Its parameters.
    pub params: Table,
    /// Reads the parameters of a saved document, for the sake of what is wrong with them.
    pub check: fn(&Map<String, Value>, &At<'_>, &mut Reader<'_>),
    /// It at work.
    pub example: Example,
}

/// Where a picker shows a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// It starts runs.
    Triggers,
    /// It calls others.
    Calls,
    /// It changes items.
    Data,
    /// It decides what comes next, and when.
    Flow,
}

/// What a step does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It only computes: nobody notices when it is done again, so it may run before its start is durable.
    Pure,
    /// It calls somebody, who may notice.
    Calls,
}

/// The output ports of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputPorts {
    /// Always these.
    Fixed(&'static [&'static str]),
    /// One for each element of a list in the parameters, named by a field of it.
    Each {
        /// The parameter that holds the list.
        list: &'static str,
        /// The field of an element that names its port.
        name: &'static str,
        /// The parameters that name a port each, behind these; it may be one of them.
        also: &'static [&'static str],
    },
}

impl OutputPorts {
    /// The ports of a node with these parameters, each once.
    #[must_use]
    pub fn of(&self, params: &Map<String, Value>) -> Vec<Port> {
        match self {
            Self::Fixed(ports) => ports.iter().map(|port| Port::from(*port)).collect(),
            Self::Each { list, name, also } => {
                let also = also.iter().filter_map(|param| params.get(*param)?.as_str());
                let all = named(params, list, name).map(|(_, port)| port).chain(also);
                let mut seen = HashSet::new();
                all.filter(|port| seen.insert(*port)).map(Port::from).collect()
            }
        }
    }

    /// Notes every element whose port has the name of an earlier one.
    pub fn check(&self, params: &Map<String, Value>, at: &At<'_>, reader: &mut Reader<'_>) {
        let Self::Each { list, name, .. } = self else { return };
        let mut taken = HashSet::new();
        for (i, port) in named(params, list, name) {
            if !taken.insert(port) {
                let message = format!("there is a port {port:?} already; choose another name");
                reader.violation(&at.field(list).index(i).field(name), Code::InvalidValue, message);
            }
        }
    }
}

/// The elements of a list that name a port, each with its place.
fn named<'p>(
    params: &'p Map<String, Value>,
    list: &str,
    name: &str,
) -> impl Iterator<Item = (usize, &'p str)> {
    let elements = params.get(list).and_then(Value::as_array).into_iter().flatten();
    elements.enumerate().filter_map(move |(i, element)| Some((i, element.get(name)?.as_str()?)))
}

/// A kind at work: these parameters make this output of these items. It is part of the docs, and tested.
#[derive(Debug)]
pub struct Example {
    /// The parameters, JSON.
    pub params: &'static str,
    /// What comes in, JSON: a list of items; with several inputs an object of lists.
    pub input: &'static str,
    /// What goes out, JSON: a list of items for each port. Empty for a kind that ends the run.
    pub output: &'static str,
}

/// What most kinds have in common: they compute, have one port, and are not tried again.
pub(super) const COMPUTES: Declaration = Declaration {
    name: "",
    title: "",
    group: Group::Data,
    summary: "",
    docs: "",
    icon: "",
    trigger: false,
    single: false,
    effect: Effect::Pure,
    ports: OutputPorts::Fixed(&[MAIN]),
    inputs: &[],
    error_port: true,
    timeout: Duration::from_secs(30),
    retry: RetryPolicy::standard(1, Duration::ZERO),
    params: Table::EMPTY,
    check: |object, at, reader| Table::EMPTY.check_names(object, at, reader),
    example: Example { params: "{}", input: "[]", output: "{}" },
};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{kinds::params::Checker, violation::Violations};

    const PORTS: OutputPorts = OutputPorts::Each { list: "cases", name: "port", also: &["fallback"] };

    #[test]
    fn a_kind_may_let_its_parameters_name_its_ports() {
        let params = json!({"cases": [{"port": "cheap"}, {"port": "dear"}, {"port": "cheap"}, {"other": 1}, 5], "fallback": "rest"});
        let named = PORTS.of(params.as_object().unwrap());
        assert_eq!(named.iter().map(|port| &**port).collect::<Vec<_>>(), ["cheap", "dear", "rest"]);
        let params = json!({"cases": [{"port": "cheap"}, {"port": "dear"}], "fallback": "cheap"});
        let named = PORTS.of(params.as_object().unwrap());
        assert_eq!(named.iter().map(|port| &**port).collect::<Vec<_>>(), ["cheap", "dear"]);
        assert_eq!(PORTS.of(&Map::new()), []);
    }

    #[test]
    fn a_port_that_is_there_already_cannot_be_named_again() {
        let params = json!({"cases": [{"port": "a"}, {"port": "b"}, {"port": "a"}, 5], "fallback": "b"});
        let (mut violations, mut checker) = (Violations::new(), Checker::default());
        let mut reader = Reader::saved(&mut violations, &mut checker);
        PORTS.check(params.as_object().unwrap(), &At::root("p"), &mut reader);
        let paths: Vec<_> = violations.into_vec().into_iter().map(|found| found.path).collect();
        assert_eq!(paths, ["p.cases[2].port"]);
    }
}
