//! Where attacks are made and judged: a host, a neighbour that is watched, and what was there before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value;
use uuid::Uuid;
use wasmtime::PoolingAllocatorMetrics;

use super::Ends;
use super::cases::Case;
use super::guest::build;
use crate::exchange::{ConsumerFacts, Exchange, LocalAnswer, ResponseHead};
use crate::plugin_host::metrics::CallOutcome;
use crate::plugin_host::tests::guests::Guest;
use crate::plugin_host::tests::{Fixture, Nothing, chain, exchange, reason};
use crate::plugin_host::{
    Answer, AssignError, Assignment, AssignmentSpec, CallFailure, Chain, Direction, Directory, Filter, Flow,
    FoundCredential, Host, HostDeps, Instances, ResponseFlow, Run,
};
use crate::shared::SharedState;

/// Calls of each attack under the policy `open`, after the one under `closed`. After three overruns of its time a
/// plugin is called on a fiber: the last ones see that, too.
const OPEN_CALLS: u64 = 4;
/// Memory by which the process may grow while the attacks are made: less than one of them asks for.
const GROWTH: usize = 768 << 20;
/// What the 99th percentile of the neighbour's requests may take on a machine that is busy with other tests.
const NEIGHBOUR: Duration = Duration::from_millis(250);
/// How often a body is read from its client, and bytes of each read.
const READS: usize = 4;
const READ: usize = 30_000;

/// Answers `never` never and `slow` late, panics at `panic`, and makes everybody else wait a moment.
struct Moody;

impl Directory for Moody {
    fn cached_credential(&self, _: &str, _: &str) -> Option<Option<FoundCredential>> {
        None
    }

    fn find_credential<'a>(
        &'a self,
        _: &'a str,
        key: &'a str,
    ) -> Answer<'a, Result<Option<FoundCredential>, String>> {
        Box::pin(async move {
            match key {
                "never" => std::future::pending().await,
                "slow" => tokio::time::sleep(Duration::from_millis(100)).await,
                "panic" => panic!("a fault of the gateway, made on purpose"),
                _ => tokio::task::yield_now().await,
            }
            Ok(None)
        })
    }

    fn find_consumer<'a>(&'a self, _: &'a str) -> Answer<'a, Result<Option<Arc<ConsumerFacts>>, String>> {
        Box::pin(async { Ok(None) })
    }
}

/// Requests of an honest plugin, on a thread of its own.
struct Neighbour {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

/// What the neighbour saw.
struct Seen {
    times: Vec<Duration>,
    failures: Vec<String>,
    most_memory: usize,
}

pub(super) struct Arena {
    pub(super) fixture: Fixture,
    neighbour: Option<Neighbour>,
    pool: PoolingAllocatorMetrics,
    /// Slots that the neighbour takes.
    slots: [u64; 5],
    memory: usize,
    next: u128,
}

impl Arena {
    /// Opens it, with the neighbour at work.
    pub(super) async fn open() -> Self {
        let fixture = Fixture::with(HostDeps {
            directory: Arc::new(Moody),
            outbound: Arc::new(Nothing),
            log_record: |_, _| {},
            shared: SharedState::default(),
        });
        let name = "(data (i32.const 64) \"other\")";
        let honest = fixture.assign(Guest { more: name, ..Guest::default() }.build(), &spec(1, "{}")).await;
        let pool = honest.core.plugin.engine().pooling_allocator_metrics().unwrap();
        let neighbour = Some(Neighbour::start(fixture.host.clone(), honest));
        while fixture.host.instances().0 == 0 || slots(&pool)[..3].contains(&0) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let slots = slots(&pool);
        Self { fixture, neighbour, pool, slots, memory: resident(), next: 2 }
    }

    /// Makes one attack, and checks that it ends as it must and leaves nothing behind.
    pub(super) async fn judge(&mut self, (name, ends, milliseconds, limits): &Case) {
        let within = Duration::from_millis(*milliseconds);
        match ends {
            Ends::Refused(words) => self.upload(name, words, within).await,
            Ends::Unconfigured => self.assign(name, limits, within).await,
            Ends::Fails(_) | Ends::GoesOn => self.call(name, *ends, limits, within).await,
        }
        self.nothing_is_left(name).await;
    }

    async fn upload(&self, name: &str, words: &str, within: Duration) {
        let begun = Instant::now();
        let refused = self.fixture.host.admit(build(name).into()).await.map(|_| ()).expect_err(name);
        assert!(refused.to_string().to_lowercase().contains(words), "{name}: {refused}");
        // It may have had to be compiled for that.
        assert!(begun.elapsed() < within + Duration::from_secs(5), "{name}: {:?}", begun.elapsed());
    }

    async fn assign(&mut self, name: &str, limits: &str, within: Duration) {
        let plugin = self.fixture.plugin(build(name)).await;
        let spec = self.spec(limits, "closed");
        let begun = Instant::now();
        let refused = self.fixture.host.assign(&plugin, &spec).await;
        assert!(matches!(refused, Err(AssignError::Configure(_))), "{name}: {refused:?}");
        assert!(begun.elapsed() < within, "{name}: {:?}", begun.elapsed());
    }

    async fn call(&mut self, name: &str, ends: Ends, limits: &str, within: Duration) {
        let plugin = self.fixture.plugin(build(name)).await;
        let before = self.counted();
        for (policy, calls) in [("closed", 1), ("open", OPEN_CALLS)] {
            let wanted = if policy == "closed" { ends.reason() } else { "went on" };
            let spec = self.spec(limits, policy);
            let assignment = self.fixture.host.assign(&plugin, &spec).await.expect(name);
            for _ in 0..calls {
                self.request(&format!("{name}, {policy}"), &assignment, wanted, within).await;
            }
            drop(assignment);
            self.nothing_is_left(name).await;
        }
        let mut counted: Vec<_> =
            self.counted().iter().zip(before).map(|(after, before)| after - before).collect();
        let wanted = CallOutcome::ALL.map(|one| if one == ends.outcome() { 1 + OPEN_CALLS } else { 0 });
        // Of a body or an answer, the calls before the one that fails are good ones.
        let good = CallOutcome::ALL.iter().position(|one| *one == CallOutcome::Proceed).unwrap();
        let parts = name.starts_with("bodies/") || name.starts_with("responses/");
        if parts && counted[good] > wanted[good] {
            counted[good] = wanted[good];
        }
        assert_eq!(counted, wanted, "{name}: calls by outcome, {:?}", CallOutcome::ALL);
    }

    async fn request(&self, case: &str, assignment: &Arc<Assignment>, wanted: &str, within: Duration) {
        let begun = Instant::now();
        let (exchange, end) = self.exchange(&chain(assignment)).await;
        let took = begun.elapsed();
        assert!(took < within, "{case}: {took:?}");
        assert_eq!(end, wanted, "{case}");
        assert_eq!(exchange.request.headers.len(), 2, "{case}: no edit was applied");
        if let Some(head) = exchange.response {
            assert_eq!((head.status.as_u16(), head.headers.len()), (200, 1), "{case}: no edit was applied");
        }
    }

    /// A request and its answer, both with a body and trailers, as far as the plugin lets them; gives what it
    /// ended with.
    async fn exchange(&self, chain: &Chain) -> (Box<Exchange>, String) {
        let (instances, mut run) = (&self.fixture.instances, chain.begin());
        let (mut exchange, mut flow) = chain.on_request(instances, &mut run, exchange()).await;
        if let Flow::Collect(_) = flow {
            let mut body = Bytes::from_static(&[b'x'; 1000]);
            (exchange, flow) = chain.on_request_body(instances, &mut run, exchange, Ok(&mut body)).await;
        }
        if let Flow::Respond(LocalAnswer { status, .. }) = &flow {
            assert_eq!(*status, 500, "{flow:?}");
        }
        let mut end = reason(&flow).to_owned();
        let filter = chain.filter(Direction::Request, &mut run, &exchange);
        if let (Flow::Continue, Some(mut filter)) = (flow, filter) {
            if let Err(failure) = pass(&mut filter, instances).await {
                failure.reason().clone_into(&mut end);
            }
            filter.end(instances);
        }
        if end != "went on" {
            return (exchange, end);
        }
        self.answer(chain, &mut run, exchange).await
    }

    /// The way back.
    async fn answer(&self, chain: &Chain, run: &mut Run, exchange: Box<Exchange>) -> (Box<Exchange>, String) {
        let instances = &self.fixture.instances;
        let mut exchange = exchange;
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("text/plain"))]);
        exchange.response =
            Some(ResponseHead { status: StatusCode::OK, headers, upstream_status: Some(StatusCode::OK) });
        let (mut exchange, mut flow) = chain.on_response(instances, run, exchange).await;
        if let ResponseFlow::Collect(_) = flow {
            let mut body = Bytes::from_static(&[b'x'; 1000]);
            (exchange, flow) = chain.on_response_body(instances, run, exchange, Ok(&mut body)).await;
            assert_eq!(body.len(), 1000, "no body was put in its place");
        }
        let mut end = match &flow {
            ResponseFlow::Continue => "went on".to_owned(),
            ResponseFlow::Collect(_) => "wants the body".to_owned(),
            ResponseFlow::Replace(answer) => answer.reason.clone(),
        };
        let filter = chain.filter(Direction::Response, run, &exchange);
        if let (ResponseFlow::Continue, Some(mut filter)) = (flow, filter) {
            if let Err(failure) = pass(&mut filter, instances).await {
                failure.reason().clone_into(&mut end);
            }
            filter.end(instances);
        }
        (exchange, end)
    }

    /// Hears the neighbour.
    pub(super) fn close(&mut self) {
        let Neighbour { stop, thread } = self.neighbour.take().unwrap();
        stop.store(true, Ordering::Release);
        let Seen { mut times, failures, most_memory } = thread.join().unwrap();
        assert_eq!(failures, [""; 0], "the neighbour was served");
        times.sort_unstable();
        let p99 = times[times.len() * 99 / 100];
        assert!(p99 < NEIGHBOUR, "the neighbour's 99th percentile of {} was {p99:?}", times.len());
        let growth = most_memory.saturating_sub(self.memory);
        assert!(growth < GROWTH, "the process grew by {} MiB", growth >> 20);
    }

    pub(super) fn spec(&mut self, limits: &str, policy: &str) -> AssignmentSpec {
        self.next += 1;
        let mut spec = spec(self.next, limits);
        if let Value::Object(sandbox) = &mut spec.sandbox {
            sandbox.insert("on_failure".into(), policy.into());
        }
        spec
    }

    /// Calls of guests by outcome, in all phases; those of the neighbour are not among them.
    fn counted(&self) -> [u64; CallOutcome::ALL.len()] {
        let stats = self.fixture.host.call_stats();
        let phases = stats.iter().filter(|stats| &*stats.plugin == "guest");
        phases.fold([0; CallOutcome::ALL.len()], |all, stats| {
            std::array::from_fn(|at| all[at] + stats.calls[at])
        })
    }

    /// All that an attack took is given back, its instances included.
    pub(super) async fn nothing_is_left(&self, name: &str) {
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            self.fixture.instances.sweep();
            let (alive, taken) = (self.fixture.host.instances().0, slots(&self.pool));
            if alive <= 1 && taken.iter().zip(self.slots).all(|(taken, before)| *taken <= before) {
                return;
            }
            assert!(Instant::now() < until, "{name}: {alive} instances and {taken:?} slots are taken");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

impl Neighbour {
    fn start(host: Host, honest: Arc<Assignment>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(live(host, honest, &told))
        });
        Self { stop, thread }
    }
}

/// A request each millisecond.
async fn live(host: Host, honest: Arc<Assignment>, stop: &AtomicBool) -> Seen {
    let (instances, chain) = (Instances::new(&host), chain(&honest));
    let mut seen = Seen { times: Vec::new(), failures: Vec::new(), most_memory: 0 };
    while !stop.load(Ordering::Acquire) {
        let begun = Instant::now();
        let mut run = chain.begin();
        let (_, flow) = chain.on_request(&instances, &mut run, exchange()).await;
        seen.times.push(begun.elapsed());
        if !matches!(flow, Flow::Continue) {
            seen.failures.push(reason(&flow).to_owned());
        }
        seen.most_memory = seen.most_memory.max(resident());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    seen
}

/// A body from its first byte to its trailers.
async fn pass(filter: &mut Filter, instances: &Instances) -> Result<(), CallFailure> {
    for read in 1..=READS {
        filter.chunk(instances, Bytes::from_static(&[b'x'; READ]), read == READS).await?;
    }
    let trailers = HeaderMap::from_iter([(HeaderName::from_static("x-sum"), HeaderValue::from_static("5"))]);
    let passed = filter.trailers(instances, trailers.clone()).await?;
    assert_eq!(passed, trailers, "no edit was applied");
    Ok(())
}

fn spec(id: u128, limits: &str) -> AssignmentSpec {
    let limits: Value = serde_json::from_str(limits).unwrap();
    let grants = serde_json::json!({"credentials": {"kinds": ["kind"]}});
    // Each attack shall reach its guest: no breaker.
    let sandbox = serde_json::json!({"limits": limits, "grants": grants, "breaker": {"failures": 0}});
    AssignmentSpec { sandbox, ..AssignmentSpec::new(Uuid::from_u128(id), "{}") }
}

/// Instances of components and modules, memories, tables and stacks that are taken.
fn slots(pool: &PoolingAllocatorMetrics) -> [u64; 5] {
    let counts = [pool.memories(), pool.tables(), pool.stacks()].map(|count| count as u64);
    let [memories, tables, stacks] = counts;
    [pool.component_instances(), pool.core_instances(), memories, tables, stacks]
}

/// Memory of this process, in bytes.
pub(super) fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}
