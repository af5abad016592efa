//! Connections that outbound calls have left open, for the next call to the same place.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use tokio::time::{Instant, sleep};

use crate::client::shelf::Shelf;
use crate::client::{Connection, Endpoint, PoolSettings};
use crate::task;

/// For one place. Servers that close idle connections after five seconds are usual.
const SETTINGS: PoolSettings =
    PoolSettings { size: 8, max_requests: Some(1000), idle_timeout: Some(Duration::from_secs(4)) };
/// For all places together.
const MOST: usize = 64;
/// Between two looks at what has been idle for too long.
const PACE: Duration = Duration::from_secs(1);

/// A place: scheme, TLS settings, host and port, and the very address. A call that may not reach the
/// address does not ask for it, whatever the name has meant before.
pub(super) type Place = (Endpoint, SocketAddr);

/// The connections. A clone shares them.
#[derive(Clone)]
pub(super) struct Reuse(Arc<Mutex<State>>);

struct State {
    shelf: Shelf<Place, Full<Bytes>>,
    /// Somebody looks after them; nobody does while there are none.
    swept: bool,
}

impl Reuse {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State { shelf: Shelf::new(SETTINGS), swept: false })))
    }

    /// One that still works.
    pub(super) fn take(&self, place: &Place) -> Option<Box<Connection<Full<Bytes>>>> {
        self.state().shelf.take(place)
    }

    /// Keeps one whose exchange is over, if there is room.
    pub(super) fn put(&self, place: &Place, connection: Box<Connection<Full<Bytes>>>) {
        let mut state = self.state();
        if state.shelf.len() >= MOST {
            return;
        }
        state.shelf.put(place, connection, Instant::now());
        if !std::mem::replace(&mut state.swept, true) {
            drop(task::spawn("idle outbound connections", self.clone().sweep()));
        }
    }

    /// Closes what nobody asks for, until nothing is left.
    async fn sweep(self) {
        loop {
            sleep(PACE).await;
            let mut state = self.state();
            state.shelf.sweep();
            if state.shelf.len() == 0 {
                state.swept = false;
                return;
            }
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.state().shelf.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Reuse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reuse")
    }
}
