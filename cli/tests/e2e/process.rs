//! Programs under test: started so that none outlives this one, whatever ends it.

use std::{
    fs, io,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        OnceLock,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use minireipaz::testing::eventually;

/// The variable that marks every process of a system, and those that they start.
pub const MARK: &str = "E2E_SYSTEM_FOLDER";

/// A running program. Dropping it kills its process group.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
}

impl Process {
    /// Starts `command`, whose output goes to the file `log`.
    pub fn start(name: &str, command: &Command, log: &Path) -> Self {
        Self::start_with(name, command, log, Stdio::null(), None)
    }

    /// The same for a script that stops when its standard input ends, and says on its output where it is.
    pub fn start_with(
        name: &str,
        command: &Command,
        log: &Path,
        stdin: Stdio,
        stdout: Option<Stdio>,
    ) -> Self {
        let file = fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        let mut command = dying_with_us(command);
        command
            .stdin(stdin)
            .stdout(stdout.unwrap_or_else(|| file.try_clone().unwrap().into()))
            .stderr(file)
            .process_group(0);
        let child = spawn(command).unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        Self { name: name.to_owned(), child }
    }

    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its exit status, when it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Kills it as a power cut would, and waits until it is gone.
    pub fn kill(&mut self) {
        signal("KILL", self.child.id());
        self.child.wait().unwrap();
    }

    /// Asks it to stop.
    pub fn terminate(&self) {
        signal("TERM", self.child.id());
    }

    /// Sends a signal and waits for the end.
    pub async fn stop_by(&mut self, name: &str) -> ExitStatus {
        signal(name, self.child.id());
        let child = &mut self.child;
        eventually(&format!("{} stops", self.name), async || child.try_wait().unwrap()).await
    }

    /// The most memory that it and the processes that it has started have held, in MiB.
    pub fn peak_memory(&self) -> u64 {
        let family = children_of(self.id()).into_iter().chain([self.id()]);
        family.map(peak_memory).sum()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = Command::new("kill")
            .args(["-KILL", "--", &format!("-{}", self.child.id())])
            .stderr(Stdio::null())
            .status();
        let _ = self.child.wait();
    }
}

/// Sends a signal to one process.
pub fn signal(name: &str, pid: u32) {
    let _ = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
}

/// The most memory that a process has held, in MiB; 0 when it is gone or the system does not tell.
pub fn peak_memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kibibytes.unwrap_or(0) / 1_024
}

/// Processes whose command line or environment names this folder and that are not about to vanish.
pub fn processes_of(folder: &Path) -> Vec<u32> {
    let folder = folder.to_str().unwrap();
    let pids =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid| *pid != std::process::id() && !is_zombie(*pid))
        .filter(|pid| {
            ["cmdline", "environ"].iter().any(|file| {
                let text = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
                String::from_utf8_lossy(&text).contains(folder)
            })
        })
        .collect()
}

fn children_of(parent: u32) -> Vec<u32> {
    let lists = fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten();
    let texts = lists.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok());
    texts
        .flat_map(|text| text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

fn is_zombie(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status.rsplit(") ").next().is_none_or(|rest| rest.starts_with('Z') || rest.is_empty())
}

/// What a process was started with, for people.
pub fn command_line(pid: u32) -> String {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).replace('\0', " ")
}

/// The command, killed by Linux when this program is gone. Elsewhere only `Drop` kills it.
fn dying_with_us(command: &Command) -> Command {
    let mut wrapped = if on_path("setpriv") {
        let mut setpriv = Command::new("setpriv");
        setpriv.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program());
        setpriv
    } else {
        Command::new(command.get_program())
    };
    wrapped.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        wrapped.current_dir(folder);
    }
    wrapped
}

fn on_path(program: &str) -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    *FOUND.get_or_init(|| {
        Command::new(program).arg("--version").output().is_ok_and(|said| said.status.success())
    })
}

type Order = (Command, Sender<io::Result<Child>>);

/// Starts it on a thread that lives as long as this program: Linux takes the end of the thread that started a child
/// for the end of its parent.
fn spawn(command: Command) -> io::Result<Child> {
    static STARTER: OnceLock<Sender<Order>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (orders, received): (Sender<Order>, Receiver<Order>) = channel();
        thread::spawn(move || {
            for (mut command, reply) in received {
                let _ = reply.send(command.spawn());
            }
        });
        orders
    });
    let (reply, child) = channel();
    starter.send((command, reply)).unwrap();
    child.recv().unwrap()
}
