//! Keeps a number of connections busy and checks every answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::client::{Answer, Client, request};

/// What to check on an answer; the text says what is wrong.
type Check = dyn Fn(&Answer) -> Result<(), String> + Send + Sync;

/// A running load; ends with [`Load::stop`].
pub struct Load {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<LoadReport>>,
}

/// What came of it.
#[derive(Debug, Default, Clone)]
pub struct LoadReport {
    /// Requests that were answered as they should be.
    pub good: u64,
    /// What went wrong with the others, the first hundred of each connection.
    pub failures: Vec<String>,
    /// Time from sending to the last byte, of the good ones.
    pub latencies: Vec<Duration>,
}

impl Load {
    /// Starts `connections` clients that send GETs to `path`, each as soon as the last one is answered.
    pub fn start(
        address: SocketAddr,
        connections: usize,
        path: &str,
        headers: &[(&str, &str)],
        check: impl Fn(&Answer) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let check: Arc<Check> = Arc::new(check);
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let client = |_| {
            let script = Script {
                address,
                path: path.to_owned(),
                headers: headers.clone(),
                check: Arc::clone(&check),
            };
            tokio::spawn(script.run(Arc::clone(&stop)))
        };
        let tasks = (0..connections).map(client).collect();
        Self { stop, tasks }
    }

    /// Lets every request that is under way end, and reports.
    pub async fn stop(self) -> LoadReport {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = LoadReport::default();
        for task in self.tasks {
            match task.await {
                Ok(one) => {
                    all.good += one.good;
                    all.failures.extend(one.failures);
                    all.latencies.extend(one.latencies);
                }
                Err(error) => all.failures.push(error.to_string()),
            }
        }
        all
    }
}

impl LoadReport {
    fn fail(&mut self, failure: String) {
        if self.failures.len() < 100 {
            self.failures.push(failure);
        }
    }
}

struct Script {
    address: SocketAddr,
    path: String,
    headers: Vec<(String, String)>,
    check: Arc<Check>,
}

impl Script {
    async fn run(self, stop: Arc<AtomicBool>) -> LoadReport {
        let mut report = LoadReport::default();
        let mut client = None;
        while !stop.load(Ordering::Relaxed) {
            let began = Instant::now();
            match self.once(&mut client).await {
                Ok(()) => {
                    report.good += 1;
                    report.latencies.push(began.elapsed());
                }
                Err(failure) => {
                    client = None;
                    report.fail(failure);
                }
            }
        }
        report
    }

    async fn once(&self, client: &mut Option<Client>) -> Result<(), String> {
        let text = |error: anyhow::Error| format!("{error:#}");
        let mut connected = match client.take() {
            Some(connected) => connected,
            None => Client::connect(self.address).await.map_err(text)?,
        };
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let message = request(http::Method::GET, &self.path, &headers, bytes::Bytes::new()).map_err(text)?;
        let answer = connected.send(message).await.map_err(text)?;
        *client = Some(connected);
        (self.check)(&answer)
    }
}

/// The value below which `share` (0 to 1) of all latencies lie; zero of none.
pub fn percentile(latencies: &[Duration], share: f64) -> Duration {
    let mut sorted = latencies.to_vec();
    sorted.sort_unstable();
    let at = (sorted.len() as f64 * share) as usize;
    sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}
