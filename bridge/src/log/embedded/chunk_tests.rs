use proptest::prelude::*;

use super::*;

fn bytes() -> impl Strategy<Value = Option<Bytes>> {
    proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from))
}

fn record() -> impl Strategy<Value = NewRecord> {
    let headers = proptest::collection::vec(
        ("[a-z]{0,8}", bytes()).prop_map(|(name, value)| Header { name, value }),
        0..3,
    );
    (bytes(), bytes(), headers, any::<i64>(), any::<bool>()).prop_map(
        |(key, value, headers, timestamp, json)| NewRecord {
            partition: None,
            key,
            value,
            headers,
            timestamp,
            json,
        },
    )
}

proptest! {
    #[test]
    fn what_is_encoded_comes_back(records in proptest::collection::vec(record(), 0..20), skip in 0u64..25) {
        let mut encoded = Vec::new();
        for record in &records {
            encode(record, &mut encoded);
        }
        let built = Chunk::build(100, records.len() as u32, 7, 50, &[&encoded]);
        let chunk = Chunk::parse(100, built.stored().clone()).unwrap();
        prop_assert_eq!((chunk.appended_at, chunk.end()), (7, 100 + records.len() as u64));
        prop_assert_eq!(chunk.running_total, 50 + chunk.stored().len() as u64);

        let mut read = Vec::new();
        let all = chunk.records(100 + skip, |r| { read.push(r); true }).unwrap();
        prop_assert!(all);
        let expected: Vec<Record> = records.iter().enumerate().skip(skip as usize).map(|(n, r)| Record {
            offset: 100 + n as u64, key: r.key.clone(), value: r.value.clone(), headers: r.headers.clone(),
            timestamp: r.timestamp, json: r.json,
        }).collect();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn damaged_bytes_are_an_error_and_never_a_panic(mut stored in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Some(version) = stored.first_mut() { *version = VERSION; }
        if stored.len() > 20 { stored[19] = 0; stored[20] = 0; }
        if let Ok(chunk) = Chunk::parse(u64::from(u32::MAX), stored.into()) {
            let _ = chunk.records(0, |_| true);
        }
    }
}
