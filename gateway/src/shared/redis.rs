//! Counters and values in Redis: one connection for all, scripts where a step must be whole.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo, RedisError, Script};
use secrecy::ExposeSecret;
use tokio::runtime::Handle;

use super::{Ask, SharedError, Taken};
use crate::config::RedisSettings;
use crate::store::Availability;

/// Keys: this window, the one before. Arguments: cost, limit, life in ms, share of the window before.
const TAKE: &str = "
local count = tonumber(redis.call('GET', KEYS[1]) or '0')
local weighted = 0
if KEYS[2] then
  weighted = math.ceil(tonumber(redis.call('GET', KEYS[2]) or '0') * tonumber(ARGV[4]))
end
if count + weighted + tonumber(ARGV[1]) > tonumber(ARGV[2]) then return {0, count + weighted} end
count = redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return {1, count + weighted}";

/// Keys: windows. Arguments: cost, then limit and life in ms of each. Counts in all of them or in none.
const TAKE_ALL: &str = "
local counts, all = {}, 1
for at, key in ipairs(KEYS) do
  counts[at] = tonumber(redis.call('GET', key) or '0')
  if counts[at] + tonumber(ARGV[1]) > tonumber(ARGV[2 * at]) then all = 0 end
end
if all == 1 then
  for at, key in ipairs(KEYS) do
    counts[at] = redis.call('INCRBY', key, ARGV[1])
    if redis.call('PTTL', key) < 0 then redis.call('PEXPIRE', key, ARGV[2 * at + 1]) end
  end
end
return {all, counts}";

/// Arguments: new value, life in ms, old value; without the last one there must be none.
const SWAP: &str = "
if redis.call('GET', KEYS[1]) ~= (ARGV[3] or false) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1";

/// Commands that may be on their way at once; more wait.
const AT_ONCE: usize = 4096;

/// A server of Redis. Cheap to clone.
#[derive(Clone)]
pub(super) struct Redis(Arc<Inner>);

/// The same, if somebody still needs it.
pub(super) struct Unowned(Weak<Inner>);

impl Unowned {
    pub(super) fn get(&self) -> Option<Redis> {
        self.0.upgrade().map(Redis)
    }
}

struct Inner {
    client: Client,
    config: ConnectionManagerConfig,
    line: Mutex<Line>,
    availability: Availability,
    timeout: Duration,
    take: Script,
    take_all: Script,
    swap: Script,
}

/// The connection in use, and how many were given up before it.
struct Line {
    number: u64,
    connection: ConnectionManager,
}

impl Redis {
    /// Connects with the first command, and anew when the connection breaks or leads nowhere.
    pub(super) fn new(settings: &RedisSettings, runtime: &Handle) -> Result<Self, SharedError> {
        let unusable = |error: RedisError| SharedError::Settings(error.category().to_owned());
        let client = client(settings).map_err(unusable)?;
        let timeout = settings.timeout;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(timeout))
            .set_response_timeout(Some(timeout))
            .set_concurrency_limit(AT_ONCE)
            // `Availability` decides when to try again.
            .set_number_of_retries(0);
        let _inside = runtime.enter();
        let connection = ConnectionManager::new_lazy_with_config(client.clone(), config.clone());
        let line = Line { number: 0, connection: connection.map_err(unusable)? };
        Ok(Self(Arc::new(Inner {
            client,
            config,
            line: Mutex::new(line),
            availability: Availability::new(format!("redis at {}", settings.server()), timeout),
            timeout,
            take: Script::new(TAKE),
            take_all: Script::new(TAKE_ALL),
            swap: Script::new(SWAP),
        })))
    }

    pub(super) fn unowned(&self) -> Unowned {
        Unowned(Arc::downgrade(&self.0))
    }

    pub(super) async fn take(&self, ask: &Ask) -> Result<Taken, SharedError> {
        let (allowed, used): (bool, u64) = self
            .within(async |connection| {
                let mut call = self.0.take.prepare_invoke();
                call.key(&ask.this).arg(ask.cost).arg(ask.limit).arg(ask.life_ms);
                if let Some((before, share)) = &ask.before {
                    call.key(before).arg(*share);
                }
                call.invoke_async(connection).await
            })
            .await?;
        Ok(ask.answer(allowed, used))
    }

    pub(super) async fn take_all(&self, asks: &[Ask]) -> Result<Vec<Taken>, SharedError> {
        let Some(first) = asks.first() else { return Ok(Vec::new()) };
        let (all, counts): (bool, Vec<u64>) = self
            .within(async |connection| {
                let mut call = self.0.take_all.prepare_invoke();
                call.arg(first.cost);
                for ask in asks {
                    call.key(&ask.this).arg(ask.limit).arg(ask.life_ms);
                }
                call.invoke_async(connection).await
            })
            .await?;
        Ok(asks.iter().zip(counts).map(|(ask, count)| ask.answer_among(all, count)).collect())
    }

    pub(super) async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, SharedError> {
        self.within(async |connection| redis::cmd("GET").arg(name(key)).query_async(connection).await).await
    }

    pub(super) async fn put(&self, key: &str, value: &[u8], ttl_ms: u64) -> Result<(), SharedError> {
        let mut command = redis::cmd("SET");
        command.arg(name(key)).arg(value).arg("PX").arg(ttl_ms);
        self.within(async |connection| command.query_async(connection).await).await
    }

    pub(super) async fn swap(
        &self,
        key: &str,
        (old, new): (Option<&[u8]>, &[u8]),
        ttl_ms: u64,
    ) -> Result<bool, SharedError> {
        self.within(async |connection| {
            let mut call = self.0.swap.prepare_invoke();
            call.key(name(key)).arg(new).arg(ttl_ms);
            if let Some(old) = old {
                call.arg(old);
            }
            call.invoke_async(connection).await
        })
        .await
    }

    async fn within<T>(
        &self,
        operation: impl AsyncFnOnce(&mut ConnectionManager) -> Result<T, RedisError>,
    ) -> Result<T, SharedError> {
        let attempt = self.0.availability.admit()?;
        let (number, mut connection) = self.line();
        let outcome = tokio::time::timeout(self.0.timeout, operation(&mut connection)).await;
        let (answer, outage) = match outcome {
            Ok(Ok(answer)) => (Ok(answer), None),
            // A server that says no is there.
            Ok(Err(error)) => {
                let reason = error.category().to_owned();
                let gone = error.is_io_error() || error.is_connection_dropped() || error.is_timeout();
                (Err(SharedError::Redis(reason.clone())), gone.then_some(reason))
            }
            Err(_) => (Err(SharedError::Late), Some("no answer in time".to_owned())),
        };
        if outage.is_some() {
            self.give_up(number);
        }
        self.0.availability.observe(attempt, outage.as_deref());
        answer
    }

    fn line(&self) -> (u64, ConnectionManager) {
        let line = self.0.line.lock().unwrap_or_else(PoisonError::into_inner);
        (line.number, line.connection.clone())
    }

    /// Takes another connection from now on. One on a link that was cut is silent, and says so to nobody: commands
    /// would wait on it in vain long after the server is back. Of all that fail on one connection, the first does it.
    fn give_up(&self, number: u64) {
        let mut line = self.0.line.lock().unwrap_or_else(PoisonError::into_inner);
        if line.number != number {
            return;
        }
        // The settings were good enough once; if not now, the old one has to do.
        if let Ok(fresh) =
            ConnectionManager::new_lazy_with_config(self.0.client.clone(), self.0.config.clone())
        {
            *line = Line { number: number + 1, connection: fresh };
        }
    }
}

fn name(key: &str) -> String {
    format!("weir:v:{{{key}}}")
}

fn client(settings: &RedisSettings) -> Result<Client, RedisError> {
    let RedisSettings { host, port, username, password, database, ssl, ssl_verify, timeout: _ } = settings;
    let (host, port) = (host.clone(), *port);
    let address = if *ssl {
        ConnectionAddr::TcpTls { host, port, insecure: !ssl_verify, tls_params: None }
    } else {
        ConnectionAddr::Tcp(host, port)
    };
    let mut session = RedisConnectionInfo::default().set_db(i64::from(*database));
    if let Some(username) = username {
        session = session.set_username(username);
    }
    if !password.expose_secret().is_empty() {
        session = session.set_password(password.expose_secret());
    }
    Client::open(address.into_connection_info()?.set_redis_settings(session))
}

impl std::fmt::Debug for Unowned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redis")
    }
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redis")
    }
}
