//! More files than a cloud lists at a time.

use files::{Swept, charge, testing::Cloud};
use futures_util::{StreamExt as _, stream};

use crate::kept::{DAY, Kept, now, tenant};

#[tokio::test]
async fn more_files_than_a_page_has_are_counted_and_looked_at() {
    let Some(kept) = Kept::in_cloud(Cloud::S3).await else { return };
    let putting = (0..1_005_u32).map(|number| {
        let kept = &kept;
        async move { kept.put("acme", &[&number.to_be_bytes()]).await }
    });
    stream::iter(putting).buffer_unordered(16).collect::<Vec<_>>().await;
    assert_eq!(kept.store.used(&tenant("acme")).await.unwrap(), 1_005 * charge(4));
    assert_eq!(kept.store.sweep(now().plus(DAY)).await.unwrap(), Swept { deleted: 0, left: 1_005 });
}
