//! Whole calls of real components, honest and hostile.

mod admission;
mod attacks;
mod bodies;
pub(super) mod bundled;
mod calls;
pub(super) mod capabilities;
mod conduct;
mod functions;
mod go;
mod guests;
mod hostile;
mod leaks;
mod limits;
mod logs;
mod repeats;
mod seen;
mod waits;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Version};
use tempfile::TempDir;
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Answer, Assignment, AssignmentSpec, Chain, Directory, Flow, FoundCredential, Host, HostDeps,
    HostSettings, Instances, Outbound, OutboundError, OutboundRequest, OutboundResponse, Placement, Plugin,
    Slot,
};
use crate::exchange::{ConsumerFacts, Exchange, Peer, RequestHead, RequestId, Scheme, Timing};
use crate::shared::SharedState;

/// Nothing goes out.
struct Nothing;

/// Credentials of which the cache says what the function makes of a key; the store has nobody.
pub(super) struct Cached<F>(pub(super) F);

impl<F> Directory for Cached<F>
where
    F: Fn(&str) -> Option<Option<FoundCredential>> + Send + Sync,
{
    fn cached_credential(&self, _: &str, key: &str) -> Option<Option<FoundCredential>> {
        (self.0)(key)
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

/// A host whose files go away with it.
pub(super) struct Fixture {
    host: Host,
    instances: Instances,
    _prefix: TempDir,
}

impl Fixture {
    pub(super) fn new() -> Self {
        Self::with(Self::nothing())
    }

    fn with_functions() -> Self {
        Self::set(Self::nothing(), |settings| settings.functions = true)
    }

    fn nothing() -> HostDeps {
        HostDeps {
            directory: Arc::new(Cached(|_: &str| None)),
            outbound: Arc::new(Nothing),
            shared: SharedState::default(),
            log_record: |exchange, out| out.push_str(exchange.id.as_str()),
        }
    }

    fn with(deps: HostDeps) -> Self {
        Self::with_room(deps, 32)
    }

    fn with_room(deps: HostDeps, instances: u32) -> Self {
        Self::set(deps, |settings| settings.instances = instances)
    }

    /// With settings of its own.
    fn set(deps: HostDeps, set: impl FnOnce(&mut HostSettings)) -> Self {
        let prefix = tempfile::tempdir().unwrap();
        let mut settings = HostSettings::new(prefix.path().to_owned(), 1);
        settings.compiler = Some("in this process".into());
        settings.instances = 32;
        set(&mut settings);
        let host = Host::start(settings, deps).unwrap();
        let instances = Instances::new(&host);
        Self { host, instances, _prefix: prefix }
    }

    async fn plugin(&self, component: Vec<u8>) -> Arc<Plugin> {
        self.host.admit(Bytes::from(component)).await.unwrap().plugin
    }

    async fn assign(&self, component: Vec<u8>, spec: &AssignmentSpec) -> Arc<Assignment> {
        let plugin = self.plugin(component).await;
        self.host.assign(&plugin, spec).await.unwrap()
    }

    /// One request through a chain of one plugin.
    async fn request(&self, assignment: &Arc<Assignment>) -> (Box<Exchange>, Flow) {
        self.send(assignment, exchange()).await
    }

    async fn send(&self, assignment: &Arc<Assignment>, exchange: Box<Exchange>) -> (Box<Exchange>, Flow) {
        let chain = chain(assignment);
        let mut run = chain.begin();
        chain.on_request(&self.instances, &mut run, exchange).await
    }
}

fn spec() -> AssignmentSpec {
    AssignmentSpec::new(Uuid::from_u128(1), "{}")
}

fn chain(assignment: &Arc<Assignment>) -> Chain {
    let live = Placement::Live(Arc::clone(assignment));
    Chain::new(vec![Slot::new(assignment.name(), assignment.priority(), Some(live), [])])
}

/// A request for `/a?b=c` with a header or two.
pub(super) fn exchange() -> Box<Exchange> {
    let mut headers = HeaderMap::new();
    headers.insert("host", "example.com".parse().unwrap());
    headers.insert("x-in", "1".parse().unwrap());
    let address = ([192, 0, 2, 1], 4711).into();
    let peer = Peer { client: address, direct: address, listener_port: 8000, scheme: Scheme::Http };
    let head = RequestHead {
        method: Method::GET,
        uri: "/a?b=c".parse().unwrap(),
        version: Version::HTTP_11,
        headers,
    };
    Box::new(Exchange::begin(RequestId::from_bits(7), Timing::begin(Instant::now(), 1), peer, head))
}

/// The reason of a local answer.
fn reason(flow: &Flow) -> &str {
    match flow {
        Flow::Respond(answer) => &answer.reason,
        Flow::Continue => "went on",
        Flow::Collect(_) => "wants the body",
    }
}
