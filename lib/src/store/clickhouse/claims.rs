//! Claims to what is about to be saved.

use async_trait::async_trait;
use klickhouse::Value;

use super::{
    ClickHouse,
    cells::{flag, row, text},
    connection::InsertRow,
    sql::Text,
};
use crate::store::{Claim, ClaimKey, ClaimStore, StoreError};

#[async_trait]
impl ClaimStore for ClickHouse {
    async fn claim(&self, key: &ClaimKey, claim: &Claim) -> Result<bool, StoreError> {
        self.database.insert("claim", "claims", vec![claim_row(key, claim, false)]).await?;
        let (tenant, subject) = key;
        let sql = format!(
            "SELECT claim FROM claims WHERE tenant = {} AND subject = '{subject}' AND version = {} \
             AND content != '{}' AND at > now64(3) - INTERVAL {} SECOND GROUP BY claim HAVING max(withdrawn) = 0 \
             LIMIT 1 SETTINGS select_sequential_consistency = 1",
            Text(tenant.as_str()),
            claim.version,
            claim.content,
            Claim::EXPIRY.as_secs()
        );
        Ok(self.database.select("claims", &sql).await?.is_empty())
    }

    async fn withdraw(&self, key: &ClaimKey, claim: &Claim) -> Result<(), StoreError> {
        self.database.insert("withdraw_claim", "claims", vec![claim_row(key, claim, true)]).await
    }
}

fn claim_row((tenant, subject): &ClaimKey, claim: &Claim, withdrawn: bool) -> InsertRow {
    row! {
        "tenant": text(tenant.as_str()),
        "subject": Value::Uuid(*subject),
        "version": Value::UInt32(claim.version),
        "claim": Value::Uuid(claim.id),
        "content": Value::Uuid(claim.content),
        "withdrawn": flag(withdrawn),
    }
}
