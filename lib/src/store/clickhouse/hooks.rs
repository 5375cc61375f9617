//! How often addresses of webhooks were exchanged.

use std::collections::HashMap;

use async_trait::async_trait;

use super::{
    ClickHouse,
    cells::{Reader, moment, optional_moment, row, text},
    sql::Text,
};
use crate::store::{Found, HookStore, Rotation, StoreError};
use domain::{ids::NodeId, workflow::WorkflowKey};
use klickhouse::Value;

#[async_trait]
impl HookStore for ClickHouse {
    async fn rotations(
        &self,
        (tenant, workflow): &WorkflowKey,
    ) -> Result<HashMap<NodeId, Rotation>, StoreError> {
        // `recorded_at` decides between two rows of one number as a merge would: the last one stays.
        let sql = format!(
            "SELECT node_id, number, rotated_at, previous_until FROM hook_rows \
             WHERE tenant = {} AND workflow_id = '{workflow}' \
             ORDER BY number DESC, recorded_at DESC LIMIT 1 BY node_id \
             SETTINGS select_sequential_consistency = 1",
            Text(tenant.as_str())
        );
        let rows = self.database.select("hooks", &sql).await?.into_iter().map(read_rotation);
        // An address whose state cannot be read must not be taken, so nothing is passed over.
        Ok(rows.collect::<Found<_>>()?)
    }

    async fn rotate(
        &self,
        (tenant, workflow): &WorkflowKey,
        node: &NodeId,
        rotation: &Rotation,
    ) -> Result<(), StoreError> {
        let row = row! {
            "tenant": text(tenant.as_str()),
            "workflow_id": Value::Uuid(workflow.0),
            "node_id": text(node.as_str()),
            "number": Value::UInt32(rotation.number),
            "rotated_at": moment(rotation.at),
            "previous_until": optional_moment(rotation.previous_until),
        };
        self.database.insert("rotate_hook", "hook_rows", vec![row]).await
    }
}

fn read_rotation(mut row: Reader) -> Found<(NodeId, Rotation)> {
    let node = row.name()?;
    let rotation = Rotation { number: row.u32()?, at: row.moment()?, previous_until: row.optional_moment()? };
    Ok((node, rotation))
}
