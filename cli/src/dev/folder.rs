//! The folder that keeps everything of `minireipaz dev`, so that a restart finds it again.

use std::{
    ffi::OsStr,
    fs::{self, File, TryLockError},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::screen;

/// What is in it.
const CONTENTS: [&str; 15] = [
    "bridge",
    "clickhouse",
    "connector-secret",
    "connectors",
    "credential-key",
    "dev.json",
    "dev.log",
    "dev.log.old",
    "files",
    "hook-secret",
    "issuer",
    "link-secret",
    "lock",
    "token",
    "worker",
];

/// A log that is larger is put aside at the next start.
const LARGE_LOG: u64 = 32 << 20;

/// The folder, locked for this process.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    // Freed by the system when the process ends, however it ends.
    _lock: File,
}

/// Where the parts listen: what `dev.json` says, for other programs and for the next start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Addresses {
    /// The API.
    pub(crate) functions: String,
    /// The REST Proxy front.
    pub(crate) bridge: String,
    /// The worker: tasks, health and metrics.
    pub(crate) worker: String,
    /// The playground that the examples call.
    pub(crate) playground: String,
    /// `ClickHouse`, as `CLICKHOUSE_URL` says it.
    pub(crate) clickhouse: String,
}

impl Addresses {
    /// What the last `minireipaz dev` on this folder said; `None` when there was none.
    pub(crate) fn of_folder(folder: &Path) -> Option<Self> {
        let text = fs::read_to_string(folder.join("dev.json")).ok()?;
        serde_json::from_str(&text).ok()
    }
}

impl Folder {
    /// Opens the folder, or makes it.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let is_ours = |name: &OsStr| CONTENTS.iter().any(|known| name == *known);
        let open = private_files::folder(path, is_ours)
            .with_context(|| format!("cannot make the folder {}", path.display()))?;
        if let Some(open) = open {
            screen::warning(&open.to_string());
        }
        let path = path.canonicalize()?;
        let lock = private_files::open(&path.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => anyhow::bail!(
                "another `minireipaz dev` runs on {}: stop it, or choose another folder with --data",
                path.display()
            ),
            Err(TryLockError::Error(error)) => Err(error).context("cannot lock the folder"),
        }
    }

    /// A path in the folder.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The log of all parts; it begins anew with each start once it is large.
    pub(crate) fn log(&self) -> anyhow::Result<File> {
        let path = self.join("dev.log");
        if fs::metadata(&path).is_ok_and(|file| file.len() > LARGE_LOG) {
            fs::rename(&path, self.join("dev.log.old"))?;
        }
        Ok(private_files::append(&path)?)
    }

    /// Where the parts listened last time.
    pub(crate) fn addresses(&self) -> Addresses {
        Addresses::of_folder(&self.path).unwrap_or_default()
    }

    /// Tells other programs, and the next start, where the parts listen.
    pub(crate) fn save_addresses(&self, addresses: &Addresses) -> anyhow::Result<()> {
        // It names the database as it was given, with its password.
        Ok(private_files::write(&self.join("dev.json"), serde_json::to_string_pretty(addresses)?)?)
    }

    /// The secret that connectors show; made at the first start.
    pub(crate) fn connector_secret(&self) -> anyhow::Result<String> {
        self.secret("connector-secret")
    }

    /// The secret of the links by which people give signals; made at the first start.
    pub(crate) fn link_secret(&self) -> anyhow::Result<String> {
        self.secret("link-secret")
    }

    /// The secret of the addresses of webhooks; made at the first start.
    pub(crate) fn hook_secret(&self) -> anyhow::Result<String> {
        self.secret("hook-secret")
    }

    /// What credentials are sealed with, as `CREDENTIAL_KEYS` says it; made at the first start.
    pub(crate) fn credential_keys(&self) -> anyhow::Result<String> {
        // As many bytes as a key has, and all of the chance that the secret has.
        let key = Sha256::digest(self.secret("credential-key")?.as_bytes());
        Ok(format!("dev:{}", BASE64_STANDARD.encode(key)))
    }

    fn secret(&self, file: &str) -> anyhow::Result<String> {
        let path = self.join(file);
        if let Ok(secret) = fs::read_to_string(&path) {
            return Ok(secret.trim().to_owned());
        }
        let secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        private_files::write(&path, &secret)?;
        Ok(secret)
    }

    /// Keeps the developer's token for the other commands.
    pub(crate) fn save_token(&self, token: &str) -> anyhow::Result<()> {
        Ok(private_files::write(&self.join("token"), token)?)
    }
}

/// A port that is free now: that of `last` if it is, so that addresses stay the same across restarts.
pub(crate) fn free_port(last: &str) -> anyhow::Result<u16> {
    let last = url::Url::parse(last).ok().and_then(|url| url.port()).unwrap_or(0);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, last))
        .or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    Ok(listener.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_folder_serves_one_process_and_keeps_its_secret_and_addresses() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let secret = folder.connector_secret().unwrap();
        let addresses = addresses();
        folder.save_addresses(&addresses).unwrap();
        let error = Folder::open(dir.path()).unwrap_err();
        assert!(error.to_string().contains("--data"), "{error}");
        drop(folder);
        let folder = Folder::open(dir.path()).unwrap();
        assert_eq!(folder.connector_secret().unwrap(), secret);
        assert_eq!(folder.addresses(), addresses);
    }

    #[test]
    fn everything_in_the_folder_is_its_owners_alone_also_what_was_not() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for wide in [0o755, 0o775] {
            let folder = Folder::open(&path).unwrap();
            folder.connector_secret().unwrap();
            folder.link_secret().unwrap();
            folder.hook_secret().unwrap();
            assert!(
                folder.credential_keys().unwrap().parse::<minireipaz::credentials::CredentialKeys>().is_ok()
            );
            folder.save_token("hush").unwrap();
            folder.save_addresses(&Addresses::default()).unwrap();
            folder.log().unwrap();
            crate::dev::settings::bridge(&folder, &addresses(), BTreeMap::new()).unwrap();
            assert_eq!((mode(&path), mode(&path.join("connectors"))), (0o700, 0o700));
            let files = [
                "lock",
                "connector-secret",
                "link-secret",
                "hook-secret",
                "credential-key",
                "token",
                "dev.json",
                "dev.log",
                "connectors/tasks-http-sink.json",
            ];
            for file in files {
                assert_eq!(mode(&path.join(file)), 0o600, "{file}");
                fs::set_permissions(path.join(file), fs::Permissions::from_mode(wide & 0o666)).unwrap();
            }
            // A secret that is there already is only read; its folder keeps others out.
            fs::remove_file(path.join("connector-secret")).unwrap();
            fs::remove_file(path.join("link-secret")).unwrap();
            fs::remove_file(path.join("hook-secret")).unwrap();
            fs::remove_file(path.join("credential-key")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(wide)).unwrap();
        }
    }

    fn addresses() -> Addresses {
        Addresses { bridge: "http://127.0.0.1:1".into(), ..Addresses::default() }
    }

    #[test]
    fn a_port_that_is_taken_is_not_used_again() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        assert_ne!(free_port(&format!("http://127.0.0.1:{port}")).unwrap(), port);
        drop(taken);
        assert_eq!(free_port(&format!("http://127.0.0.1:{port}")).unwrap(), port);
    }
}
