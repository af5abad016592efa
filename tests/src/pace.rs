//! A load of so many requests a second, whatever the answers take: what a client waits for an answer is counted from
//! when its request was due, not from when there was a connection free to send it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::client::Client;
use crate::load::percentile;

/// What to send, and how much of it.
#[derive(Debug, Clone)]
pub struct Pace {
    /// Where to.
    pub address: SocketAddr,
    /// The path of each GET.
    pub path: String,
    /// Requests a second, of all connections together.
    pub rate: u32,
    /// Connections that are kept. Each has one request under way at most.
    pub kept: u32,
    /// Clients that connect anew for each request.
    pub fresh: u32,
}

/// A load that runs; ends with [`Pacing::stop`].
pub struct Pacing {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<PaceReport>>,
}

/// One answer.
#[derive(Debug, Clone, Copy)]
pub struct Paced {
    /// Its status.
    pub status: u16,
    /// Whether it says when to come back.
    pub retry_after: bool,
    /// Since the request was due.
    pub took: Duration,
}

/// What came of it.
#[derive(Debug, Default, Clone)]
pub struct PaceReport {
    /// All answers.
    pub answers: Vec<Paced>,
    /// Requests on a kept connection that ended without an answer: it was being closed.
    pub races: usize,
    /// Connections that nobody took.
    pub refused: usize,
    /// What else went wrong.
    pub lost: Vec<String>,
}

impl PaceReport {
    /// How long those took that were answered with `status`.
    pub fn times(&self, status: u16) -> Vec<Duration> {
        self.answers.iter().filter(|answer| answer.status == status).map(|answer| answer.took).collect()
    }

    /// The time within which `share` of the answers with `status` came.
    pub fn within(&self, status: u16, share: f64) -> Duration {
        percentile(&self.times(status), share)
    }

    /// Adds another one to it.
    pub fn add(&mut self, other: Self) {
        self.answers.extend(other.answers);
        self.races += other.races;
        self.refused += other.refused;
        self.lost.extend(other.lost);
    }
}

impl Pace {
    /// Begins.
    pub fn start(&self) -> Pacing {
        let stop = Arc::new(AtomicBool::new(false));
        let clients = self.kept + self.fresh;
        let begin = Instant::now() + Duration::from_millis(20);
        let step = Duration::from_secs(1) / self.rate.max(1);
        let client = |number| {
            // The kept ones and the others by turns.
            let is_kept = u64::from(number) * u64::from(self.kept) / u64::from(clients)
                != (u64::from(number) + 1) * u64::from(self.kept) / u64::from(clients);
            let (pace, stop) = (self.clone(), Arc::clone(&stop));
            tokio::spawn(pace.client(is_kept, begin + step * number, step * clients, stop))
        };
        let clients = (0..clients).map(client).collect();
        Pacing { stop, clients }
    }

    /// Runs for `time`.
    pub async fn run(&self, time: Duration) -> PaceReport {
        let pacing = self.start();
        tokio::time::sleep(time).await;
        pacing.stop().await
    }

    async fn client(
        self,
        is_kept: bool,
        first: Instant,
        every: Duration,
        stop: Arc<AtomicBool>,
    ) -> PaceReport {
        let mut report = PaceReport::default();
        let mut kept = None;
        let mut ticks = tokio::time::interval_at(first, every);
        let mut free = first;
        loop {
            let due = ticks.tick().await;
            if stop.load(Ordering::Relaxed) {
                return report;
            }
            // A timer may be late by a millisecond, which is nobody's fault but its own.
            let since = if free > due { due } else { Instant::now() };
            kept = self.ask(kept, since, &mut report).await.filter(|_| is_kept);
            free = Instant::now();
        }
    }

    /// One request; gives the connection if it is to be used again.
    async fn ask(&self, kept: Option<Client>, since: Instant, report: &mut PaceReport) -> Option<Client> {
        let old = kept.filter(|client| !client.is_closed());
        let was_used = old.is_some();
        let mut client = match old {
            Some(client) => client,
            None => match Client::connect(self.address).await {
                Ok(client) => client,
                Err(_) => {
                    report.refused += 1;
                    return None;
                }
            },
        };
        match client.get(&self.path, &[]).await {
            Ok(answer) => {
                let (status, took) = (answer.status.as_u16(), since.elapsed());
                let retry_after = !answer.header("retry-after").is_empty();
                report.answers.push(Paced { status, retry_after, took });
                return Some(client).filter(|_| answer.header("connection") != "close");
            }
            Err(_) if was_used => report.races += 1,
            Err(error) => report.lost.push(format!("{error:#}")),
        }
        None
    }
}

impl Pacing {
    /// Lets what is under way end, and reports.
    pub async fn stop(self) -> PaceReport {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = PaceReport::default();
        for client in self.clients {
            match client.await {
                Ok(report) => all.add(report),
                Err(error) => all.lost.push(error.to_string()),
            }
        }
        all
    }
}
