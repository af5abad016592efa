//! A host with one plugin, and the requests that are played to it one after the other.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Version};
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::body::{self, Body, Coming};
use super::case::{Case, Fields, Scene, status};
use super::cast::{Consumers, Hosts};
use super::{RehearsalError, scene};
use crate::clock::Clock;
use crate::exchange::{
    self, AnswerBody, Exchange, LocalAnswer, Peer, RequestHead, RequestId, ResponseHead, Scheme, Timing,
};
use crate::model::{Document, kind, schema};
use crate::plugin_host::{
    AssignError, Assignment, AssignmentSpec, CallFailure, Chain, Collected, Direction, Flow, Host, HostDeps,
    HostSettings, Instances, Placement, Plugin, ResponseFlow, Run, Slot, Trial,
};
use crate::shared::SharedState;
use crate::telemetry::log_record;

/// Instances that there is room for: calls come one at a time.
const INSTANCES: u32 = 16;
/// How long log entries may be on their way.
const FLUSH: Duration = Duration::from_secs(10);
/// Authors compile what they wrote themselves, on machines of any speed.
const COMPILE_TIME: Duration = Duration::from_secs(600);

/// A host with one assignment.
pub(super) struct Stage {
    pub(super) trial: Trial,
    host: Host,
    instances: Instances,
    hosts: Arc<Hosts>,
    chain: Chain,
    plugin: String,
    played: AtomicU64,
    log_line: AtomicU64,
}

impl Stage {
    /// Makes a host, and the assignment that the file asks for.
    pub(super) async fn set(
        prefix: &Path,
        component: &Bytes,
        file: &Path,
        case: &Case,
    ) -> Result<Self, RehearsalError> {
        let trial = Trial::new(Clock::manual(case.now_unix_ms));
        let mut settings = HostSettings::new(prefix.to_owned(), 1);
        settings.instances = INSTANCES;
        settings.compile_time = COMPILE_TIME;
        settings.trial = Some(trial.clone());
        let hosts = Arc::new(Hosts::of(case));
        let deps = HostDeps {
            directory: Arc::new(Consumers::of(case)),
            outbound: Arc::<Hosts>::clone(&hosts),
            log_record: log_record::write,
            shared: SharedState::default(),
        };
        let host = Host::start(settings, deps)?;
        let plugin = host.admit(component.clone()).await?.plugin;
        let wrong = |reason| RehearsalError::Case { path: file.to_owned(), reason };
        let assignment = assign(&host, &plugin, case).await.map_err(wrong)?;
        // What it cost to make the assignment is no cost of a request.
        trial.take_spent();
        let live = Placement::Live(Arc::clone(&assignment));
        let chain = Chain::new(vec![Slot::new(assignment.name(), assignment.priority(), Some(live), [])]);
        let instances = Instances::new(&host);
        let plugin = plugin.info.name.clone();
        let (played, log_line) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok(Self { trial, host, instances, hosts, chain, plugin, played, log_line })
    }

    /// Plays one request from head to log, and writes down what came of it.
    pub(super) async fn play(&self, scene: &Scene) -> Value {
        self.trial.clock.set_unix_ms(self.trial.clock.unix_ms() + scene.after_ms);
        let mut run = self.chain.begin();
        let exchange = self.begin(scene);
        let mut came = Map::new();
        came.insert("name".into(), scene.name.clone().into());
        let (mut exchange, mut local) = self.send(&mut run, exchange, scene, &mut came).await;
        let caller = scene::caller(&exchange);
        exchange.response = Some(response(scene, local.as_mut()));
        let edits = std::mem::take(&mut exchange.response_edits);
        if let Some(response) = &mut exchange.response {
            exchange::apply(edits, &mut response.headers);
        }
        let sent = said(local.as_ref(), &scene.upstream.body);
        let (mut exchange, replaced, held) = self.answer(&mut run, exchange, sent.bytes()).await;
        if let Some(mut answer) = replaced {
            exchange.response = Some(response(scene, Some(&mut answer)));
            local = Some(answer);
        }
        let sent = said(local.as_ref(), &scene.upstream.body);
        let trailers = if local.is_none() { fields(&scene.upstream.trailers) } else { HeaderMap::new() };
        let coming = Coming { held, sent: &sent, trailers };
        let way = (Direction::Response, &mut run, &*exchange);
        let passed = body::pass((&self.chain, &self.instances), way, coming).await;
        exchange.timing.ended = Some(Instant::now());
        self.chain.on_log(&self.instances, &mut run, &exchange);
        self.host.flush_logs(FLUSH).await;
        came.insert("client".into(), scene::to_client(&exchange, local.as_ref(), &sent.bytes(), &passed));
        for (name, seen) in
            [("caller", caller), ("outbound", self.hosts.take_asked().into()), ("log", self.log_lines())]
        {
            if !(seen.is_null() || seen.as_array().is_some_and(Vec::is_empty)) {
                came.insert(name.into(), seen);
            }
        }
        came.into()
    }

    /// Sends the request to the upstream, unless somebody else answers.
    async fn send(
        &self,
        run: &mut Run,
        exchange: Box<Exchange>,
        scene: &Scene,
        came: &mut Map<String, Value>,
    ) -> (Box<Exchange>, Option<LocalAnswer>) {
        let sent = &scene.request.body;
        let (exchange, local, held) = self.ask(run, exchange, sent.bytes()).await;
        if local.is_some() {
            came.insert("upstream".into(), Value::Null);
            return (exchange, local);
        }
        let coming = Coming { held, sent, trailers: fields(&scene.request.trailers) };
        let way = (Direction::Request, run, &*exchange);
        let passed = body::pass((&self.chain, &self.instances), way, coming).await;
        came.insert("upstream".into(), scene::to_upstream(&exchange, &passed));
        let refused = passed.broken.as_ref().map(CallFailure::answer);
        (exchange, refused)
    }

    /// Asks about the request. A body that a plugin wanted comes back as it was left.
    async fn ask(
        &self,
        run: &mut Run,
        exchange: Box<Exchange>,
        mut body: Bytes,
    ) -> (Box<Exchange>, Option<LocalAnswer>, Option<Bytes>) {
        let mut was_held = false;
        let (mut exchange, mut flow) = self.chain.on_request(&self.instances, run, exchange).await;
        let answer = loop {
            match flow {
                Flow::Continue => break None,
                Flow::Respond(answer) => break Some(answer),
                Flow::Collect(most) => {
                    was_held = true;
                    let body = within(&mut body, most);
                    (exchange, flow) = self.chain.on_request_body(&self.instances, run, exchange, body).await;
                }
            }
        };
        (exchange, answer, Some(body).filter(|_| was_held))
    }

    /// Asks about the response. A body that a plugin wanted comes back as it was left.
    async fn answer(
        &self,
        run: &mut Run,
        exchange: Box<Exchange>,
        mut body: Bytes,
    ) -> (Box<Exchange>, Option<LocalAnswer>, Option<Bytes>) {
        let mut was_held = false;
        let (mut exchange, mut flow) = self.chain.on_response(&self.instances, run, exchange).await;
        let answer = loop {
            match flow {
                ResponseFlow::Continue => break None,
                ResponseFlow::Replace(answer) => break Some(answer),
                ResponseFlow::Collect(most) => {
                    was_held = true;
                    let body = within(&mut body, most);
                    (exchange, flow) =
                        self.chain.on_response_body(&self.instances, run, exchange, body).await;
                }
            }
        };
        (exchange, answer, Some(body).filter(|_| was_held))
    }

    fn begin(&self, scene: &Scene) -> Box<Exchange> {
        let request = &scene.request;
        let address = (request.client_ip, 40_000).into();
        let peer = Peer { client: address, direct: address, listener_port: 8000, scheme: Scheme::Http };
        // All of these were tried when the file was read.
        let mut headers = request.headers.map().unwrap_or_default();
        if let Ok(host) = http::HeaderValue::from_str(&request.host) {
            headers.entry(http::header::HOST).or_insert(host);
        }
        if let Some(length) = request.body.known_length() {
            headers.entry(http::header::CONTENT_LENGTH).or_insert(length.into());
        }
        let head = RequestHead {
            method: request.method.parse().unwrap_or(Method::GET),
            uri: request.path.parse().unwrap_or_default(),
            version: Version::HTTP_11,
            headers,
        };
        let id = RequestId::from_bits(u128::from(self.played.fetch_add(1, Ordering::Relaxed)) + 1);
        let timing = Timing::begin(Instant::now(), self.trial.clock.unix_ms());
        Box::new(Exchange::begin(id, timing, peer, head))
    }

    /// What the plugin logged since the request before.
    fn log_lines(&self) -> Value {
        let Some(log) = self.host.recent_log(&self.plugin) else { return Value::Null };
        let lines = log.after(self.log_line.load(Ordering::Relaxed));
        if let Some(last) = lines.last() {
            self.log_line.store(last.number, Ordering::Relaxed);
        }
        lines.iter().map(|line| scene::logged(line)).collect()
    }
}

/// A body that a plugin may be handed, if it is as long as the plugin takes.
fn within(body: &mut Bytes, most: u64) -> Collected<'_> {
    if body.len() as u64 <= most { Ok(body) } else { Err(CallFailure::BodyTooLarge) }
}

/// The body that answers: the plugin's, or the upstream's. A message is put into words by the gateway.
fn said(local: Option<&LocalAnswer>, upstream: &Body) -> Body {
    match local.map(|answer| &answer.body) {
        None => upstream.clone(),
        Some(AnswerBody::Raw(bytes)) => Body::Raw(bytes.clone()),
        Some(AnswerBody::Empty | AnswerBody::Message(_)) => Body::default(),
    }
}

/// They were tried when the file was read.
fn fields(told: &Fields) -> HeaderMap {
    told.map().unwrap_or_default()
}

/// The head that answers: the plugin's, or the upstream's.
fn response(scene: &Scene, local: Option<&mut LocalAnswer>) -> ResponseHead {
    match local {
        Some(answer) => {
            let headers = std::mem::take(&mut answer.headers);
            ResponseHead { status: answer.status, headers, upstream_status: None }
        }
        None => {
            let status = status(scene.upstream.status).unwrap_or_default();
            let headers = scene.upstream.headers.map().unwrap_or_default();
            ResponseHead { status, headers, upstream_status: Some(status) }
        }
    }
}

/// The assignment, as the Admin API would make it: checked against the schema, with its defaults.
async fn assign(host: &Host, plugin: &Arc<Plugin>, case: &Case) -> Result<Arc<Assignment>, String> {
    let info = &plugin.info;
    let rules = schema::plugin_rules(&info.config_schema, info.authenticates)
        .map_err(|fault| format!("the plugin's configuration schema cannot be used: {fault}"))?;
    let kind = kind("plugins").ok_or("plugins are no kind")?.with(&rules);
    let now = i64::try_from(case.now_unix_ms / 1000).unwrap_or(i64::MAX).max(1);
    let mut sent = Document::new();
    sent.insert("name".to_owned(), info.name.clone().into());
    if !case.config.is_null() {
        sent.insert("config".to_owned(), case.config.clone());
    }
    let entity = kind.create(sent, now).map_err(|wrong| wrong.message())?;
    let config = entity.get("config").cloned().unwrap_or_else(|| json!({}));
    let mut spec = AssignmentSpec::new(Uuid::from_u128(1), config.to_string());
    spec.bundled = case.grants.is_none();
    let mut sandbox = Map::new();
    for (name, said) in [("grants", &case.grants), ("limits", &case.limits), ("on_failure", &case.on_failure)]
    {
        sandbox.extend(said.clone().map(|said| (name.to_owned(), said)));
    }
    spec.sandbox = sandbox.into();
    host.assign(plugin, &spec).await.map_err(|error| match error {
        AssignError::Config(problems) => {
            let problem = |problem: &crate::plugin_host::ConfigProblem| {
                format!("config{}: {}", problem.pointer, problem.message)
            };
            problems.iter().map(problem).collect::<Vec<_>>().join("; ")
        }
        other @ (AssignError::NotGranted(_) | AssignError::Sandbox { .. } | AssignError::Configure(_)) => {
            other.to_string()
        }
    })
}
