//! A target on a port of its own whose mood a test changes while it serves.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gateway_tests::{Client, eventually, free_port};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::setup::PATIENCE;

/// What a slow target takes to answer.
const SLOW: Duration = Duration::from_millis(900);
/// How long a flapping one stays as it is.
const FLAP: Duration = Duration::from_millis(400);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Mood {
    Well,
    /// Nobody listens, and connections are gone.
    Killed,
    /// It takes requests and says nothing.
    Hung,
    /// It takes requests and resets the connection.
    Resetting,
    /// It answers 500.
    Failing,
    /// It answers too late.
    Slow,
    /// Killed and started again, over and over.
    Flapping,
}

impl Mood {
    pub(crate) const BAD: [Self; 6] =
        [Self::Killed, Self::Hung, Self::Resetting, Self::Failing, Self::Slow, Self::Flapping];

    fn of(number: u8) -> Self {
        let found = Self::BAD.into_iter().find(|mood| *mood as u8 == number);
        found.unwrap_or(Self::Well)
    }
}

/// How often each POST was seen, by its path: by all targets together.
pub(crate) type Posts = Arc<Mutex<HashMap<String, u32>>>;

/// A target on a port of its own.
pub(crate) struct Moody {
    pub(crate) address: SocketAddr,
    mood: Arc<AtomicU8>,
    served: Arc<AtomicUsize>,
}

impl Moody {
    pub(crate) async fn start(posts: &Posts) -> anyhow::Result<Self> {
        let (mood, served) = (Arc::new(AtomicU8::new(Mood::Well as u8)), Arc::new(AtomicUsize::new(0)));
        let address = free_port()?;
        let state = State { mood: Arc::clone(&mood), served: Arc::clone(&served), posts: Arc::clone(posts) };
        tokio::spawn(live(address, state));
        eventually("it listens", PATIENCE, || async { Client::connect(address).await.is_ok() }).await?;
        Ok(Self { address, mood, served })
    }

    pub(crate) fn be(&self, mood: Mood) {
        self.mood.store(mood as u8, Ordering::Relaxed);
    }

    /// Requests that it has answered well.
    pub(crate) fn served(&self) -> usize {
        self.served.load(Ordering::Relaxed)
    }
}

#[derive(Clone)]
struct State {
    mood: Arc<AtomicU8>,
    served: Arc<AtomicUsize>,
    posts: Posts,
}

impl State {
    fn mood(&self) -> Mood {
        Mood::of(self.mood.load(Ordering::Relaxed))
    }
}

/// Listens while its mood lets it.
async fn live(address: SocketAddr, state: State) {
    let began = tokio::time::Instant::now();
    let is_up = || match state.mood() {
        Mood::Killed => false,
        Mood::Flapping => began.elapsed().as_millis() / FLAP.as_millis() % 2 == 1,
        Mood::Well | Mood::Hung | Mood::Resetting | Mood::Failing | Mood::Slow => true,
    };
    loop {
        if let (true, Ok(listener)) = (is_up(), TcpListener::bind(address).await) {
            accept(listener, &is_up, &state).await;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Serves while it is up. What is open at the end is closed.
async fn accept(listener: TcpListener, is_up: impl Fn() -> bool, state: &State) {
    let mut connections = JoinSet::new();
    while is_up() {
        let next = tokio::time::timeout(Duration::from_millis(5), listener.accept()).await;
        if let Ok(Ok((stream, _))) = next {
            connections.spawn(serve(stream, state.clone()));
        }
    }
}

async fn serve(mut stream: TcpStream, state: State) {
    let mut bytes = Vec::new();
    loop {
        while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
            if !matches!(stream.read_buf(&mut bytes).await, Ok(1..)) {
                return;
            }
        }
        let head = String::from_utf8_lossy(&bytes).into_owned();
        bytes.clear();
        let mut words = head.split(' ');
        if words.next() == Some("POST") {
            let path = words.next().unwrap_or_default().to_owned();
            *state.posts.lock().unwrap_or_else(PoisonError::into_inner).entry(path).or_default() += 1;
        }
        let status = match state.mood() {
            Mood::Hung => return std::future::pending().await,
            Mood::Resetting => {
                _ = stream.set_zero_linger();
                return;
            }
            Mood::Failing => "500 Internal Server Error",
            Mood::Slow => {
                tokio::time::sleep(SLOW).await;
                "200 OK"
            }
            Mood::Well | Mood::Killed | Mood::Flapping => "200 OK",
        };
        state.served.fetch_add(usize::from(state.mood() == Mood::Well), Ordering::Relaxed);
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nok");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}
