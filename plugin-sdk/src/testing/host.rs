//! What the pretend host knows and what it was told.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

use crate::counters::{Take, Window};
use crate::credentials::{Consumer, Found};
use crate::http;
use crate::logging::Level;

/// The pretend gateway of this thread. [`Host::install`] makes it the one that calls go to.
#[derive(Debug, Default)]
pub struct Host {
    credentials: BTreeMap<(String, String), Found>,
    data: BTreeMap<(String, String), String>,
    consumers: Vec<Consumer>,
    credentials_fault: Option<String>,
    responses: VecDeque<Result<http::Response, http::HttpError>>,
    pub(super) now_unix_ns: u64,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) groups: Vec<String>,
    counted: BTreeMap<(String, u64), u64>,
    pub(super) body: Vec<u8>,
    pub(super) sha256: Vec<u8>,
    requests: Vec<http::Request>,
    files: BTreeMap<String, Vec<u8>>,
    lines: Vec<LogLine>,
    pub(super) random: u64,
    pub(super) signatures: Vec<(String, Vec<u8>, Vec<u8>)>,
    pub(super) secrets: BTreeMap<String, (Vec<u8>, bool)>,
    pub(super) cached: Ending,
    pub(super) shared: Ending,
    pub(super) shared_fault: Option<String>,
    pub(super) metrics: BTreeMap<(String, Vec<String>), f64>,
}

/// Values that end, by key: the value, and the nanosecond at which it ends.
#[derive(Debug, Default)]
pub(super) struct Ending(BTreeMap<String, (Vec<u8>, u64)>);

impl Ending {
    pub(super) fn get(&self, key: &str, now_ns: u64) -> Option<Vec<u8>> {
        self.0.get(key).filter(|(_, ends)| *ends > now_ns).map(|(value, _)| value.clone())
    }

    pub(super) fn put(&mut self, key: &str, value: &[u8], (now_ns, ttl_ms): (u64, u64)) {
        let ends = now_ns.saturating_add(ttl_ms.saturating_mul(1_000_000));
        self.0.insert(key.into(), (value.to_vec(), ends));
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.0.remove(key);
    }
}

/// One line of the gateway's log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLine {
    /// How grave.
    pub level: Level,
    /// What was said.
    pub message: String,
    /// Named values.
    pub fields: Vec<(String, String)>,
}

thread_local! {
    static CURRENT: RefCell<Host> = RefCell::new(Host::default());
}

impl Host {
    /// A host that knows nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// Knows a credential; its consumer is made known apart.
    #[must_use]
    pub fn credential(mut self, kind: &str, key: &str, found: Found) -> Self {
        self.credentials.insert((kind.into(), key.into()), found);
        self
    }

    /// Knows a credential as the Admin API prints it.
    #[must_use]
    pub fn credential_data(mut self, kind: &str, key: &str, data_json: &str) -> Self {
        self.data.insert((kind.into(), key.into()), data_json.into());
        self
    }

    /// The groups of the caller that an earlier plugin found.
    #[must_use]
    pub fn groups(mut self, groups: &[&str]) -> Self {
        self.groups = groups.iter().map(|group| (*group).to_owned()).collect();
        self
    }

    /// Knows a consumer.
    #[must_use]
    pub fn consumer(mut self, consumer: Consumer) -> Self {
        self.consumers.push(consumer);
        self
    }

    /// Answers every look-up of credentials with this error.
    #[must_use]
    pub fn credentials_fail(mut self, error: &str) -> Self {
        self.credentials_fault = Some(error.into());
        self
    }

    /// Answers the next HTTP request so; without any, requests time out.
    #[must_use]
    pub fn http_answers(mut self, answer: Result<http::Response, http::HttpError>) -> Self {
        self.responses.push_back(answer);
        self
    }

    /// Answers this as the digest of every body: there is no SHA-256 in here.
    #[must_use]
    pub fn body_sha256(mut self, digest: &[u8]) -> Self {
        self.sha256 = digest.to_vec();
        self
    }

    /// Sets the clock.
    #[must_use]
    pub fn at_unix_ms(mut self, now: u64) -> Self {
        self.now_unix_ns = now * 1_000_000;
        self
    }

    /// Knows a secret; `revealed` says whether the plugin may see it.
    #[must_use]
    pub fn secret(mut self, name: &str, value: &[u8], revealed: bool) -> Self {
        self.secrets.insert(name.into(), (value.to_vec(), revealed));
        self
    }

    /// Takes `signature` for one of `message` by the key of this JWK or PEM text.
    #[must_use]
    pub fn signed(mut self, key: &str, message: &[u8], signature: &[u8]) -> Self {
        self.signatures.push((key.into(), message.to_vec(), signature.to_vec()));
        self
    }

    /// Answers every call for shared counters and values with this error.
    #[must_use]
    pub fn shared_state_fails(mut self, error: &str) -> Self {
        self.shared_fault = Some(error.into());
        self
    }

    /// Moves the clock on, for what ends.
    pub fn wait_ms(ms: u64) {
        Self::with(|host| host.now_unix_ns += ms * 1_000_000);
    }

    /// Makes this the host of the current thread, in place of the one before.
    pub fn install(self) {
        CURRENT.set(self);
    }

    /// The HTTP requests that were sent so far.
    pub fn sent_requests() -> Vec<http::Request> {
        Self::with(|host| host.requests.clone())
    }

    /// What was appended to a file so far.
    pub fn file(path: &str) -> String {
        Self::with(|host| host.files.get(path).map(|data| String::from_utf8_lossy(data).into_owned()))
            .unwrap_or_default()
    }

    /// What was logged so far.
    pub fn log_lines() -> Vec<LogLine> {
        Self::with(|host| host.lines.clone())
    }

    /// The value of an attribute that a plugin left.
    pub fn attribute(key: &str) -> Option<String> {
        Self::with(|host| host.attributes.get(key).cloned())
    }

    /// The sum of what a metric was given under these label values.
    pub fn metric(name: &str, labels: &[&str]) -> f64 {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        Self::with(|host| host.metrics.get(&(name.into(), labels)).copied()).unwrap_or_default()
    }

    pub(super) fn with<R>(call: impl FnOnce(&mut Self) -> R) -> R {
        CURRENT.with_borrow_mut(call)
    }

    pub(super) fn find_credential(&self, kind: &str, key: &str) -> Result<Option<Found>, String> {
        match &self.credentials_fault {
            Some(error) => Err(error.clone()),
            None => Ok(self.credentials.get(&(kind.into(), key.into())).cloned()),
        }
    }

    pub(super) fn find_data(&self, kind: &str, key: &str) -> Result<Option<String>, String> {
        match &self.credentials_fault {
            Some(error) => Err(error.clone()),
            None => Ok(self.data.get(&(kind.into(), key.into())).cloned()),
        }
    }

    pub(super) fn find_consumer(&self, name: &str) -> Result<Option<Consumer>, String> {
        let named = |consumer: &&Consumer| consumer.id == name || consumer.username.as_deref() == Some(name);
        match &self.credentials_fault {
            Some(error) => Err(error.clone()),
            None => Ok(self.consumers.iter().find(named).cloned()),
        }
    }

    pub(super) fn take(&mut self, windows: &[Window], cost: u64, now_ms: u64) -> Vec<Take> {
        let place = |window: &Window| (window.key.clone(), window.from_unix_ms);
        let used = |host: &Self, window: &Window| host.counted.get(&place(window)).copied().unwrap_or(0);
        let allowed = windows.iter().all(|window| used(self, window) + cost <= window.limit);
        let mut takes = Vec::new();
        for window in windows {
            let fits = used(self, window) + cost <= window.limit;
            if allowed {
                *self.counted.entry(place(window)).or_default() += cost;
            }
            let remaining = window.limit.saturating_sub(used(self, window));
            let reset_ms = window.until_unix_ms.saturating_sub(now_ms);
            takes.push(Take { allowed: fits, remaining, reset_ms });
        }
        takes
    }

    pub(super) fn append(&mut self, path: &str, data: &[u8]) {
        self.files.entry(path.into()).or_default().extend_from_slice(data);
    }

    pub(super) fn log(&mut self, level: Level, message: &str, fields: &[(String, String)]) {
        self.lines.push(LogLine { level, message: message.into(), fields: fields.to_vec() });
    }

    pub(super) fn send(&mut self, request: &http::Request) -> Result<http::Response, http::HttpError> {
        self.requests.push(request.clone());
        self.responses.pop_front().unwrap_or(Err(http::HttpError::Timeout))
    }
}
