//! The imports of the contract with the signatures that a component has, answered by [`Host`].
//!
//! [`Host`]: super::Host

pub use super::state::{crypto, local_cache, random, secrets, shared_counters, shared_kv};

use super::Host;

pub mod body {
    use super::Host;

    pub fn len() -> u64 {
        Host::with(|host| host.body.len() as u64)
    }

    pub fn read(offset: u64, max: u32) -> Vec<u8> {
        let rest = |host: &mut Host| {
            let rest = host.body.iter().skip(usize::try_from(offset).unwrap_or(usize::MAX));
            rest.take(usize::try_from(max).unwrap_or(usize::MAX)).copied().collect()
        };
        Host::with(rest)
    }

    pub fn json_pointers(pointers: &[String]) -> Result<Vec<Option<String>>, String> {
        let body = Host::with(|host| host.body.clone());
        let json: serde_json::Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        Ok(pointers.iter().map(|pointer| json.pointer(pointer).map(ToString::to_string)).collect())
    }

    pub fn sha256() -> Vec<u8> {
        Host::with(|host| host.sha256.clone())
    }
}

pub mod clock {
    use super::Host;

    pub fn now_unix_ns() -> u64 {
        Host::with(|host| host.now_unix_ns)
    }

    pub fn monotonic_ns() -> u64 {
        now_unix_ns()
    }
}

pub mod credentials {
    use super::Host;
    use crate::credentials::{Consumer, Found};

    pub fn find(kind: &str, key: &str) -> Result<Option<Found>, String> {
        Host::with(|host| host.find_credential(kind, key))
    }

    pub fn data(kind: &str, key: &str) -> Result<Option<String>, String> {
        Host::with(|host| host.find_data(kind, key))
    }

    pub fn find_consumer(id_or_username: &str) -> Result<Option<Consumer>, String> {
        Host::with(|host| host.find_consumer(id_or_username))
    }
}

pub mod exchange {
    use super::Host;
    use crate::{Input, Value};

    pub fn get_many(what: &[Input]) -> Vec<Value> {
        vec![Value::Absent; what.len()]
    }

    pub fn attribute(key: &str) -> Option<String> {
        Host::attribute(key)
    }

    pub fn set_attribute(key: &str, value: &str) {
        Host::with(|host| host.attributes.insert(key.into(), value.into()));
    }

    pub fn groups() -> Vec<String> {
        Host::with(|host| host.groups.clone())
    }

    pub fn budget_left() -> u64 {
        5_000
    }
}

pub mod http_client {
    use super::Host;
    use crate::http::{HttpError, Request, Response};

    pub fn send(request: &Request) -> Result<Response, HttpError> {
        Host::with(|host| host.send(request))
    }

    pub fn send_all(requests: &[Request]) -> Vec<Result<Response, HttpError>> {
        requests.iter().map(send).collect()
    }
}

pub mod local_counters {
    use super::Host;
    use crate::counters::{Take, Window};

    pub fn token_bucket(key: &str, capacity: u64, _refill_per_second: f64, cost: u64) -> Take {
        one(key, capacity, 1_000, cost)
    }

    pub fn fixed_window(key: &str, limit: u64, window_ms: u64, cost: u64) -> Take {
        one(key, limit, window_ms, cost)
    }

    pub fn sliding_window(key: &str, limit: u64, window_ms: u64, cost: u64) -> Take {
        one(key, limit, window_ms, cost)
    }

    pub fn take_windows(windows: &[Window], cost: u64) -> Vec<Take> {
        Host::with(|host| host.take(windows, cost, host.now_unix_ns / 1_000_000))
    }

    /// Close enough for all of them: a test does not wait for a refill.
    fn one(key: &str, limit: u64, window_ms: u64, cost: u64) -> Take {
        let now_ms = Host::with(|host| host.now_unix_ns / 1_000_000);
        let from_unix_ms = now_ms - now_ms % window_ms.max(1);
        let window = Window { key: key.into(), limit, from_unix_ms, until_unix_ms: from_unix_ms + window_ms };
        let denied = Take { allowed: false, remaining: 0, reset_ms: 0 };
        take_windows(&[window], cost).first().cloned().unwrap_or(denied)
    }
}

pub mod log_file {
    use super::Host;

    pub fn append(path: &str, data: &[u8], _reopen: bool) -> Result<(), String> {
        Host::with(|host| host.append(path, data));
        Ok(())
    }
}

pub mod logging {
    use super::Host;
    use crate::logging::Level;

    pub fn enabled(_level: Level) -> bool {
        true
    }

    pub fn log(level: Level, message: &str, fields: &[(String, String)]) {
        Host::with(|host| host.log(level, message, fields));
    }
}

pub mod metrics {
    use super::Host;

    pub struct Counter(String);
    pub struct Histogram(String);

    impl Counter {
        pub fn new(name: &str, _label_names: &[String]) -> Self {
            Self(name.into())
        }

        pub fn add(&self, n: u64, labels: &[String]) {
            note(&self.0, n as f64, labels);
        }
    }

    impl Histogram {
        pub fn new(name: &str, _label_names: &[String]) -> Self {
            Self(name.into())
        }

        pub fn observe(&self, value: f64, labels: &[String]) {
            note(&self.0, value, labels);
        }
    }

    fn note(name: &str, value: f64, labels: &[String]) {
        Host::with(|host| *host.metrics.entry((name.into(), labels.to_vec())).or_default() += value);
    }
}
