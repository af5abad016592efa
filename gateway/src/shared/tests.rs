//! What both backends promise, tried on a real Redis, a real PostgreSQL and SQLite.

use std::time::{Duration, Instant};

use gateway_tests::{Link, Postgres, Redis as Server, Relay};
use secrecy::SecretString;
use tokio::runtime::Handle;

use super::*;
use crate::store::StoreSettings;

/// A backend, and what keeps its server alive.
struct Fresh {
    state: SharedState,
    backend: Backend,
    /// As another gateway sees it.
    other: (SharedState, Backend),
    _server: Option<Server>,
}

fn settings(server: &Server) -> RedisSettings {
    RedisSettings {
        host: server.address().ip().to_string(),
        port: server.address().port(),
        username: None,
        password: SecretString::from(""),
        database: 0,
        ssl: false,
        ssl_verify: false,
        timeout: Duration::from_secs(2),
    }
}

fn redis(settings: &RedisSettings) -> (SharedState, Backend) {
    with_backend(SharedState::new(Some(settings), None, Handle::current()).unwrap())
}

fn with_backend(state: SharedState) -> (SharedState, Backend) {
    let backend = state.backend(None).unwrap();
    (state, backend)
}

/// What a gateway with these settings finds under `k`.
async fn value(settings: &RedisSettings) -> Result<Option<Vec<u8>>, SharedError> {
    let (state, backend) = redis(settings);
    state.get(backend, "k".into()).await
}

impl Fresh {
    async fn redis() -> Self {
        let server = Server::start().unwrap();
        let settings = settings(&server);
        let ((state, backend), other) = (redis(&settings), redis(&settings));
        Self { state, backend, other, _server: Some(server) }
    }

    async fn postgres() -> Self {
        let url = Postgres::shared().unwrap().database().unwrap();
        let settings = StoreSettings::Url(SecretString::from(url));
        let (one, two) = (Store::connect(&settings).await.unwrap(), Store::connect(&settings).await.unwrap());
        one.migrate().await.unwrap();
        Self::database(one, two)
    }

    async fn sqlite() -> Self {
        let store = Store::connect(&StoreSettings::Memory).await.unwrap();
        store.migrate().await.unwrap();
        Self::database(store.clone(), store)
    }

    fn database(one: Store, two: Store) -> Self {
        let state = |store| with_backend(SharedState::new(None, Some(store), Handle::current()).unwrap());
        let ((state, backend), other) = (state(one), state(two));
        Self { state, backend, other, _server: None }
    }

    /// This gateway or the other, in turn.
    fn side(&self, number: usize) -> (SharedState, Backend) {
        if number.is_multiple_of(2) { (self.state.clone(), self.backend.clone()) } else { self.other.clone() }
    }

    async fn take(&self, key: &str, window: Window, numbers: (u64, u64, u64), now_ms: u64) -> Taken {
        self.state.take(self.backend.clone(), Ask::new(key, window, numbers, now_ms)).await.unwrap()
    }
}

/// Each test once for each backend.
macro_rules! on_each_backend {
    ($($name:ident),+ $(,)?) => {
        mod with_redis {
            $(#[tokio::test] async fn $name() { super::$name(super::Fresh::redis().await).await; })+
        }
        mod with_postgres {
            $(#[tokio::test] async fn $name() { super::$name(super::Fresh::postgres().await).await; })+
        }
        mod with_sqlite {
            $(#[tokio::test] async fn $name() { super::$name(super::Fresh::sqlite().await).await; })+
        }
    };
}

on_each_backend!(
    a_fixed_window_counts_up_to_its_limit,
    a_sliding_window_remembers_the_one_before,
    many_at_once_never_pass_the_limit,
    several_windows_count_together_or_not_at_all,
    a_swap_is_won_by_one,
    values_end,
    values_are_bytes,
);

/// Far enough ahead that no counter of these tests ends while they run.
fn minute() -> u64 {
    let now = u64::try_from(unix_ms()).unwrap();
    now - now % 60_000
}

async fn a_fixed_window_counts_up_to_its_limit(fresh: Fresh) {
    let now = minute() + 45_000;
    for (case, cost, want) in [
        ("the first", 2, Taken { allowed: true, remaining: 1, reset_ms: 15_000 }),
        ("more than is left", 2, Taken { allowed: false, remaining: 1, reset_ms: 15_000 }),
        ("the last", 1, Taken { allowed: true, remaining: 0, reset_ms: 15_000 }),
        ("none left", 1, Taken { allowed: false, remaining: 0, reset_ms: 15_000 }),
        ("nothing", 0, Taken { allowed: true, remaining: 0, reset_ms: 15_000 }),
        ("more than there ever is", 9, Taken { allowed: false, remaining: 0, reset_ms: 15_000 }),
    ] {
        assert_eq!(fresh.take("k", Window::Fixed, (3, 60_000, cost), now).await, want, "{case}");
    }
    let next = fresh.take("k", Window::Fixed, (3, 60_000, 1), now + 15_000).await;
    assert_eq!((next.allowed, next.remaining), (true, 2), "the next window");
    assert!(fresh.take("other", Window::Fixed, (1, 60_000, 1), now).await.allowed, "another key");
}

async fn a_sliding_window_remembers_the_one_before(fresh: Fresh) {
    let start = minute();
    let full = fresh.take("k", Window::Sliding, (10, 60_000, 10), start).await;
    assert_eq!((full.allowed, full.remaining), (true, 0));
    assert!(!fresh.take("k", Window::Sliding, (10, 60_000, 1), start + 60_000).await.allowed, "all count");
    let half = fresh.take("k", Window::Sliding, (10, 60_000, 1), start + 90_000).await;
    assert_eq!((half.allowed, half.remaining), (true, 4), "half of them count");
    let none = fresh.take("k", Window::Sliding, (10, 60_000, 1), start + 240_000).await;
    assert_eq!((none.allowed, none.remaining), (true, 9), "the window before is empty");
}

async fn many_at_once_never_pass_the_limit(fresh: Fresh) {
    let now = minute();
    let mut calls = tokio::task::JoinSet::new();
    for n in 0..60 {
        let (state, backend) = fresh.side(n);
        let window = if n % 3 == 0 { Window::Sliding } else { Window::Fixed };
        let ask = Ask::new("k", window, (25, 60_000, 1), now);
        calls.spawn(async move { state.take(backend, ask).await.unwrap().allowed });
    }
    let allowed = calls.join_all().await.into_iter().filter(|allowed| *allowed).count();
    assert_eq!(allowed, 25);
}

async fn several_windows_count_together_or_not_at_all(fresh: Fresh) {
    let now = minute();
    let asks = |key: &str, cost: u64| {
        let window = |name: &str, seconds: u64, limit: u64| {
            let edges = (now, now + seconds * 1000);
            Ask::between(&format!("{key}:{name}"), edges, (limit, cost), now + 500)
        };
        vec![window("minute", 60, 5), window("hour", 3600, 3), window("year", 31_536_000, 100)]
    };
    let short = |takes: Vec<Taken>| -> Vec<(bool, u64, u64)> {
        takes.into_iter().map(|take| (take.allowed, take.remaining, take.reset_ms)).collect()
    };
    for (case, cost, want) in [
        ("all have room", 2, [(true, 3), (true, 1), (true, 98)]),
        ("one has not", 2, [(true, 3), (false, 1), (true, 98)]),
        ("two have not", 4, [(false, 3), (false, 1), (true, 98)]),
        ("as much as is left", 1, [(true, 2), (true, 0), (true, 97)]),
        ("nothing", 0, [(true, 2), (true, 0), (true, 97)]),
    ] {
        let got = fresh.state.take_all(fresh.backend.clone(), asks("k", cost)).await.unwrap();
        let resets = [59_500, 3_599_500, 31_535_999_500];
        let want: Vec<_> =
            want.iter().zip(resets).map(|((allowed, left), reset)| (*allowed, *left, reset)).collect();
        assert_eq!(short(got), want, "{case}");
    }
    assert!(fresh.state.take_all(fresh.backend.clone(), Vec::new()).await.unwrap().is_empty());
    let mut calls = tokio::task::JoinSet::new();
    for n in 0..40 {
        let (state, backend) = fresh.side(n);
        let mut asks = asks("many", 1);
        if n % 3 == 0 {
            asks.reverse();
        }
        calls.spawn(
            async move { state.take_all(backend, asks).await.unwrap().iter().all(|take| take.allowed) },
        );
    }
    let allowed = calls.join_all().await.into_iter().filter(|allowed| *allowed).count();
    assert_eq!(allowed, 3, "the smallest of the limits");
}

async fn a_swap_is_won_by_one(fresh: Fresh) {
    for (round, old) in [None, Some(b"0".to_vec())].into_iter().enumerate() {
        let mut calls = tokio::task::JoinSet::new();
        for n in 0..10_u8 {
            let (state, backend) = fresh.side(n.into());
            let values = (old.clone(), if round == 0 { b"0".to_vec() } else { vec![n] });
            calls.spawn(async move { state.swap(backend, "k".into(), values, 60_000).await.unwrap() });
        }
        let won = calls.join_all().await.into_iter().filter(|won| *won).count();
        assert_eq!(won, 1, "round {round}");
    }
    let swap = (Some(b"something else".to_vec()), b"x".to_vec());
    assert!(
        !fresh.state.swap(fresh.backend.clone(), "k".into(), swap, 60_000).await.unwrap(),
        "it is another value"
    );
    let swap = (Some(b"x".to_vec()), b"x".to_vec());
    assert!(
        !fresh.state.swap(fresh.backend.clone(), "absent".into(), swap, 60_000).await.unwrap(),
        "there is none"
    );
}

async fn values_end(fresh: Fresh) {
    let Fresh { state, backend, other: (other, others), .. } = &fresh;
    let begun = Instant::now();
    state.put(backend.clone(), "k".into(), b"v".to_vec(), 2000).await.unwrap();
    assert_eq!(other.get(others.clone(), "k".into()).await.unwrap(), Some(b"v".to_vec()), "all nodes see it");
    while other.get(others.clone(), "k".into()).await.unwrap().is_some() {
        assert!(begun.elapsed() < Duration::from_secs(10), "it does not end");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(begun.elapsed() > Duration::from_millis(500), "not before its time");
    let swap = (None, b"new".to_vec());
    assert!(
        state.swap(backend.clone(), "k".into(), swap, 60_000).await.unwrap(),
        "what has ended is not there"
    );
}

async fn values_are_bytes(fresh: Fresh) {
    let all: Vec<u8> = (0..=255).collect();
    for value in [all, vec![], vec![0; 1 << 16]] {
        fresh.state.put(fresh.backend.clone(), "k".into(), value.clone(), 60_000).await.unwrap();
        let (other, backend) = fresh.side(1);
        assert_eq!(other.get(backend, "k".into()).await.unwrap(), Some(value));
    }
}

#[tokio::test]
async fn counters_and_values_of_redis_end_by_themselves() {
    let server = Server::start().unwrap();
    let (state, backend) = redis(&settings(&server));
    let now = u64::try_from(unix_ms()).unwrap();
    for window in [Window::Fixed, Window::Sliding] {
        state.take(backend.clone(), Ask::new("k", window, (5, 60_000, 1), now)).await.unwrap();
    }
    state.put(backend.clone(), "k".into(), b"v".to_vec(), 60_000).await.unwrap();
    let keys = server.command(&["KEYS", "*"]).unwrap();
    let keys: Vec<_> = keys.lines().filter(|line| line.starts_with("weir:")).collect();
    assert_eq!(keys.len(), 2, "one counter and one value: {keys:?}");
    for key in keys {
        let left: i64 =
            server.command(&["PTTL", key]).unwrap().trim().trim_start_matches(':').parse().unwrap();
        assert!((1..=120_000).contains(&left), "{key} lives {left} ms");
    }
}

#[tokio::test]
async fn assignments_that_name_the_same_server_share_its_connection() {
    let (first, second) = (Server::start().unwrap(), Server::start().unwrap());
    let state = SharedState::new(None, None, Handle::current()).unwrap();
    let open =
        |settings: &RedisSettings| state.backend(Some(&Wanted::Server(Box::new(settings.clone())))).unwrap();
    let (one, same, other) = (open(&settings(&first)), open(&settings(&first)), open(&settings(&second)));
    state.put(one, "k".into(), b"v".to_vec(), 60_000).await.unwrap();
    assert_eq!(state.get(same.clone(), "k".into()).await.unwrap(), Some(b"v".to_vec()));
    assert_eq!(state.get(other, "k".into()).await.unwrap(), None, "another server");
    let clients =
        || first.command(&["CLIENT", "LIST"]).unwrap().lines().filter(|line| line.contains("addr=")).count();
    assert_eq!(clients(), 2, "one, and the one that asks");
    drop(same);
    let begun = Instant::now();
    while clients() > 1 {
        assert!(begun.elapsed() < Duration::from_secs(10), "a connection that nobody needs stays open");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn redis_that_is_away_costs_one_wait_and_comes_back() {
    let mut server = Server::start().unwrap();
    let (state, backend) = redis(&RedisSettings { timeout: Duration::from_millis(300), ..settings(&server) });
    let get = async || state.get(backend.clone(), "k".into()).await;
    assert!(get().await.is_ok(), "it is there");
    server.stop();
    let begun = Instant::now();
    assert!(get().await.is_err(), "it is away");
    assert!(begun.elapsed() < Duration::from_millis(600), "{:?}", begun.elapsed());
    let begun = Instant::now();
    for _ in 0..100 {
        assert!(matches!(get().await, Err(SharedError::Resting(_))), "nobody asks it");
    }
    assert!(begun.elapsed() < Duration::from_millis(200), "at once: {:?}", begun.elapsed());
    server.start_again().unwrap();
    let begun = Instant::now();
    while get().await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(15), "it does not come back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_connection_that_leads_nowhere_is_given_up_when_the_link_is_back() {
    let server = Server::start().unwrap();
    let relay = Relay::to(("127.0.0.1", server.address().port())).await.unwrap();
    let by_relay = RedisSettings { port: relay.address().port(), ..settings(&server) };
    let (state, backend) = redis(&RedisSettings { timeout: Duration::from_millis(200), ..by_relay });
    let get = async || state.get(backend.clone(), "k".into()).await;
    assert!(get().await.is_ok(), "it is there");
    relay.set(Link::Cut);
    assert!(get().await.is_err(), "it is silent");
    relay.set(Link::Up);
    let begun = Instant::now();
    while get().await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(15), "the connection of before is used for ever");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn redis_that_accepts_and_says_nothing_is_given_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = RedisSettings {
        host: "127.0.0.1".into(),
        port: silent.local_addr().unwrap().port(),
        username: None,
        password: SecretString::from("x"),
        database: 0,
        ssl: false,
        ssl_verify: false,
        timeout: Duration::from_millis(100),
    };
    let (state, backend) = redis(&server);
    let begun = Instant::now();
    assert!(state.get(backend.clone(), "k".into()).await.is_err());
    assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn the_password_and_the_database_of_redis_count() {
    let server = Server::with_password("hunter22").unwrap();
    let wrong = value(&settings(&server)).await.unwrap_err().to_string();
    assert!(!wrong.contains("hunter22"), "{wrong}");
    let right = RedisSettings { password: SecretString::from("hunter22"), ..settings(&server) };
    let (state, backend) = redis(&RedisSettings { database: 3, ..right.clone() });
    state.put(backend.clone(), "k".into(), b"v".to_vec(), 60_000).await.unwrap();
    assert_eq!(value(&right).await.unwrap(), None, "in database 0");
    assert_eq!(state.get(backend.clone(), "k".into()).await.unwrap(), Some(b"v".to_vec()), "in database 3");
}

#[tokio::test]
async fn redis_is_spoken_to_over_tls_and_only_if_it_is_known() {
    let server = Server::with_tls().unwrap();
    let tls = RedisSettings { ssl: true, timeout: Duration::from_secs(5), ..settings(&server) };
    let (state, backend) = redis(&tls);
    state.put(backend.clone(), "k".into(), b"v".to_vec(), 60_000).await.unwrap();
    assert_eq!(value(&tls).await.unwrap(), Some(b"v".to_vec()));
    let ask = Ask::new("c", Window::Fixed, (1, 60_000, 1), minute());
    assert!(state.take(backend.clone(), ask).await.unwrap().allowed, "scripts run too");
    let plain = Server::with_password("hunter22").unwrap();
    let port = |server: &Server| server.address().port();
    for (case, settings) in [
        ("a certificate that nobody vouches for", RedisSettings { ssl_verify: true, ..tls.clone() }),
        ("a plain client of a server with TLS", RedisSettings { ssl: false, ..tls.clone() }),
        (
            "a client with TLS of a plain server",
            RedisSettings { port: port(&plain), password: SecretString::from("hunter22"), ..tls.clone() },
        ),
    ] {
        let begun = Instant::now();
        let refused = value(&settings).await.expect_err(case).to_string();
        assert!(!refused.contains("hunter22"), "{case}: {refused}");
        assert!(begun.elapsed() < Duration::from_secs(7), "{case}: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn the_sweep_deletes_what_has_ended() {
    for fresh in [Fresh::postgres().await, Fresh::sqlite().await] {
        let Backend(Place::Database(store)) = &fresh.backend else { panic!("not a database") };
        store.count_shared("old", (1, 5), 1000).await.unwrap();
        store.put_shared_value("old", b"v", 1000).await.unwrap();
        store.count_shared("new", (1, 5), i64::MAX).await.unwrap();
        store.sweep_shared(2000).await.unwrap();
        assert_eq!(store.shared_count("old").await.unwrap(), 0);
        assert_eq!(store.shared_count("new").await.unwrap(), 1);
        assert_eq!(store.shared_value("old", 0).await.unwrap(), None);
    }
}
