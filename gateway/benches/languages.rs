//! What a plugin costs by the language it is written in, as the Markdown table of docs/plugins.md.
//!
//! `cargo bench -p weir --bench languages` builds the guest `three-edits` in every language and measures it
//! as in production: size, compile time (by a process of this program), a call with a fresh instance and
//! with a warm one (3 inputs, and 3 edits made of them), and the memory of a fresh instance.
//! With components as arguments (`LANGUAGE=FILE`) it measures those, which must do the same.

#![expect(clippy::expect_used, reason = "a benchmark that cannot be set up should stop")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, Method, Version};
use uuid::Uuid;
use weir::exchange::{ConsumerFacts, Exchange, Peer, RequestHead, RequestId, Scheme, Timing};
use weir::plugin_host::{
    Answer, AssignmentSpec, Chain, Directory, FoundCredential, Fuel, Host, HostDeps, HostSettings, Instances,
    Outbound, OutboundError, OutboundRequest, OutboundResponse, Placement, Plugin, Slot, compile_child,
};
use weir::shared::SharedState;
use weir::telemetry::log_record;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const LANGUAGES: [&str; 4] = ["rust", "go", "javascript", "python"];
/// Warm calls, in batches whose middle time is taken: a single call is shorter than its measurement.
const BATCHES: usize = 200;
const CALLS: u32 = 256;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "__compile") {
        std::process::exit(compile_child::main(120, Fuel::Uncounted).into());
    }
    let given = arguments.iter().filter(|argument| !argument.starts_with('-'));
    let named = |argument: &String| {
        let (language, path) = argument.split_once('=').unwrap_or((argument, argument));
        (language.to_owned(), PathBuf::from(path))
    };
    let mut components: Vec<_> = given.map(named).collect();
    if components.is_empty() {
        components = guests();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(run(components));
}

/// The guest in each language whose tools are here.
fn guests() -> Vec<(String, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/guests/three-edits");
    let mut built = Vec::new();
    for language in LANGUAGES {
        match weir_plugin_build::build(&root.join(language), &weir_plugin_build::Options::default()) {
            Ok(path) => built.push((language.to_owned(), path)),
            Err(error) => eprintln!("{language} is left out: {error}"),
        }
    }
    built
}

async fn run(components: Vec<(String, PathBuf)>) {
    println!("| language | component | compiled in | fresh call | warm call | memory of an instance |");
    println!("|---|---|---|---|---|---|");
    for (language, path) in components {
        let folder = std::env::temp_dir().join(format!("weir-languages-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let host = Host::start(HostSettings::new(folder.clone(), 1), deps()).expect("a host");
        let bytes = std::fs::read(&path).expect("the component");
        let size = bytes.len();
        let begun = Instant::now();
        let plugin = host.admit(bytes.into()).await.expect("a plugin").plugin;
        let compiled = begun.elapsed();
        let chain = chain(&host, &plugin).await;
        let fresh = fresh(&chain, &host).await;
        let warm = warm(&chain, &Instances::new(&host)).await;
        let memory = plugin.cost.memory_bytes;
        println!(
            "| {language} | {} KB | {compiled:.2?} | {fresh:.1?} | {warm:.2?} | {} KB |",
            size / 1000,
            memory / 1000
        );
        drop(std::fs::remove_dir_all(folder));
    }
}

async fn chain(host: &Host, plugin: &Arc<Plugin>) -> Chain {
    let assignment =
        host.assign(plugin, &AssignmentSpec::new(Uuid::nil(), "{}")).await.expect("an assignment");
    Chain::new(vec![Slot::new("three-edits", 1, Some(Placement::Live(assignment)), [])])
}

/// What one call of several takes in a row. Making the exchanges is not measured.
async fn calls(chain: &Chain, instances: &Instances, count: u32) -> Duration {
    let mut exchanges: Vec<_> = (0..count).map(|_| Some(exchange())).collect();
    let begun = cpu_time();
    for place in &mut exchanges {
        let mut run = chain.begin();
        if let Some(exchange) = place.take() {
            *place = Some(chain.on_request(instances, &mut run, exchange).await.0);
        }
    }
    let took = cpu_time() - begun;
    for exchange in exchanges.iter().flatten() {
        for (name, value) in [("x-method", "GET"), ("x-path", "/a/b"), ("x-accept", "*/*")] {
            let edited = exchange.request.headers.get(name).is_some_and(|found| found == value);
            assert!(edited, "{name}: {:?}", exchange.request.headers);
        }
    }
    took / count
}

async fn warm(chain: &Chain, instances: &Instances) -> Duration {
    let mut times = Vec::new();
    for _ in 0..BATCHES {
        times.push(calls(chain, instances, CALLS).await);
    }
    middle(times)
}

async fn fresh(chain: &Chain, host: &Host) -> Duration {
    let mut times = Vec::new();
    for _ in 0..BATCHES {
        times.push(calls(chain, &Instances::new(host), 1).await);
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

/// Nobody is there, and nothing goes out.
struct Nothing;

impl Directory for Nothing {
    fn cached_credential(&self, _: &str, _: &str) -> Option<Option<FoundCredential>> {
        None
    }

    fn find_credential<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
    ) -> Answer<'a, Result<Option<FoundCredential>, String>> {
        Box::pin(async { Ok(None) })
    }

    fn find_consumer<'a>(&'a self, _: &'a str) -> Answer<'a, Result<Option<Arc<ConsumerFacts>>, String>> {
        Box::pin(async { Ok(None) })
    }
}

impl Outbound for Nothing {
    fn send(&self, _: OutboundRequest) -> Answer<'_, Result<OutboundResponse, OutboundError>> {
        Box::pin(async { Err(OutboundError::Denied) })
    }
}

fn deps() -> HostDeps {
    HostDeps {
        directory: Arc::new(Nothing),
        outbound: Arc::new(Nothing),
        log_record: log_record::write,
        shared: SharedState::default(),
    }
}

fn exchange() -> Box<Exchange> {
    let mut headers = HeaderMap::new();
    for (name, value) in [("host", "example.com"), ("x-b", "2"), ("x-c", "3"), ("accept", "*/*")] {
        headers.insert(name, value.parse().expect("a value"));
    }
    let client = SocketAddr::from(([192, 0, 2, 1], 4711));
    let peer = Peer { client, direct: client, listener_port: 8000, scheme: Scheme::Http };
    let uri = "/a/b?c=d".parse().expect("a target");
    let head = RequestHead { method: Method::GET, uri, version: Version::HTTP_11, headers };
    let timing = Timing::begin(tokio::time::Instant::now(), 1);
    Box::new(Exchange::begin(RequestId::from_bits(1), timing, peer, head))
}
