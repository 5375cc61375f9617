//! What a child may use of the machine: memory and time to compute, and nothing else.

use std::{fs, io, time::Duration};

use nix::{
    errno::Errno,
    sys::{
        resource::{Resource, getrlimit, setrlimit},
        signal::{SigSet, Signal},
    },
    time::{ClockId, clock_gettime},
    unistd,
};

use super::{JavaScriptLimits, memory::SPREAD};

/// Memory beside the engine's own: the request, as text and read, and the answer.
const MESSAGES: usize = 256 * 1024 * 1024;

/// Done before anything is read.
pub(super) fn begin() -> io::Result<()> {
    // If the worker dies, so does this.
    #[cfg(target_os = "linux")]
    {
        nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
        nix::sys::prctl::set_no_new_privs()?;
    }
    // Who stops a service may signal all its processes; the worker still needs this one, and will end it.
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP].into_iter().collect::<SigSet>().thread_block()?;
    close_foreign()
}

/// Closes what the worker was started with: its own descriptors are closed by `exec`.
fn close_foreign() -> io::Result<()> {
    let open: Vec<i32> = fs::read_dir("/dev/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|descriptor| *descriptor > 2)
        .collect();
    for descriptor in open {
        match unistd::close(descriptor) {
            // The one that listed them is closed by now.
            Ok(()) | Err(Errno::EBADF) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Done when the limits are known, and before the first request.
pub(super) fn confine(limits: JavaScriptLimits) -> io::Result<()> {
    let memory = limits.memory.saturating_mul(SPREAD).saturating_add(MESSAGES);
    for (resource, most) in [
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_FSIZE, 0),
        // Nothing is opened any more: no file, no socket.
        (Resource::RLIMIT_NOFILE, 0),
        (Resource::RLIMIT_DATA, memory.try_into().unwrap_or(u64::MAX)),
    ] {
        lower(resource, most)?;
    }
    // Further processes and threads; root is exempt from it.
    #[cfg(target_os = "linux")]
    lower(Resource::RLIMIT_NPROC, 0)?;
    Ok(())
}

fn lower(resource: Resource, most: u64) -> io::Result<()> {
    let (_, hard) = getrlimit(resource)?;
    Ok(setrlimit(resource, most.min(hard), most.min(hard))?)
}

/// Ends this process if it computes for longer than `most` from now on: should the worker not be there to do it.
pub(super) fn allow(most: Duration) -> io::Result<()> {
    let used = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map(Duration::from)?;
    let (_, hard) = getrlimit(Resource::RLIMIT_CPU)?;
    let seconds = used.saturating_add(most).as_secs().saturating_add(1);
    Ok(setrlimit(Resource::RLIMIT_CPU, seconds.min(hard), hard)?)
}
