//! Clients that write through Admin APIs, and a ledger of what they were answered.
//!
//! Each entity belongs to one writer, so that the order of its writes is known. A write that was not
//! answered with success may have been done or not; from then on both are right, until an answer tells.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gateway_tests::{Answer, Client, Gateway, request};
use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// Longest wait for an answer; a node that was killed gives none.
const PATIENCE: Duration = Duration::from_secs(15);

/// What may be there: `None` is nothing, else the value of `custom_id`.
type States = Vec<Option<String>>;

/// What was written, by username.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    rows: BTreeMap<String, States>,
    acknowledged: usize,
    refused: usize,
}

/// What became of it.
#[derive(Debug)]
pub(crate) struct Figures {
    acknowledged: usize,
    refused: usize,
    rows: usize,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acknowledged, refused, rows } = self;
        write!(
            f,
            "{acknowledged} writes acknowledged, {refused} refused or unanswered, {rows} rows: 0 lost, 0 resurrected"
        )
    }
}

/// Writers at work.
pub(crate) struct Writers {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<Ledger>>,
}

impl Writers {
    pub(crate) fn start(admins: [SocketAddr; 2]) -> Self {
        Self::resume(Ledger::default(), admins)
    }

    /// Writes on: the rows that are known are written no more.
    pub(crate) fn resume(ledger: Ledger, admins: [SocketAddr; 2]) -> Self {
        static STARTED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let stop = Arc::new(AtomicBool::new(false));
        let series = STARTED.fetch_add(1, Ordering::SeqCst);
        let begin = |(number, admin): (usize, SocketAddr)| {
            tokio::spawn(write(admin, format!("w{series}-{number}"), Arc::clone(&stop)))
        };
        let mut tasks: Vec<_> = admins.into_iter().enumerate().map(begin).collect();
        tasks.push(tokio::spawn(async move { ledger }));
        Self { stop, tasks }
    }

    pub(crate) async fn stop(self) -> Ledger {
        self.stop.store(true, Ordering::SeqCst);
        let mut all = Ledger::default();
        for task in self.tasks {
            let one = task.await;
            assert!(one.is_ok(), "a writer failed: {:?}", one.err());
            let one = one.unwrap_or_default();
            all.rows.extend(one.rows);
            all.acknowledged += one.acknowledged;
            all.refused += one.refused;
        }
        all
    }
}

/// Makes consumers, changes some and deletes some, until it is told to stop.
async fn write(admin: SocketAddr, name: String, stop: Arc<AtomicBool>) -> Ledger {
    let mut ledger = Ledger::default();
    for number in 0_usize.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let username = format!("{name}-{number}");
        let path = format!("/consumers/{username}");
        let steps = [
            (Method::PUT, Some(format!("{username}-made"))),
            (Method::PATCH, Some(format!("{username}-changed"))),
            (Method::DELETE, None),
        ];
        let wanted = number % 3 + 1;
        for (method, after) in steps.into_iter().take(wanted) {
            let body = after.as_ref().map_or(Value::Null, |value| json!({ "custom_id": value }));
            let answer = tokio::time::timeout(PATIENCE, ask(admin, method, &path, &body)).await;
            ledger.note(&username, after, answer.ok().and_then(Result::ok).as_ref());
        }
    }
    ledger
}

async fn ask(admin: SocketAddr, method: Method, path: &str, body: &Value) -> anyhow::Result<Answer> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let headers = if body.is_empty() { vec![] } else { vec![("content-type", "application/json")] };
    Client::connect(admin).await?.send(request(method, path, &headers, body)?).await
}

impl Ledger {
    fn note(&mut self, username: &str, after: Option<String>, answer: Option<&Answer>) {
        let states = self.rows.entry(username.to_owned()).or_insert_with(|| vec![None]);
        match answer.map(|answer| answer.status.as_u16()) {
            Some(200..300) => {
                self.acknowledged += 1;
                *states = vec![after];
            }
            // It says that there is none, so nothing was changed.
            Some(404) => self.refused += 1,
            _ => {
                self.refused += 1;
                states.push(after);
            }
        }
    }

    /// Whether each node shows one of the right states of each row.
    pub(crate) async fn check(&self, nodes: &[Gateway; 2]) -> anyhow::Result<Figures> {
        anyhow::ensure!(self.acknowledged > 20, "{self:?}");
        for node in nodes {
            let kept = consumers(node).await?;
            let wrong = self.rows.iter().find(|(name, states)| !states.contains(&kept.get(*name).cloned()));
            anyhow::ensure!(wrong.is_none(), "{wrong:?} is {:?}", wrong.map(|(name, _)| kept.get(name)));
        }
        Ok(Figures { acknowledged: self.acknowledged, refused: self.refused, rows: self.rows.len() })
    }
}

async fn consumers(node: &Gateway) -> anyhow::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let mut path = "/consumers?size=1000".to_owned();
    loop {
        let page = node.apply(Method::GET, &path, &Value::Null).await?;
        for consumer in page["data"].as_array().into_iter().flatten() {
            let text = |field: &str| consumer[field].as_str().unwrap_or_default().to_owned();
            found.insert(text("username"), text("custom_id"));
        }
        match page["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => return Ok(found),
        }
    }
}
