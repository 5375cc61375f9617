//! All connections of a server: who is too late, and who makes room.

use std::{
    cmp::Reverse,
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::{
    connection::{Connection, Phase},
    limits::ServerLimits,
};

/// The connections that there are.
pub(crate) struct Connections {
    limits: ServerLimits,
    open: Mutex<Open>,
    /// Told when one ends.
    ended: Notify,
    stopping: AtomicBool,
}

#[derive(Default)]
struct Open {
    next: u64,
    by_id: HashMap<u64, Arc<Connection>>,
}

/// A connection's place; it is free when this is dropped.
pub(crate) struct Place {
    pub(crate) connection: Arc<Connection>,
    connections: Arc<Connections>,
    id: u64,
}

impl Connections {
    pub(crate) fn new(limits: ServerLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            open: Mutex::default(),
            ended: Notify::new(),
            stopping: AtomicBool::new(false),
        })
    }

    pub(crate) const fn limits(&self) -> &ServerLimits {
        &self.limits
    }

    /// How often to look for those who are late: no deadline is overrun by more than a quarter of the shortest.
    pub(crate) fn tick(&self) -> Duration {
        let ServerLimits { head, idle, stalled, closing, .. } = self.limits;
        let least = head.min(idle).min(stalled).min(closing) / 4;
        least.max(Duration::from_millis(10))
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place; `None` when all are taken.
    pub(crate) fn enter(self: &Arc<Self>, peer: SocketAddr) -> Option<Place> {
        let mut open = self.open();
        if open.by_id.len() >= self.limits.connections {
            return None;
        }
        let (id, connection) = (open.next, Arc::new(Connection::new(peer)));
        open.next += 1;
        open.by_id.insert(id, Arc::clone(&connection));
        Some(Place { connection, connections: Arc::clone(self), id })
    }

    /// From now on nobody is waited for longer than for a client that was answered.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Relaxed);
    }

    /// Cuts who is late.
    pub(crate) fn cut_late(&self) {
        let now = Instant::now();
        let mut open = self.open();
        open.by_id.retain(|_, connection| {
            let late = self.is_late(connection, now);
            if late {
                tracing::debug!(peer = %connection.peer(), phase = ?connection.phase(now), "too slow: cut");
                connection.cut();
            }
            !late
        });
    }

    fn is_late(&self, connection: &Connection, now: Instant) -> bool {
        if let Some(stalled) = connection.stalled(now) {
            return stalled >= self.limits.stalled;
        }
        let (phase, lasted) = connection.phase(now);
        match phase {
            Phase::Head | Phase::Body if self.stopping.load(Relaxed) => lasted >= self.limits.closing,
            Phase::Head => lasted >= self.limits.head,
            Phase::Idle => lasted >= self.limits.idle,
            Phase::Closing => lasted >= self.limits.closing,
            // A body has its own deadlines, so that its sender is told.
            Phase::Body | Phase::Work | Phase::Flush => false,
        }
    }

    /// Cuts one that is only waited for, if there is one: of the address that has most of them, first what has been
    /// answered, then what has been waited for longest.
    pub(crate) fn make_room(&self) -> bool {
        let now = Instant::now();
        let mut open = self.open();
        let waited_for = |connection: &Connection| match connection.phase(now) {
            (Phase::Closing, lasted) => Some((3, lasted)),
            (Phase::Idle, lasted) => Some((2, lasted)),
            (Phase::Head | Phase::Body, lasted) => Some((1, lasted)),
            // Its reader is waited for, or nobody.
            (Phase::Work | Phase::Flush, _) => connection.stalled(now).map(|stalled| (1, stalled)),
        };
        let mut of_source: HashMap<IpAddr, usize> = HashMap::new();
        for connection in open.by_id.values().filter(|connection| waited_for(connection).is_some()) {
            *of_source.entry(connection.peer().ip()).or_default() += 1;
        }
        let first = open
            .by_id
            .iter()
            .filter_map(|(id, connection)| {
                let waited_for = waited_for(connection)?;
                Some(((of_source[&connection.peer().ip()], waited_for, Reverse(*id)), *id))
            })
            .max();
        let Some((_, id)) = first else { return false };
        if let Some(connection) = open.by_id.remove(&id) {
            connection.cut();
        }
        true
    }

    /// Waits until one has ended since this was last asked.
    pub(crate) async fn one_has_ended(&self) {
        self.ended.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.open().by_id.remove(&self.id);
        self.connections.ended.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(limit: usize) -> Arc<Connections> {
        Connections::new(ServerLimits { connections: limit, ..ServerLimits::default() })
    }

    fn from(last: u8) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, last], 1))
    }

    async fn is_cut(place: &Place) -> bool {
        tokio::time::timeout(Duration::ZERO, place.connection.is_cut()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_most_connections_that_are_waited_for_makes_room_the_oldest_first() {
        let connections = connections(4);
        let quiet = connections.enter(from(1)).unwrap();
        let mut many = Vec::new();
        for _ in 0..3 {
            tokio::time::advance(Duration::from_secs(1)).await;
            many.push(connections.enter(from(2)).unwrap());
        }
        assert!(connections.enter(from(3)).is_none());
        assert!(connections.make_room());
        assert!(is_cut(&many[0]).await);
        let _new = connections.enter(from(3)).unwrap();
        for place in [&quiet, &many[1], &many[2]] {
            assert!(!is_cut(place).await);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_answered_makes_room_before_what_is_being_read_and_work_never_does() {
        let connections = connections(4);
        let [head, idle, work, answering] = [(); 4].map(|()| connections.enter(from(1)).unwrap());
        tokio::time::advance(Duration::from_secs(1)).await;
        idle.connection.has_answered();
        idle.connection.has_flushed();
        work.connection.has_request();
        answering.connection.has_answered();
        for place in [&idle, &head] {
            assert!(connections.make_room());
            assert!(is_cut(place).await);
        }
        assert!(!connections.make_room());
        assert!(!is_cut(&work).await && !is_cut(&answering).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_is_free_when_its_connection_ends() {
        let connections = connections(1);
        let only = connections.enter(from(1)).unwrap();
        assert!(connections.enter(from(1)).is_none());
        drop(only);
        connections.one_has_ended().await;
        assert!(connections.enter(from(1)).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn each_phase_has_its_deadline_and_work_has_none() {
        let connections = connections(10);
        let [head, idle, closing, work, body, stalled] =
            [(); 6].map(|()| connections.enter(from(1)).unwrap());
        idle.connection.has_answered();
        idle.connection.has_flushed();
        closing.connection.closes();
        work.connection.has_request();
        body.connection.waits_for_body(Instant::now());
        stalled.connection.has_request();
        stalled.connection.writes(true);
        let mut cut = Vec::new();
        for second in 0..200 {
            connections.cut_late();
            for (name, place) in [
                ("head", &head),
                ("idle", &idle),
                ("closing", &closing),
                ("work", &work),
                ("body", &body),
                ("stalled", &stalled),
            ] {
                if is_cut(place).await {
                    cut.push((name, second));
                }
            }
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(cut, [("closing", 2), ("head", 20), ("stalled", 60), ("idle", 75)]);
    }
}
