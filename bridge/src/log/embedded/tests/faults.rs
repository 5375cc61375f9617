//! A disk that fails, and comes back.

use std::sync::atomic::AtomicBool;

use redb::{Builder, StorageBackend, backends::FileBackend};

use super::*;
use crate::log::embedded::tables::storage;

/// A file whose writes can be made to fail.
#[derive(Debug)]
struct Faulty {
    file: FileBackend,
    broken: Arc<AtomicBool>,
}

impl Faulty {
    fn check(&self) -> std::io::Result<()> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(std::io::Error::other("no space left on device"));
        }
        Ok(())
    }
}

impl StorageBackend for Faulty {
    fn len(&self) -> std::io::Result<u64> {
        self.file.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        self.file.read(offset, out)
    }
    fn set_len(&self, len: u64) -> std::io::Result<()> {
        self.check()?;
        self.file.set_len(len)
    }
    fn sync_data(&self) -> std::io::Result<()> {
        self.check()?;
        self.file.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.check()?;
        self.file.write(offset, data)
    }
}

#[tokio::test]
async fn a_failed_disk_refuses_records_and_the_log_comes_back_by_itself_without_a_gap() {
    let dir = TempDir::new().unwrap();
    let broken = Arc::new(AtomicBool::new(false));
    let switch = broken.clone();
    let open: OpenFile = Box::new(move |path| {
        let file = std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let file = FileBackend::new(file.map_err(|e| storage(redb::Error::Io(e)))?).map_err(storage)?;
        let backend = Faulty { file, broken: switch.clone() };
        Builder::new().create_with_backend(backend).map_err(storage)
    });
    let log = EmbeddedLog::open_with(settings(dir.path()), Arc::new(SystemClock), open).unwrap();
    let at = TopicPartition::new("t", 0);
    append_all(&log, "t", vec![in_partition(0, "a")]).await;

    broken.store(true, Ordering::SeqCst);
    let refused = log.append("t", vec![in_partition(0, "lost")]).await;
    assert!(matches!(&refused[0], Err(LogError::Storage(why)) if why.contains("no space")), "{refused:?}");
    assert!(log.health().is_err());

    broken.store(false, Ordering::SeqCst);
    // The writer tries again within a second; records are refused until then, never taken and lost.
    let stored = loop {
        match log.append("t", vec![in_partition(0, "b")]).await.remove(0) {
            Ok(stored) => break stored,
            Err(error) => assert!(matches!(error, LogError::Storage(_)), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(log.health(), Ok(()));
    let read = log.read(&at, 0, ALL).await.unwrap();
    assert_eq!(read.last().map(|r| r.offset), Some(stored.offset));
    let offsets: Vec<u64> = read.iter().map(|r| r.offset).collect();
    assert_eq!(offsets, (0..=stored.offset).collect::<Vec<_>>());
    assert_eq!(texts(&read)[0], "a");
    log.close().await;
}
