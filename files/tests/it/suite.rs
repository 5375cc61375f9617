//! What every store has to pass.

use bytes::Bytes;
use files::{FilesError, Swept, charge};

use crate::kept::{DAY, Kept, bytes, eventually, now, tenant};

/// Each of these tests over each store.
macro_rules! for_every_store {
    ($($test:ident),+ $(,)?) => {
        mod folder {
            $(#[tokio::test]
            async fn $test() {
                super::$test(&crate::kept::Kept::in_folder()).await;
            })+
        }
        for_every_store!(in s3, S3, $($test),+);
        for_every_store!(in azure, Azure, $($test),+);
    };
    (in $cloud:ident, $kind:ident, $($test:ident),+) => {
        mod $cloud {
            $(#[tokio::test]
            async fn $test() {
                if let Some(kept) = crate::kept::Kept::in_cloud(files::testing::Cloud::$kind).await {
                    super::$test(&kept).await;
                }
            })+
        }
    };
}

for_every_store! {
    what_is_stored_comes_back_byte_for_byte,
    the_same_bytes_are_one_file_of_a_tenant_and_nobody_elses,
    a_range_is_given_wherever_it_begins_and_ends,
    a_tenants_files_count_together_and_the_smallest_counts_too,
    what_is_given_up_leaves_nothing,
    what_is_old_is_over_before_it_is_deleted,
    what_is_stored_again_lives_on,
    processes_may_sweep_at_the_same_time,
}

/// What is sent at a time.
const PART: usize = 5 * 1024 * 1024;

async fn what_is_stored_comes_back_byte_for_byte(kept: &Kept) {
    let large = bytes(2 * PART + 1_234_567);
    let around: Vec<Vec<u8>> = [PART - 1, PART, PART + 1, 2 * PART].into_iter().map(bytes).collect();
    let mut kinds: Vec<Vec<&[u8]>> = vec![
        vec![],
        vec![&b"a\0b"[..], &b"\xff\0"[..]],
        vec![&large[..], &b"end"[..]],
        vec![&b"begin"[..], &large[..], &large[..3]],
        large.chunks(65_536).collect(),
    ];
    kinds.extend(around.iter().map(|whole| vec![whole.as_slice()]));
    for chunks in &kinds {
        let whole = chunks.concat();
        let stored = kept.put("acme", chunks).await;
        assert!(stored.is_new && stored.size == whole.len() as u64, "{stored:?}");
        assert!(kept.get("acme", &stored, None).await == whole, "{} bytes", whole.len());
        assert_eq!(kept.store.size(&tenant("acme"), &stored.id, now()).await.unwrap(), stored.size);
    }
    assert_eq!(kept.count().await, kinds.len(), "and nothing that came on the way is left");
}

async fn the_same_bytes_are_one_file_of_a_tenant_and_nobody_elses(kept: &Kept) {
    let large = bytes(PART + 17);
    for whole in [&b"same"[..], &large] {
        let (begin, end) = whole.split_at(2);
        let first = kept.put("acme", &[whole]).await;
        let again = kept.put("acme", &[begin, end]).await;
        assert_eq!((first.is_new, again.is_new, &first.id), (true, false, &again.id));
        let other = kept.store.size(&tenant("other"), &first.id, now()).await.unwrap_err();
        assert!(
            matches!(other, FilesError::NotFound { .. }) && other.to_string().contains("FILES_TTL"),
            "{other}"
        );
        assert!(!kept.has("other", &first.id, now()).await);
        assert_eq!(kept.put("other", &[whole]).await.id, first.id);
        assert!(kept.get("other", &first, None).await == whole);
    }
    assert_eq!(kept.count().await, 4);
}

async fn a_range_is_given_wherever_it_begins_and_ends(kept: &Kept) {
    let whole = bytes(2 * PART + 100);
    let stored = kept.put("acme", &[&whole]).await;
    let size = whole.len();
    for range in [0..1, 1..4, PART - 3..PART + 3, 0..size, size - 1..size, 100..2 * PART + 50] {
        let asked = range.start as u64..range.end as u64;
        assert!(kept.get("acme", &stored, Some(asked)).await == whole[range.clone()], "{range:?}");
    }
    let content = kept.store.read(&tenant("acme"), &stored.id, Some(7..9), now()).await.unwrap();
    assert_eq!((content.size, content.range), (size as u64, 7..9));
}

async fn a_tenants_files_count_together_and_the_smallest_counts_too(kept: &Kept) {
    assert_eq!(kept.store.used(&tenant("acme")).await.unwrap(), 0);
    kept.put("acme", &[b"tiny"]).await;
    kept.put("acme", &[b"another"]).await;
    kept.put("acme", &[&bytes(PART + 1)]).await;
    kept.put("other", &[&bytes(9_999)]).await;
    let all = 2 * charge(1) + PART as u64 + 1;
    assert_eq!(kept.store.used(&tenant("acme")).await.unwrap(), all);
    assert_eq!(kept.store.used(&tenant("other")).await.unwrap(), 9_999);
}

async fn what_is_given_up_leaves_nothing(kept: &Kept) {
    let mut little = kept.store.upload(&tenant("acme"));
    little.write(Bytes::from_static(b"little")).await.unwrap();
    drop(little);
    let mut much = kept.store.upload(&tenant("acme"));
    much.write(bytes(PART - 1).into()).await.unwrap();
    much.write(bytes(PART + 1).into()).await.unwrap();
    drop(much);
    eventually("nothing is left", async || kept.count().await == 0).await;
    assert_eq!(kept.store.used(&tenant("acme")).await.unwrap(), 0);
}

async fn what_is_old_is_over_before_it_is_deleted(kept: &Kept) {
    let small = kept.put("acme", &[b"small"]).await;
    let large = kept.put("other", &[&bytes(PART + 1)]).await;
    let files = [("acme", &small.id), ("other", &large.id)];
    for (of, id) in files {
        assert!(kept.has(of, id, now().plus(29 * DAY)).await);
        assert!(!kept.has(of, id, now().plus(31 * DAY)).await, "though nobody has swept");
    }
    assert_eq!(kept.store.sweep(now().plus(29 * DAY)).await.unwrap(), Swept { deleted: 0, left: 2 });
    // Whose tenants they are, and which process has stored them, does not matter.
    assert_eq!(kept.store.sweep(now().plus(31 * DAY)).await.unwrap(), Swept { deleted: 2, left: 0 });
    for (of, id) in files {
        assert!(!kept.has(of, id, now()).await);
    }
    assert_eq!(kept.count().await, 0);
}

async fn processes_may_sweep_at_the_same_time(kept: &Kept) {
    for number in 0..40_u8 {
        kept.put(&format!("tenant-{}", number % 7), &[&[number]]).await;
    }
    let others = [kept.of_another_process(), kept.of_another_process()];
    let later = now().plus(31 * DAY);
    let (one, two, three) =
        tokio::join!(kept.store.sweep(later), others[0].sweep(later), others[1].sweep(later));
    for swept in [one, two, three] {
        assert_eq!(swept.unwrap().left, 0);
    }
    assert_eq!(kept.count().await, 0);
}

async fn what_is_stored_again_lives_on(kept: &Kept) {
    let large = bytes(PART + 1);
    for whole in [&b"small"[..], &large] {
        let begun = now();
        let stored = kept.put("acme", &[whole]).await;
        // The clouds tell times in seconds.
        eventually("three seconds later", async || now().since(begun).as_secs() >= 3).await;
        let again = now();
        assert!(!kept.put("acme", &[whole]).await.is_new);
        let over = begun.plus(30 * DAY).plus(std::time::Duration::from_millis(1_500));
        assert!(over < again.plus(30 * DAY));
        assert!(kept.has("acme", &stored.id, over).await, "its time counts from then on");
        assert!(kept.get("acme", &stored, None).await == whole);
    }
}
