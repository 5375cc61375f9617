//! Several workers behind one address: which of them a run belongs to, and how it gets there.
//!
//! A connector knows one address. What it sends again, because a reply was lost or came too late, may reach another
//! worker than before, and that one cannot know what the first has in its journal. So every run belongs to one
//! worker, by the owner slot in its id alone: whoever is handed a task of another one keeps it in the journal,
//! acknowledges it, and takes it to its owner. There the journal recognises what comes twice. While an owner is away its tasks wait with
//! the others, and nobody else is held up.

mod forwarder;
mod handoff_queue;
mod owners;

use std::{fmt, sync::Arc};

use domain::ids::RunId;
pub(crate) use forwarder::Forwarders;
pub(crate) use handoff_queue::HandoffQueue;
use minireipaz::config::Env;
pub(crate) use owners::Owners;
use secrecy::SecretString;
use url::Url;

/// Says that a task was handed over by another worker: it is not handed over again, even where two workers'
/// settings disagree.
pub(crate) const HANDED_OVER: &str = "minireipaz-handed-over";

/// The workers that share an address.
#[derive(Clone)]
pub struct Peers {
    /// All of them with their seeds, this one included; empty for a worker that is alone.
    workers: Vec<(Arc<str>, u64)>,
    /// This one's place.
    own: usize,
    /// What is shown to the others.
    secret: SecretString,
}

impl fmt::Debug for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peers")
            .field("workers", &self.workers)
            .field("own", &self.own)
            .finish_non_exhaustive()
    }
}

/// Why peers cannot be these.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPeers {
    /// The list does not say which one this worker is.
    #[error("{0} is not in the list of workers; WORKER_SELF is one of the addresses in WORKER_PEERS")]
    Stranger(String),
    /// An address is there twice.
    #[error("{0} is in the list of workers twice")]
    Twice(String),
}

impl Peers {
    /// A worker that is alone.
    #[must_use]
    pub fn none(secret: SecretString) -> Self {
        Self { workers: Vec::new(), own: 0, secret }
    }

    /// The base addresses of all workers, the same list at each of them, and which of them this one is.
    ///
    /// # Errors
    /// When this one is not among them, or one is there twice.
    pub fn new(all: &[Url], own: &Url, secret: SecretString) -> Result<Self, InvalidPeers> {
        let base = |url: &Url| url.as_str().trim_end_matches('/').to_owned();
        let mut names: Vec<_> = all.iter().map(base).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(InvalidPeers::Twice(twice[0].clone()));
        }
        let own = base(own);
        let own = names.iter().position(|name| *name == own).ok_or(InvalidPeers::Stranger(own))?;
        let workers = names.iter().map(|name| (name.as_str().into(), seed(name))).collect();
        Ok(Self { workers, own, secret })
    }

    /// `WORKER_PEERS`: the base addresses of all workers behind the connector's address, separated by commas, the
    /// same list at each; and `WORKER_SELF`: which of them this one is. Neither: it is alone.
    pub(crate) fn from_env(env: &mut Env) -> Option<Self> {
        let secret = env.optional::<String>("CONNECTOR_SECRET").unwrap_or_default().into();
        let list: Option<String> = env.optional("WORKER_PEERS");
        let own: Option<Url> = env.optional("WORKER_SELF");
        let (list, own) = match (list, own) {
            (None, None) => return Some(Self::none(secret)),
            (Some(list), Some(own)) => (list, own),
            _ => {
                env.problem("WORKER_PEERS and WORKER_SELF are set together, or neither");
                return None;
            }
        };
        let urls: Result<Vec<Url>, _> =
            list.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::parse).collect();
        let peers = urls
            .map_err(|error| format!("WORKER_PEERS has an address that is none: {error}"))
            .and_then(|urls| Self::new(&urls, &own, secret).map_err(|error| error.to_string()));
        peers.map_err(|problem| env.problem(problem)).ok()
    }

    /// This one's address among them; `None`: it is alone.
    pub(crate) fn own(&self) -> Option<&str> {
        self.workers.get(self.own).map(|(name, _)| &**name)
    }

    /// The other worker that the run belongs to; `None` when it is this one.
    pub(crate) fn elsewhere(&self, run: RunId) -> Option<&Arc<str>> {
        let owner = self.owner(run)?;
        (owner != self.own).then(|| &self.workers[owner].0)
    }

    /// The one with the highest weight for the run's owner slot: when a worker is added or taken away, only its own runs
    /// move (rendezvous hashing, Thaler and Ravishankar, 1998). By the slot alone, so that runs which share a limit have
    /// one owner.
    fn owner(&self, run: RunId) -> Option<usize> {
        let slot = mixed(u64::from(run.owner_slot()));
        (0..self.workers.len()).max_by_key(|place| mixed(slot ^ self.workers[*place].1))
    }

    /// How many there are, this one among them.
    pub(crate) const fn count(&self) -> usize {
        if self.workers.is_empty() { 1 } else { self.workers.len() }
    }

    pub(crate) fn others(&self) -> impl Iterator<Item = &Arc<str>> {
        self.workers.iter().enumerate().filter(|(place, _)| *place != self.own).map(|(_, (name, _))| name)
    }

    pub(crate) const fn secret(&self) -> &SecretString {
        &self.secret
    }
}

/// A number for a text, the same on every machine and in every version (FNV-1a).
fn seed(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Spreads every bit over all others (the finalizer of `SplitMix64`).
const fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn urls(names: &[&str]) -> Vec<Url> {
        names.iter().map(|name| format!("http://{name}:8081/").parse().unwrap()).collect()
    }

    fn peers(names: &[&str], own: &str) -> Peers {
        Peers::new(&urls(names), &urls(&[own])[0], "secret".into()).unwrap()
    }

    fn runs() -> impl Iterator<Item = RunId> {
        (0..3_000u32).map(|n| RunId(Uuid::new_v5(&Uuid::NAMESPACE_OID, &n.to_be_bytes())))
    }

    #[test]
    fn every_run_has_one_owner_whatever_the_order_of_the_list_and_each_worker_has_its_share() {
        let (a, b, c) =
            (peers(&["a", "b", "c"], "a"), peers(&["c", "a", "b"], "b"), peers(&["b", "c", "a"], "c"));
        let mut shares = [0; 3];
        for run in runs() {
            let own = [&a, &b, &c].map(|peers| peers.elsewhere(run).is_none());
            assert_eq!(own.iter().filter(|own| **own).count(), 1, "{run}");
            shares[own.iter().position(|own| *own).unwrap()] += 1;
        }
        assert!(shares.iter().all(|share| (850..1_150).contains(share)), "{shares:?}");
    }

    #[test]
    fn runs_of_one_owner_slot_have_one_owner_and_the_slots_are_shared_out() {
        let peers = peers(&["a", "b", "c"], "a");
        let mut shares = [0; 3];
        for slot in 0..=u16::MAX {
            let owners: Vec<_> = runs().take(2).map(|run| peers.owner(run.at_slot(slot)).unwrap()).collect();
            assert_eq!(owners[0], owners[1], "{slot}");
            shares[owners[0]] += 1;
        }
        assert!(shares.iter().all(|share| (21_000..22_700).contains(share)), "{shares:?}");
    }

    #[test]
    fn a_worker_that_is_added_takes_runs_only_for_itself() {
        let (before, after) = (peers(&["a", "b"], "a"), peers(&["a", "b", "c"], "c"));
        for run in runs() {
            let name = |peers: &Peers| peers.owner(run).map(|place| Arc::clone(&peers.workers[place].0));
            assert!(name(&before) == name(&after) || after.elsewhere(run).is_none());
        }
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        let read = |vars: &[(&'static str, &'static str)]| {
            let mut env = Env::of(vars.iter().copied()).with("CONNECTOR_SECRET", "0123456789abcdef");
            let peers = Peers::from_env(&mut env);
            env.finish(peers).map_err(|error| error.to_string())
        };
        assert_eq!(read(&[]).unwrap().others().count(), 0);
        let two = ("WORKER_PEERS", "http://a, http://b");
        assert_eq!(read(&[two, ("WORKER_SELF", "http://b/")]).unwrap().others().count(), 1);
        assert!(read(&[two]).unwrap_err().contains("WORKER_SELF"));
        assert!(read(&[two, ("WORKER_SELF", "http://c")]).unwrap_err().contains("http://c"));
        let twice = ("WORKER_PEERS", "http://a,http://a/");
        assert!(read(&[twice, ("WORKER_SELF", "http://a")]).unwrap_err().contains("twice"));
    }
}
