//! One name and the newest answer to it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Notify;

use super::DnsFailure;
use super::counts::Counts;
use crate::balancer::{Cursors, Rotation, wait_until};

/// One name and the newest answer to it. Whoever holds it keeps it up to date.
#[derive(Debug)]
pub struct Name {
    host: Arc<str>,
    answer: ArcSwap<Answer>,
    cursors: Cursors,
    /// Told when an answer comes.
    answered: Notify,
    pub(super) keeping: Arc<Keeping>,
    pub(super) counts: Counts,
}

/// What the keeper of a name goes by.
#[derive(Debug, Default)]
pub(super) struct Keeping {
    /// Somebody has asked since the last look-up.
    used: AtomicBool,
    /// Nobody has for a while, so it is not kept up to date: whoever asks has to wake the keeper.
    asleep: AtomicBool,
    /// It is never to fall asleep.
    always: AtomicBool,
    wake: Notify,
}

/// What a name leads to.
#[derive(Debug)]
pub enum Answer {
    /// It is being looked up for the first time.
    Pending,
    /// These.
    Found(Found),
    /// Nowhere.
    Failed(DnsFailure),
}

/// Addresses, and the order in which they take turns.
#[derive(Debug)]
pub struct Found {
    /// At least one.
    pub records: Box<[Record]>,
    rotation: Rotation,
}

/// One address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The address.
    pub address: IpAddr,
    /// The port of a record of service (SRV).
    pub port: Option<u16>,
    /// Its share; 1 unless a record of service says otherwise.
    pub weight: u32,
    /// The name in a record of service.
    pub name: Option<Arc<str>>,
}

/// What a request gets of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picked {
    /// Where to go.
    Address(SocketAddr),
    /// Nobody knows yet.
    Pending,
    /// Nowhere.
    Failed(DnsFailure),
}

impl Found {
    pub(super) fn new(records: Vec<Record>) -> Self {
        let weights: Vec<u32> = records.iter().map(|record| record.weight).collect();
        Self { rotation: Rotation::new(&weights), records: records.into() }
    }
}

impl Name {
    pub(super) fn new(host: Arc<str>) -> Self {
        Self {
            host,
            answer: ArcSwap::from_pointee(Answer::Pending),
            cursors: Cursors::new(0),
            answered: Notify::new(),
            keeping: Arc::default(),
            counts: Counts::default(),
        }
    }

    /// As it was asked for, in lower case.
    pub fn host(&self) -> &Arc<str> {
        &self.host
    }

    /// The newest answer.
    pub fn answer(&self) -> Arc<Answer> {
        self.keeping.ask();
        self.answer.load_full()
    }

    /// From now on it is kept up to date whether somebody asks or not.
    pub fn keep_always(&self) {
        self.keeping.always.store(true, Ordering::Relaxed);
        self.keeping.wake.notify_one();
    }

    /// The next address in turn, with `port` unless the record has one; none of `tried` as long as there is
    /// another. Never waits, takes no lock, allocates nothing.
    pub fn pick(&self, port: u16, tried: impl Fn(SocketAddr) -> bool) -> Picked {
        self.keeping.ask();
        let answer = self.answer.load();
        let found = match &**answer {
            Answer::Pending => return Picked::Pending,
            Answer::Failed(failure) => return Picked::Failed(*failure),
            Answer::Found(found) => found,
        };
        let at = |index: usize| {
            let record = found.records.get(index)?;
            Some(SocketAddr::new(record.address, record.port.unwrap_or(port)))
        };
        let step = self.cursors.next();
        let fresh = |index: usize| at(index).is_some_and(|address| !tried(address));
        let index = found.rotation.pick(step, fresh).or_else(|| found.rotation.pick(step, |_| true));
        index.and_then(at).map_or(Picked::Failed(DnsFailure::Empty), Picked::Address)
    }

    /// Waits for the first answer, at most `limit`.
    pub async fn settled(&self, limit: Duration) {
        let settled = || !matches!(**self.answer.load(), Answer::Pending);
        _ = tokio::time::timeout(limit, wait_until(&self.answered, settled)).await;
    }

    /// Puts another answer in place. False if it says what the last one said.
    pub(super) fn put(&self, answer: Answer) -> bool {
        let same = match (&**self.answer.load(), &answer) {
            (Answer::Found(old), Answer::Found(new)) => old.records == new.records,
            (Answer::Failed(old), Answer::Failed(new)) => old == new,
            (Answer::Pending | Answer::Found(_) | Answer::Failed(_), _) => false,
        };
        if !same {
            self.answer.store(Arc::new(answer));
            self.answered.notify_waiters();
        }
        !same
    }

    pub(super) fn is_found(&self) -> bool {
        matches!(**self.answer.load(), Answer::Found(_))
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        // The keeper finds nobody to keep up to date, and ends.
        self.keeping.wake.notify_one();
    }
}

impl Keeping {
    /// Somebody asks. Writes only if that is news, since every worker comes by here.
    fn ask(&self) {
        if !self.used.load(Ordering::Relaxed) {
            // In this order, and the keeper's in the opposite one: one of the two sees the other.
            self.used.store(true, Ordering::SeqCst);
            if self.asleep.load(Ordering::SeqCst) {
                self.wake.notify_one();
            }
        }
    }

    /// Waits until the answer is old, and, unless somebody has asked meanwhile, until somebody does.
    pub(super) async fn rest(&self, pause: Duration) {
        if tokio::time::timeout(pause, self.ended()).await.is_ok() {
            return;
        }
        if self.always.load(Ordering::Relaxed) {
            return;
        }
        self.asleep.store(true, Ordering::SeqCst);
        if !self.used.swap(false, Ordering::SeqCst) {
            self.wake.notified().await;
        }
        self.asleep.store(false, Ordering::SeqCst);
        self.used.store(false, Ordering::SeqCst);
    }

    /// Waits for the end of the name, or for somebody who cannot wait.
    async fn ended(&self) {
        self.wake.notified().await;
    }
}
