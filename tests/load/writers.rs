//! Clients that write through Admin APIs, and a ledger of what they were answered.
//!
//! Each entity belongs to one writer, so that the order of its writes is known. A write that was not
//! answered with success may have been done or not; from then on both are right, until an answer tells.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gateway_tests::{Answer, Client, Gateway, request};
use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// After a write that was not made.
const PAUSE: Duration = Duration::from_millis(10);
/// Longest wait for an answer; a node that was killed gives none.
const PATIENCE: Duration = Duration::from_secs(15);

/// One row, as far as answers tell.
#[derive(Debug, Default)]
struct Row {
    /// What may be there: `None` is nothing, else the value of `custom_id`.
    may_be: Vec<Option<String>>,
    /// Values that were ever asked for.
    was: Vec<String>,
}

/// What was written, by username.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    rows: BTreeMap<String, Row>,
    acknowledged: usize,
    refused: usize,
}

/// What became of it. The last four are what must not be.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Figures {
    acknowledged: usize,
    refused: usize,
    rows: usize,
    /// Rows that were acknowledged and are not there.
    lost: usize,
    /// Rows that are as they were before an acknowledged change.
    stale: usize,
    /// Rows that nobody wrote, or with what nobody wrote.
    ghost: usize,
    /// Rows that were deleted and are back.
    resurrected: usize,
    /// The first of them, in words.
    example: String,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acknowledged, refused, rows, lost, stale, ghost, resurrected, example: _ } = self;
        write!(
            f,
            "{acknowledged} writes acknowledged, {refused} refused or unanswered, {rows} rows: \
             lost={lost} stale={stale} ghost={ghost} resurrected={resurrected}"
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
            let answer = answer.ok().and_then(Result::ok);
            ledger.note(&username, after, answer.as_ref());
            if !answer.is_some_and(|answer| answer.status.is_success()) {
                // An outage of minutes would fill the ledger with what was refused.
                tokio::time::sleep(PAUSE).await;
            }
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
        let row =
            self.rows.entry(username.to_owned()).or_insert_with(|| Row { may_be: vec![None], was: vec![] });
        row.was.extend(after.clone());
        match answer.map(|answer| answer.status.as_u16()) {
            Some(200..300) => {
                self.acknowledged += 1;
                row.may_be = vec![after];
            }
            // It says that there is none, so nothing was changed.
            Some(404) => self.refused += 1,
            _ => {
                self.refused += 1;
                row.may_be.push(after);
            }
        }
    }

    /// Holds what each node shows against what was answered.
    pub(crate) async fn check(&self, nodes: &[Gateway]) -> anyhow::Result<Figures> {
        let mut figures = self.figures();
        anyhow::ensure!(self.acknowledged > 20, "too few to tell: {figures}");
        for node in nodes {
            self.compare(&consumers(node).await?, &mut figures);
        }
        let Figures { lost, stale, ghost, resurrected, example, .. } = &figures;
        anyhow::ensure!([lost, stale, ghost, resurrected] == [&0; 4], "{figures}, such as {example}");
        Ok(figures)
    }

    fn figures(&self) -> Figures {
        let Self { acknowledged, refused, rows, .. } = self;
        Figures { acknowledged: *acknowledged, refused: *refused, rows: rows.len(), ..Figures::default() }
    }

    /// Counts what is wrong with rows that are there.
    fn compare(&self, kept: &BTreeMap<String, String>, figures: &mut Figures) {
        for (name, Row { may_be, was }) in &self.rows {
            let kept = kept.get(name);
            if may_be.contains(&kept.cloned()) {
                continue;
            }
            let count = match kept {
                None => &mut figures.lost,
                Some(value) if !was.contains(value) => &mut figures.ghost,
                Some(_) if may_be.iter().all(Option::is_none) => &mut figures.resurrected,
                Some(_) => &mut figures.stale,
            };
            *count += 1;
            figures.example = format!("{name}, which is {kept:?} and may be {may_be:?}");
        }
        let ours: BTreeSet<_> = self.rows.keys().map(|name| writer(name)).collect();
        let unknown = |name: &&String| ours.contains(writer(name)) && !self.rows.contains_key(*name);
        for name in kept.keys().filter(unknown) {
            figures.ghost += 1;
            figures.example = format!("{name}, which nobody wrote");
        }
    }
}

/// Whose row it is, by its name.
fn writer(name: &str) -> &str {
    name.rsplit_once('-').map_or("", |(writer, _)| writer)
}

/// All of them. A connection to the database that was slow before may say once more that it is away: what counts
/// here is what is there.
async fn consumers(node: &Gateway) -> anyhow::Result<BTreeMap<String, String>> {
    let until = Instant::now() + PATIENCE;
    loop {
        match listed(node).await {
            Err(_) if Instant::now() < until => tokio::time::sleep(Duration::from_millis(200)).await,
            done => return done,
        }
    }
}

async fn listed(node: &Gateway) -> anyhow::Result<BTreeMap<String, String>> {
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

/// What would go unseen if it were counted as right.
#[test]
fn a_ledger_tells_wrong_rows_apart() {
    let mut ledger = Ledger::default();
    let rows = |value: &[&str]| value.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    for (name, may_be, was) in [
        ("w0-made", vec![Some("a".to_owned())], rows(&["a"])),
        ("w0-changed", vec![Some("b".to_owned())], rows(&["a", "b"])),
        ("w0-deleted", vec![None], rows(&["a"])),
        ("w0-unanswered", vec![None, Some("a".to_owned())], rows(&["a"])),
    ] {
        ledger.rows.insert(name.to_owned(), Row { may_be, was });
    }
    let right = [("w0-made", "a"), ("w0-changed", "b"), ("somebody", "else")];
    for (case, change, want) in [
        ("as it was answered", None, [0, 0, 0, 0]),
        ("an unanswered write was done", Some(("w0-unanswered", "a")), [0, 0, 0, 0]),
        ("a row is missing", Some(("w0-made", "")), [1, 0, 0, 0]),
        ("a change is missing", Some(("w0-changed", "a")), [0, 1, 0, 0]),
        ("a value that nobody wrote", Some(("w0-made", "z")), [0, 0, 1, 0]),
        ("a row that nobody wrote", Some(("w0-strange", "a")), [0, 0, 1, 0]),
        ("a row is back", Some(("w0-deleted", "a")), [0, 0, 0, 1]),
    ] {
        let mut kept: BTreeMap<_, _> = right
            .into_iter()
            .chain(change)
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        kept.retain(|_, value| !value.is_empty());
        let mut found = ledger.figures();
        ledger.compare(&kept, &mut found);
        assert_eq!([found.lost, found.stale, found.ghost, found.resurrected], want, "{case}");
    }
}
