//! What a plugin call costs: warm, with a fresh instance, and where the verdict is known.
//!
//! `cargo bench -p weir --bench plugin_call`. The plugins are the bundled ones, compiled as in
//! production by a process of this program. Each figure is CPU time, the middle of many batches.

#![expect(clippy::expect_used, reason = "a benchmark that cannot be set up should stop")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use uuid::Uuid;
use weir::exchange::{ConsumerFacts, Exchange, Peer, RequestHead, RequestId, ResponseHead, Scheme, Timing};
use weir::plugin_host::{
    Answer, AssignmentSpec, Chain, Directory, FoundCredential, Fuel, Host, HostDeps, HostSettings, Instances,
    Outbound, OutboundError, OutboundRequest, OutboundResponse, Placement, Plugin, Slot, compile_child,
};
use weir::shared::SharedState;
use weir::telemetry::log_record;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// One consumer, always in the cache.
struct Alice(FoundCredential);

impl Directory for Alice {
    fn cached_credential(&self, _: &str, _: &str) -> Option<Option<FoundCredential>> {
        Some(Some(self.0.clone()))
    }

    fn find_credential<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
    ) -> Answer<'a, Result<Option<FoundCredential>, String>> {
        Box::pin(async { Ok(Some(self.0.clone())) })
    }

    fn find_consumer<'a>(&'a self, _: &'a str) -> Answer<'a, Result<Option<Arc<ConsumerFacts>>, String>> {
        Box::pin(async { Ok(None) })
    }
}

struct Nowhere;

impl Outbound for Nowhere {
    fn send(&self, _: OutboundRequest) -> Answer<'_, Result<OutboundResponse, OutboundError>> {
        Box::pin(async { Err(OutboundError::Denied) })
    }
}

fn main() {
    if std::env::args().nth(1).as_deref() == Some("__compile") {
        std::process::exit(compile_child::main(60, Fuel::Uncounted).into());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(run());
}

async fn run() {
    let folder = std::env::temp_dir().join(format!("weir-plugin-call-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let host = Host::start(HostSettings::new(folder.clone(), 1), deps()).expect("a host");
    let begun = Instant::now();
    let plugins = host.bundled().await.expect("the bundled plugins");
    println!("{} bundled plugins compiled in {:?}\n", plugins.len(), begun.elapsed());
    let transform = r#"{"replace":{"headers":["x-a:one","x-b:two","x-c:three"]}}"#;
    let cases = [
        ("request-transformer, 3 inputs, 3 edits", "request-transformer", transform),
        ("key-auth, credential cached", "key-auth", "{}"),
        ("rate-limiting, one window", "rate-limiting", r#"{"hour":1000000000,"policy":"local"}"#),
    ];
    println!("{:<42} {:>12} {:>12} {:>12}", "one call, edits applied", "warm", "fresh", "same inputs");
    for (title, name, config) in cases {
        let chain = Chain::new(vec![slot(&host, &plugins, 0, (name, config)).await]);
        // The worker soon stops to look for verdicts that it never has.
        let warm = measure(&chain, &Instances::new(&host), Requests::Different).await;
        let known = measure(&chain, &Instances::new(&host), Requests::Same).await;
        let fresh = fresh(&chain, &host).await;
        println!("{title:<42} {warm:>12.3?} {fresh:>12.3?} {known:>12.3?}");
    }
    let log = format!(r#"{{"path":"{}/requests.log"}}"#, folder.display());
    let four = [
        ("key-auth", r#"{"hide_credentials":true}"#),
        ("rate-limiting", r#"{"hour":1000000000,"policy":"local"}"#),
        ("request-transformer", r#"{"add":{"headers":["x-added:1"]}}"#),
        ("file-log", log.as_str()),
    ];
    let mut slots = Vec::new();
    for (priority, (name, config)) in four.into_iter().enumerate() {
        slots.push(slot(&host, &plugins, 1000 - i32::try_from(priority).unwrap_or(0), (name, config)).await);
    }
    let whole = whole(&Chain::new(slots), &Instances::new(&host)).await;
    println!("\nan exchange with key-auth, rate-limiting, request-transformer, file-log: {whole:.3?}");
    drop(std::fs::remove_dir_all(folder));
}

async fn slot(host: &Host, plugins: &[Arc<Plugin>], priority: i32, (name, config): (&str, &str)) -> Slot {
    let plugin = plugins.iter().find(|plugin| plugin.info.name == name).expect("a bundled plugin");
    let spec = AssignmentSpec { bundled: true, ..AssignmentSpec::new(Uuid::nil(), config) };
    let assignment = host.assign(plugin, &spec).await.expect("an assignment");
    Slot::new(name, priority, Some(Placement::Live(assignment)), [])
}

/// The middle time of all phases of an exchange, what the log phase does later included.
async fn whole(chain: &Chain, instances: &Instances) -> Duration {
    let mut times = Vec::new();
    for _ in 0..400 {
        let begun = cpu_time();
        for _ in 0..256 {
            let mut run = chain.begin();
            let (mut exchange, _) = chain.on_request(instances, &mut run, exchange()).await;
            let headers = HeaderMap::new();
            exchange.response =
                Some(ResponseHead { status: StatusCode::OK, headers, upstream_status: Some(StatusCode::OK) });
            let (exchange, _) = chain.on_response(instances, &mut run, exchange).await;
            chain.on_log(instances, &mut run, &exchange);
        }
        // A whole batch waits: its delivery belongs to the price.
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
        times.push((cpu_time() - begun) / 256);
    }
    middle(times)
}

/// Whether a request's headers are those of the one before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Requests {
    Same,
    Different,
}

/// The middle time of one call among batches of 2000.
async fn measure(chain: &Chain, instances: &Instances, requests: Requests) -> Duration {
    let calls = 2000;
    let mut exchange = exchange();
    let mut times = Vec::new();
    for batch in 0..200 {
        let begun = cpu_time();
        for call in 0..calls {
            if requests == Requests::Different {
                renew(&mut exchange, batch * calls + call);
            }
            let mut run = chain.begin();
            (exchange, _) = chain.on_request(instances, &mut run, exchange).await;
            exchange.response_edits.clear();
        }
        times.push((cpu_time() - begun) / calls);
    }
    middle(times)
}

/// Makes a request that no plugin has seen.
fn renew(exchange: &mut Exchange, number: u32) {
    for name in ["apikey", "x-a"] {
        exchange.request.headers.insert(name, HeaderValue::from(number));
    }
}

/// The same with a worker that has no warm instance.
async fn fresh(chain: &Chain, host: &Host) -> Duration {
    let mut exchange = exchange();
    let mut times = Vec::new();
    for _ in 0..5000 {
        let instances = Instances::new(host);
        let begun = cpu_time();
        let mut run = chain.begin();
        (exchange, _) = chain.on_request(&instances, &mut run, exchange).await;
        drop(instances);
        times.push(cpu_time() - begun);
        exchange.response_edits.clear();
    }
    middle(times)
}

/// Time that this thread has had: what else the machine does is not counted.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn deps() -> HostDeps {
    let consumer = ConsumerFacts::new(Uuid::from_u128(1), Some("alice".into()), None, "{}");
    let found =
        FoundCredential { consumer: Arc::new(consumer), credential: "c1".into(), data_json: "{}".into() };
    HostDeps {
        directory: Arc::new(Alice(found)),
        outbound: Arc::new(Nowhere),
        shared: SharedState::default(),
        log_record: log_record::write,
    }
}

fn exchange() -> Box<Exchange> {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("host", "example.com"),
        ("apikey", "k"),
        ("x-a", "1"),
        ("x-b", "2"),
        ("x-c", "3"),
        ("accept", "*/*"),
    ] {
        headers.insert(name, value.parse().expect("a value"));
    }
    let client = SocketAddr::from(([192, 0, 2, 1], 4711));
    let peer = Peer { client, direct: client, listener_port: 8000, scheme: Scheme::Http };
    let uri = "/a/b?c=d".parse().expect("a target");
    let head = RequestHead { method: Method::GET, uri, version: Version::HTTP_11, headers };
    let timing = Timing::begin(tokio::time::Instant::now(), 1);
    Box::new(Exchange::begin(RequestId::from_bits(1), timing, peer, head))
}
