//! Memory that the bodies of requests share: taken as they arrive, given back when they are dropped.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A source may have this many times what is left free, so that something always is (the dynamic thresholds of
/// switches' buffers: Choudhury and Hahne, 1998). Alone it gets eight ninths, two of them get eight seventeenths
/// each, and whoever comes next finds room.
const TIMES_FREE: usize = 8;

/// A bounded number of bytes.
#[derive(Debug)]
pub struct Room {
    limit: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_source: HashMap<IpAddr, usize>,
}

/// What one body has taken.
#[derive(Debug)]
pub struct Held {
    room: Arc<Room>,
    source: IpAddr,
    bytes: usize,
}

/// There is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("bodies that are being read fill the limit of {limit} bytes")]
pub struct Full {
    /// The limit.
    pub limit: usize,
}

impl Room {
    /// Room for that many bytes.
    #[must_use]
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, taken: Mutex::default() })
    }

    /// A place for a body of which nothing has come yet.
    #[must_use]
    pub fn hold(self: &Arc<Self>, source: IpAddr) -> Held {
        Held { room: Arc::clone(self), source, bytes: 0 }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Has it hold that many bytes in all.
    ///
    /// # Errors
    /// When they are not free, or would leave too little for others. It then holds what it held.
    pub fn resize(&mut self, bytes: usize) -> Result<(), Full> {
        let mut taken = self.room.taken();
        let Some(more) = bytes.checked_sub(self.bytes) else {
            taken.give_back(self.source, self.bytes - bytes);
            self.bytes = bytes;
            return Ok(());
        };
        taken.take(self.source, self.bytes, more, self.room.limit)?;
        self.bytes = bytes;
        Ok(())
    }

    /// Whether a body of that size could be held now: to tell its sender before it sends.
    ///
    /// # Errors
    /// When it could not.
    pub fn check(&self, bytes: usize) -> Result<(), Full> {
        let taken = self.room.taken();
        taken.check(self.source, self.bytes, bytes.saturating_sub(self.bytes), self.room.limit)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.room.taken().give_back(self.source, self.bytes);
        }
    }
}

impl Taken {
    /// Whether a body that holds `held` may have more.
    fn check(&self, source: IpAddr, held: usize, more: usize, limit: usize) -> Result<(), Full> {
        let free = limit.saturating_sub(self.all);
        let of_source = self.by_source.get(&source).copied().unwrap_or(0);
        // A source's only body may be as large as it is.
        let is_only = of_source == held;
        let fits = more <= free
            && (is_only || of_source.saturating_add(more) <= (free - more).saturating_mul(TIMES_FREE));
        if fits { Ok(()) } else { Err(Full { limit }) }
    }

    fn take(&mut self, source: IpAddr, held: usize, more: usize, limit: usize) -> Result<(), Full> {
        self.check(source, held, more, limit)?;
        self.all += more;
        *self.by_source.entry(source).or_default() += more;
        Ok(())
    }

    fn give_back(&mut self, source: IpAddr, bytes: usize) {
        self.all -= bytes;
        if let Some(of_source) = self.by_source.get_mut(&source) {
            *of_source -= bytes;
            if *of_source == 0 {
                self.by_source.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    /// As many bodies of ten bytes as there is room for.
    fn fill(room: &Arc<Room>, source: IpAddr) -> Vec<Held> {
        let body = || {
            let mut held = room.hold(source);
            held.resize(10).ok().map(|()| held)
        };
        std::iter::from_fn(body).collect()
    }

    #[test]
    fn one_body_may_fill_it_and_all_is_given_back() {
        let room = Room::new(100);
        let mut body = room.hold(A);
        for size in [40, 100, 20, 100] {
            body.resize(size).unwrap();
        }
        assert_eq!(body.resize(101), Err(Full { limit: 100 }));
        assert_eq!(room.hold(B).resize(1), Err(Full { limit: 100 }));
        drop(body);
        assert!(room.taken().by_source.is_empty());
        room.hold(B).resize(100).unwrap();
    }

    #[test]
    fn a_source_with_many_bodies_leaves_room_for_others() {
        let room = Room::new(1_000);
        let many = fill(&room, A);
        assert_eq!(many.len(), 88, "eight ninths");
        let others = fill(&room, B);
        assert!(!others.is_empty());
        assert!(room.hold(A).check(10).is_err());
        drop(many);
        assert!(room.hold(A).check(10).is_ok());
    }

    #[test]
    fn what_was_only_announced_takes_nothing() {
        let room = Room::new(100);
        let slow: Vec<_> = (0..1_000).map(|_| room.hold(A)).collect();
        for body in &slow {
            body.check(100).unwrap();
        }
        room.hold(B).resize(100).unwrap();
    }
}
