//! The stores that must pass each test of the suite.

/// Runs tests, each of which takes a store, over every store.
macro_rules! for_every_store {
    ($($test:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $test() {
                super::$test(&minireipaz::store::memory::MemoryStore::new()).await;
            })+
        }
        mod clickhouse {
            $(#[tokio::test]
            async fn $test() {
                super::$test(&crate::store::clickhouse().await).await;
            })+
        }
    };
}
pub(super) use for_every_store;
