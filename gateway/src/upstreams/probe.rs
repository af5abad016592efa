//! Active health checks of one upstream.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use crate::balancer::{Balancer, Outcome};
use crate::client::{ClientError, Connect, Endpoint, Speaks, TlsProfile, TlsRequirements, TlsTo, TlsVerify};
use crate::model::{ActiveChecks, ProbeKind};
use crate::task;

/// Whether there is anything to probe.
pub(super) fn is_on(checks: &ActiveChecks) -> bool {
    checks.healthy.interval > 0.0 || checks.unhealthy.interval > 0.0
}

/// What one round works with.
struct Prober {
    balancer: Arc<Balancer>,
    host_header: Option<String>,
    checks: ActiveChecks,
    connect: Connect,
    /// How TLS is spoken where the checks ask for it.
    profile: TlsProfile,
    timeout: Duration,
    turns: Semaphore,
}

/// When addresses in one of the two states are probed next.
struct Due {
    interval: Option<Duration>,
    at: Instant,
}

impl Due {
    fn new(seconds: f64) -> Self {
        let interval = Duration::try_from_secs_f64(seconds).ok().filter(|interval| !interval.is_zero());
        Self { interval, at: Instant::now() }
    }

    async fn wait(&self) {
        match self.interval {
            Some(_) => sleep_until(self.at).await,
            None => std::future::pending().await,
        }
    }

    /// Rounds do not overlap: one that takes longer than the interval is followed by the next.
    fn again(&mut self) {
        if let Some(interval) = self.interval {
            self.at = (self.at + interval).max(Instant::now());
        }
    }
}

/// Probes until it is aborted.
pub(super) async fn run(
    (balancer, host_header): (Arc<Balancer>, Option<String>),
    checks: ActiveChecks,
    connect: Connect,
) {
    let (mut healthy, mut unhealthy) =
        (Due::new(checks.healthy.interval), Due::new(checks.unhealthy.interval));
    let timeout = Duration::try_from_secs_f64(checks.timeout).unwrap_or(Duration::from_secs(1));
    let turns = Semaphore::new(usize::try_from(checks.concurrency).unwrap_or(10).min(1_000));
    let verify = if checks.https_verify_certificate { TlsVerify::Full } else { TlsVerify::Off };
    let profile = TlsProfile::new(TlsRequirements { verify: Some(verify), ..TlsRequirements::default() });
    let prober = Arc::new(Prober { balancer, host_header, checks, connect, profile, timeout, turns });
    loop {
        tokio::select! {
            () = healthy.wait() => {
                prober.round(true).await;
                healthy.again();
            }
            () = unhealthy.wait() => {
                prober.round(false).await;
                unhealthy.again();
            }
        }
    }
}

impl Prober {
    /// Probes all addresses that are in this state.
    async fn round(self: &Arc<Self>, healthy: bool) {
        let table = self.balancer.table();
        let mut running = Vec::new();
        for peer in table.peers().iter().filter(|peer| peer.state.is_healthy() == healthy) {
            let (prober, address, host) = (Arc::clone(self), peer.address(), Arc::clone(&peer.host));
            running.push(task::spawn("health check", async move { prober.probe(address, host).await }));
        }
        for probe in running {
            _ = probe.await;
        }
    }

    async fn probe(&self, address: SocketAddr, host: Arc<str>) {
        let Ok(_turn) = self.turns.acquire().await else { return };
        let outcome = self.ask(address, host).await;
        if self.balancer.probed(address, outcome) {
            tracing::warn!(
                upstream = self.balancer.name().as_ref(),
                %address,
                ?outcome,
                "a health check changed the state of a target"
            );
        }
    }

    async fn ask(&self, address: SocketAddr, host: Arc<str>) -> Outcome {
        let (tls, request) = match self.checks.kind {
            ProbeKind::Tcp | ProbeKind::Grpc => (false, None),
            ProbeKind::Grpcs => (true, None),
            ProbeKind::Http => (false, Some(self.request(address, &host))),
            ProbeKind::Https => (true, Some(self.request(address, &host))),
        };
        let name = self.checks.https_sni.as_deref().map_or(host, Arc::from);
        let tls = tls.then(|| TlsTo { name: Arc::clone(&name), profile: self.profile.clone() });
        let speaks = Speaks::Http1;
        let endpoint = Endpoint { host: name, port: address.port(), address: Some(address), tls, speaks };
        let request = request.as_ref().map(String::as_bytes);
        match self.connect.probe(&endpoint, address, request, self.timeout).await {
            Ok(Some(status)) => Outcome::Status(status),
            Ok(None) => Outcome::Connected,
            Err(ClientError::ConnectTimeout { .. }) => Outcome::Timeout,
            Err(_) => Outcome::TcpFailure,
        }
    }

    /// HTTP/1.0, so that the connection ends with the answer.
    fn request(&self, address: SocketAddr, host: &str) -> String {
        let path = self.checks.http_path.as_deref().unwrap_or("/");
        let host = self.host_header.clone().unwrap_or_else(|| match address {
            SocketAddr::V6(_) if host.contains(':') => format!("[{host}]:{}", address.port()),
            SocketAddr::V4(_) | SocketAddr::V6(_) => format!("{host}:{}", address.port()),
        });
        let mut request = format!("GET {path} HTTP/1.0\r\nConnection: close\r\nHost: {host}\r\n");
        for (name, values) in self.checks.headers.iter().flatten() {
            // The model admits no line breaks in names; values are the operator's text.
            for value in values.iter().filter(|value| !value.contains(['\r', '\n'])) {
                _ = write!(request, "{name}: {value}\r\n");
            }
        }
        request.push_str("\r\n");
        request
    }
}
