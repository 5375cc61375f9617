//! Test runs: of a document that is not saved, of a part of a workflow, with outputs that are given.

use serde_json::Value;

use super::{Runs, StartRunError, WorkflowError, accept::Chosen, start::unfit};
use crate::store::UnreadableRow;
use domain::{
    course::Course,
    definition::Definition,
    ids::NodeId,
    limits::{MAX_INPUT_BYTES, MAX_ITEMS, above},
    measure::{input_bytes, items_bytes},
    run::{Extent, Pins, RunPlan, Trigger, UNSAVED},
    violation::{Violation, ViolationCode, Violations},
    workflow::{DocumentText, WorkflowDocument, WorkflowKey},
};

/// What a test run does otherwise than a run. It is marked by its trigger's kind, [`TEST`](domain::run::TEST), and counts in no statistics.
#[derive(Debug, Clone, PartialEq)]
pub struct TestRun {
    /// A document that is not saved; `None`: the workflow's, in the version that is asked for.
    pub document: Option<WorkflowDocument>,
    /// Which nodes belong to it.
    pub extent: Extent,
    /// The trigger that gives the input, of any kind; `None`: the first that leads to what is tested.
    pub trigger: Option<NodeId>,
    /// What nodes give without being executed.
    pub pins: Pins,
}

impl TestRun {
    pub(super) fn plan(&self) -> RunPlan {
        RunPlan {
            extent: self.extent.clone(),
            trigger: self.trigger.clone(),
            pins: self.pins.clone(),
            ..RunPlan::default()
        }
    }
}

impl Runs {
    pub(super) async fn choose_to_test(
        &self,
        key: &WorkflowKey,
        version: Option<u32>,
        test: &TestRun,
        input: &Value,
    ) -> Result<Chosen, StartRunError> {
        let (definition, version, document) = match &test.document {
            None => {
                let saved = self.workflows.saved(key, version).await?;
                (definition_of(&saved.document)?, saved.summary.version, None)
            }
            Some(_) if version.is_some() => {
                let message = "a document that is sent has no version; leave out `version`, or `document`";
                return Err(invalid("version", ViolationCode::InvalidValue, message));
            }
            Some(document) => {
                if !self.workflows.exists(key).await? {
                    return Err(StartRunError::NotFound(key.1));
                }
                let checked = self.workflows.checked(&key.0, document.clone()).await;
                let (document, text) =
                    checked.map_err(|error| StartRunError::Document(within_document(error)))?;
                let definition = Definition::of_saved(&document)
                    .map_err(|violations| StartRunError::Document(WorkflowError::Invalid(violations)))?;
                (definition, UNSAVED, Some(text))
            }
        };
        let plan = test.plan();
        let course = Course::of(&plan, &Trigger::test(), input, &definition);
        let trigger_node = id_of(course.map_err(StartRunError::InvalidPlan)?.trigger(), &definition);
        // Of what was saved later nothing is known here: the pins are for this version.
        let wanted = document.is_none().then_some(version);
        // A test runs beside what its workflow limits.
        Ok(Chosen { newest: version, version, wanted, trigger_node, concurrency: None, document, plan })
    }
}

/// What the node at that place is called.
pub(super) fn id_of(node: Option<usize>, definition: &Definition) -> Option<NodeId> {
    node.map(|node| definition.nodes[node].id.clone())
}

/// The places of mistakes, as who sent the document with other things sees them.
fn within_document(error: WorkflowError) -> WorkflowError {
    match error {
        WorkflowError::Invalid(violations) => WorkflowError::Invalid(
            violations
                .into_iter()
                .map(|violation| {
                    let path = match violation.path.as_str() {
                        "" => "document".to_owned(),
                        path => format!("document.{path}"),
                    };
                    Violation { path, ..violation }
                })
                .collect(),
        ),
        other => other,
    }
}

/// A workflow that was saved.
pub(super) fn definition_of(text: &DocumentText) -> Result<Definition, StartRunError> {
    let unreadable = |why: String| StartRunError::Store(UnreadableRow(why).into());
    let document = text.read().map_err(|error| {
        unreadable(format!(
            "the document is not a workflow, at line {} column {}",
            error.line(),
            error.column()
        ))
    })?;
    Definition::of_saved(&document)
        .map_err(|violations| unreadable(format!("the document has {} violations", violations.len())))
}

/// Pins are items, and travel beside the input: both together are within its limit.
pub(super) fn check_pins(pins: &Pins, input: &Value) -> Result<(), Vec<Violation>> {
    let mut violations = Violations::new();
    // What is wrong with the input was told already.
    let mut bytes = input_bytes(input).unwrap_or(0);
    for (node, ports) in pins {
        for (port, items) in ports {
            let path = format!("pins.{node}.{port}");
            bytes += items_bytes(items) + node.as_str().len() + port.len();
            if items.len() > MAX_ITEMS {
                let message = above(items.len(), "items", MAX_ITEMS, "MAX_ITEMS");
                violations.add(path, ViolationCode::Limit, message);
                continue;
            }
            let unfit = items.iter().enumerate().find_map(|(i, item)| {
                let (code, message) = unfit(&Value::Object(item.clone()))?;
                Some((i, code, message))
            });
            if let Some((i, code, message)) = unfit {
                violations.add(format!("{path}[{i}]"), code, message);
            }
        }
    }
    if bytes > MAX_INPUT_BYTES {
        let message = above(bytes, "bytes of pins and input", MAX_INPUT_BYTES, "MAX_INPUT_BYTES");
        violations.add("pins", ViolationCode::Limit, message);
    }
    violations.or(())
}

pub(super) fn invalid(path: &str, code: ViolationCode, message: impl Into<String>) -> StartRunError {
    let mut violations = Violations::new();
    violations.add(path, code, message);
    StartRunError::InvalidPlan(violations.into_vec())
}
