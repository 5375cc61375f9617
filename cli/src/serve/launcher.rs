//! How function processes are started, so that none outlives this program.

use std::{
    collections::BTreeMap,
    env, fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use tempfile::TempDir;
use tokio::process::Command;

use super::deployment::REGION;

/// Starts programs in the environment that the platform gives.
#[derive(Debug)]
pub(crate) struct Launcher {
    /// Linux's way to have a process killed with the one that started it, as a program (util-linux): asking the
    /// system directly takes code between fork and exec, which is unsafe.
    setpriv: Option<PathBuf>,
    environment: BTreeMap<&'static str, String>,
    sockets: TempDir,
    started: AtomicU64,
}

impl Launcher {
    /// For functions that are reached at `address`.
    ///
    /// # Errors
    /// When there is no place for sockets.
    pub(crate) fn new(address: &str) -> io::Result<Self> {
        let environment = [
            ("VERCEL", "1".to_owned()),
            ("VERCEL_ENV", "production".to_owned()),
            ("VERCEL_TARGET_ENV", "production".to_owned()),
            ("VERCEL_REGION", REGION.to_owned()),
            ("VERCEL_URL", address.to_owned()),
        ];
        Ok(Self {
            setpriv: setpriv(),
            environment: environment.into(),
            sockets: tempfile::Builder::new()
                .prefix("minireipaz-serve-")
                .permissions(fs::Permissions::from_mode(0o700))
                .tempdir()?,
            started: AtomicU64::new(0),
        })
    }

    /// Whether functions are killed with this program, even by `kill -9`.
    pub(crate) fn is_tied(&self) -> bool {
        self.setpriv.is_some()
    }

    /// A path for the next process's socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.sockets.path().join(format!("{}.sock", self.started.fetch_add(1, Ordering::Relaxed)))
    }

    /// A command that starts the program.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = match &self.setpriv {
            Some(setpriv) => {
                let mut command = Command::new(setpriv);
                command.args(["--pdeathsig", "KILL", "--"]).arg(program);
                command
            }
            None => Command::new(program),
        };
        // A function that found Lambda's variable would take itself to be there.
        command.envs(&self.environment).env_remove("AWS_LAMBDA_RUNTIME_API");
        command
    }
}

/// The program on the path, if it is the one that knows `--pdeathsig` (the one of busybox does not).
fn setpriv() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let found = env::split_paths(&path).map(|folder| folder.join("setpriv")).find(|file| file.is_file())?;
    let real = fs::canonicalize(&found).ok()?;
    (real.file_name()? == "setpriv").then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_reaches_the_sockets_of_functions() {
        let launcher = Launcher::new("localhost:1").unwrap();
        let folder = launcher.socket().parent().unwrap().to_owned();
        assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
