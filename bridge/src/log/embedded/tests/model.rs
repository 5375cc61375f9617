//! The log against a model: a list of values a partition, whatever is appended, committed, restarted and read.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Action {
    Append(Vec<(u32, usize)>),
    Commit(u32),
    Read { partition: u32, from: u64, records: usize, bytes: usize },
    Restart,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => proptest::collection::vec((0u32..2, 0usize..600), 1..8).prop_map(Action::Append),
        2 => (0u32..2).prop_map(Action::Commit),
        3 => (0u32..2, 0u64..30, 1usize..10, 1usize..2_000)
            .prop_map(|(partition, from, records, bytes)| Action::Read { partition, from, records, bytes }),
        1 => Just(Action::Restart),
    ]
}

fn tiny(dir: &Path) -> EmbeddedSettings {
    // A tail that holds next to nothing: reads go to memory, to the disk, and across the border.
    EmbeddedSettings { partitions: 2, tail_bytes: 700, ..settings(dir) }
}

async fn follow(actions: Vec<Action>) -> Result<(), TestCaseError> {
    let dir = TempDir::new().unwrap();
    let mut log = open(tiny(dir.path()));
    append_all(&log, "t", vec![in_partition(0, "first")]).await;
    let mut model = [vec!["first".to_owned()], Vec::new()];
    let mut committed = [None, None];
    for (round, action) in actions.into_iter().enumerate() {
        match action {
            Action::Append(batch) => {
                let records: Vec<_> = batch
                    .iter()
                    .enumerate()
                    .map(|(n, (partition, size))| (*partition, format!("{round}.{n}.{}", "x".repeat(*size))))
                    .collect();
                let new = records.iter().map(|(partition, text)| in_partition(*partition, text)).collect();
                for ((partition, text), stored) in records.into_iter().zip(append_all(&log, "t", new).await) {
                    let list = &mut model[partition as usize];
                    prop_assert_eq!((stored.partition, stored.offset), (partition, list.len() as u64));
                    list.push(text);
                }
            }
            Action::Commit(partition) => {
                let next = model[partition as usize].len() as u64;
                log.commit("g", &TopicPartition::new("t", partition), next);
                committed[partition as usize] = Some(next);
            }
            Action::Read { partition, from, records, bytes } => {
                let at = TopicPartition::new("t", partition);
                let read = log.read(&at, from, ReadLimit { records, bytes }).await.unwrap();
                let expected =
                    &model[partition as usize][(from as usize).min(model[partition as usize].len())..];
                prop_assert!(read.len() <= records && read.len() <= expected.len());
                prop_assert_eq!(read.is_empty(), expected.is_empty());
                let size: usize = texts(&read).iter().map(String::len).sum();
                prop_assert!(size <= bytes || read.len() == 1, "{} of {}", size, bytes);
                prop_assert_eq!(&texts(&read)[..], &expected[..read.len()]);
                prop_assert!(read.iter().zip(from..).all(|(record, offset)| record.offset == offset));
            }
            Action::Restart => {
                log.close().await;
                log = open(tiny(dir.path()));
            }
        }
        for partition in 0..2 {
            let at = TopicPartition::new("t", partition);
            prop_assert_eq!(log.end(&at), Some(model[partition as usize].len() as u64));
            prop_assert_eq!(log.committed("g", &at), Ok(committed[partition as usize]));
        }
    }
    log.close().await;
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn the_log_is_a_list_of_records_a_partition(actions in proptest::collection::vec(action(), 1..25)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(follow(actions))?;
    }
}
