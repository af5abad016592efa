//! What a plugin costs by the language it is written in, as the Markdown table of docs/plugins.md.
//!
//! `cargo bench -p weir --bench languages` builds the example `head-edit` of every language and measures
//! it as in production: size, compile time (by a process of this program), a call with a fresh instance
//! and with a warm one (an input, 3 edits and a new path), and the memory of a fresh instance.
//! With components as arguments it measures those in place of the examples.

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
/// Three edits; the prefix makes the plugin ask for the path.
const CONFIG: &str = r#"{"set":{"x-a":"one","x-b":"two"},"remove":["x-c"],"path_prefix":"/before"}"#;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "__compile") {
        std::process::exit(compile_child::main(120, Fuel::Uncounted).into());
    }
    let given = arguments.iter().filter(|argument| !argument.starts_with('-'));
    let mut components: Vec<_> = given.map(|path| (path.clone(), PathBuf::from(path))).collect();
    if components.is_empty() {
        components = examples();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(run(components));
}

/// The example of each language whose tools are here.
fn examples() -> Vec<(String, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../example-plugins");
    let mut built = Vec::new();
    for language in LANGUAGES {
        match weir_plugin_build::build(
            &root.join(language).join("head-edit"),
            &weir_plugin_build::Options::default(),
        ) {
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
        host.assign(plugin, &AssignmentSpec::new(Uuid::nil(), CONFIG)).await.expect("an assignment");
    Chain::new(vec![Slot::new("head-edit", 1, Some(Placement::Live(assignment)), [])])
}

/// One call, which must not fail.
async fn call(chain: &Chain, instances: &Instances) -> Duration {
    let exchange = exchange();
    let begun = cpu_time();
    let mut run = chain.begin();
    let (exchange, _) = chain.on_request(instances, &mut run, exchange).await;
    let took = cpu_time() - begun;
    let edited = exchange.request.headers.get("x-a").is_some_and(|value| value == "one");
    assert!(edited && exchange.request.headers.get("x-c").is_none(), "the edits were made");
    took
}

async fn warm(chain: &Chain, instances: &Instances) -> Duration {
    let mut times = Vec::new();
    for _ in 0..50_000 {
        times.push(call(chain, instances).await);
    }
    middle(times)
}

async fn fresh(chain: &Chain, host: &Host) -> Duration {
    let mut times = Vec::new();
    for _ in 0..500 {
        times.push(call(chain, &Instances::new(host)).await);
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
