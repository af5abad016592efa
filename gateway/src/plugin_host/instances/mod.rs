//! The warm instances of one worker thread, and how a call finds one.
//!
//! Nothing here is shared between threads. An instance serves one assignment; the one used last is
//! used next, so that few are warm and those are in the cache. A call never waits for an instance:
//! if none is warm, a fresh one is made.

mod begin;
mod called;
mod function;
mod repeated;

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use tracing::Instrument;
use tracing::level_filters::LevelFilter;

use self::begin::suspended;
pub(crate) use self::begin::{fresh, fresh_suspending};
pub(crate) use self::called::Called;
use super::assignment::{Breaker, Cause, Core, Mode};
use super::chain::Checked;
use super::guest::{Ended, Instance, Outcome, Spent, Work};
use super::logs::LogQueue;
use super::metrics::{CallOutcome, Shard};
use super::repeats::{Basis, Repeats};
use super::runtime::{Activity, Permit};
use super::{Assignment, CallFailure, Host, Phase, Services};
use crate::exchange::Exchange;

/// Idle instances of one assignment on one worker.
const MAX_IDLE: usize = 32;

/// The warm instances of one worker. Not `Send`: each worker makes its own.
pub struct Instances {
    services: Arc<Services>,
    activity: Activity,
    pools: RefCell<Pools>,
    repeats: RefCell<Repeats<Checked>>,
}

#[derive(Default)]
struct Pools {
    by_assignment: HashMap<u64, Pool, RandomState>,
    /// By digest of the component.
    shards: HashMap<String, Arc<Shard>, RandomState>,
    generation: u64,
    idle: usize,
}

struct Pool {
    core: Arc<Core>,
    idle: Vec<Instance>,
    shard: Arc<Shard>,
    log: Option<Arc<LogQueue>>,
    breaker: Breaker,
    /// When the last call began.
    used: Instant,
}

impl Instances {
    /// For the thread that calls this.
    pub fn new(host: &Host) -> Self {
        wasmtime::Engine::tls_eager_initialize();
        let services = Arc::clone(host.services());
        let activity = services.ticker.activity();
        Self { services, activity, pools: RefCell::default(), repeats: RefCell::default() }
    }

    /// Drops idle instances of assignments that are gone. Calls do this too; a worker without
    /// requests may call it now and then.
    pub fn sweep(&self) {
        let generation = self.services.generation.load(Ordering::Acquire);
        let mut pools = self.pools.borrow_mut();
        if pools.generation == generation {
            return;
        }
        pools.generation = generation;
        self.repeats.borrow_mut().clear();
        pools.by_assignment.retain(|_, pool| {
            let retired = pool.core.retired.load(Ordering::Acquire);
            if let (true, Some(log)) = (retired, &pool.log) {
                log.close();
            }
            !retired
        });
        pools.idle = pools.by_assignment.values().map(|pool| pool.idle.len()).sum();
        // Held by us and by the counters, and by no pool any more: the counters may fold it away.
        pools.shards.retain(|_, shard| Arc::strong_count(shard) > 2);
    }

    /// Calls a guest at `now`. It may take `wall` if it waits for something.
    ///
    /// The call is a span of its own at level debug, and costs one look at the level below that.
    pub(crate) async fn call(
        &self,
        core: &Arc<Core>,
        exchange: Box<Exchange>,
        work: Work,
        (now, wall): (Instant, Duration),
    ) -> Called {
        let info = &core.plugin.info;
        let span = tracing::debug_span!(
            "plugin call",
            plugin = info.name,
            version = info.version,
            phase = ?work.phase(),
            request_id = exchange.id.as_str(),
            outcome = tracing::field::Empty,
            guest_ms = tracing::field::Empty,
        );
        // Most calls never wait: they do without the state that a call on a fiber needs. Few are watched: to enter
        // a span that is off, or to ask for it, is not free either.
        let entered = (!span.is_disabled()).then(|| span.enter());
        let called = self.called(core, exchange, &work, (now, wall));
        drop(entered);
        match called {
            Ok(called) => called,
            Err((exchange, mode)) => {
                let call = self.called_on_fiber(core, exchange, work, (now, wall, mode));
                Box::pin(call.instrument(span)).await
            }
        }
    }

    /// Makes the call on this thread. The exchange comes back if the call needs a fiber.
    fn called(
        &self,
        core: &Arc<Core>,
        exchange: Box<Exchange>,
        work: &Work,
        (now, wall): (Instant, Duration),
    ) -> Result<Called, (Box<Exchange>, Mode)> {
        self.activity.call();
        self.sweep();
        if wall.is_zero() {
            return Ok(Called::refused(exchange, CallFailure::WallTime));
        }
        if core.conduct.is_resting()
            && let Err(failure) = self.admit(core, now)
        {
            return Ok(Called::refused(exchange, failure));
        }
        let mode = core.mode();
        if matches!(mode, Mode::Fiber | Mode::Away) {
            return Err((exchange, mode));
        }
        let mut called = self.call_here(core, exchange, work, now);
        match called.exchange.take_if(|_| called.waits) {
            None => Ok(called),
            Some(exchange) => {
                core.has_waited();
                Err((exchange, mode))
            }
        }
    }

    async fn called_on_fiber(
        &self,
        core: &Arc<Core>,
        exchange: Box<Exchange>,
        work: Work,
        (now, wall, mode): (Instant, Duration, Mode),
    ) -> Called {
        let turn = match mode {
            Mode::Away => match self.services.lane.turn() {
                Some(turn) => Some(turn),
                None => return Called::refused(exchange, CallFailure::Capacity),
            },
            Mode::Here | Mode::HereFirst | Mode::Fiber => None,
        };
        let instance = self.take(core, now, true).ok_or_else(|| self.permit(core));
        let phase = work.phase();
        let ended = suspended(Arc::clone(core), (instance, turn), Some(exchange), work, wall).await;
        self.end(core, phase, ended)
    }

    /// Asks the breaker of an assignment that rests on some worker.
    #[cold]
    fn admit(&self, core: &Arc<Core>, now: Instant) -> Result<(), CallFailure> {
        self.pools.borrow_mut().pool(core, &self.services).breaker.admit(now, core.limits.wall)
    }

    /// Calls a guest outside of its exchange, about a chunk or trailers, on `instance` or on any. The
    /// instance comes back if it can go on.
    pub(crate) async fn call_apart(
        &self,
        core: &Arc<Core>,
        instance: Option<Instance>,
        work: Work,
        wall: Duration,
    ) -> (Option<Instance>, Result<Outcome, CallFailure>) {
        self.activity.call();
        let away = core.conduct.is_away();
        let turn = match away.then(|| self.services.lane.turn()) {
            Some(None) => return (None, Err(CallFailure::Capacity)),
            Some(turn) => turn,
            None => None,
        };
        let on_fiber = instance.as_ref().map_or(core.suspends(), Instance::suspends);
        let instance = instance.or_else(|| self.take(core, Instant::now(), on_fiber));
        let Ended { instance, answer, .. } = if on_fiber || away {
            let instance = instance.ok_or_else(|| self.permit(core));
            suspended(Arc::clone(core), (instance, turn), None, work, wall).await
        } else {
            self.run_apart(core, instance, &work)
        };
        noted(core, answer.as_ref().map(drop));
        (instance.filter(|_| answer.is_ok()), answer)
    }

    /// The same on this thread.
    fn run_apart(&self, core: &Arc<Core>, instance: Option<Instance>, work: &Work) -> Ended {
        let permit = || self.permit(core).ok_or(CallFailure::Capacity);
        match instance.map_or_else(|| permit().and_then(|permit| fresh(core, permit)), Ok) {
            Ok(mut instance) => {
                instance.begin(None, core.limits.guest_ms);
                let answer = instance.run(work);
                Ended { instance: Some(instance), exchange: None, answer }
            }
            Err(failure) => Ended { instance: None, exchange: None, answer: Err(failure) },
        }
    }

    /// Takes back an instance that was kept.
    pub(crate) fn put_back(&self, core: &Arc<Core>, instance: Instance) {
        if core.reuse {
            self.give_back(core, instance);
        }
    }

    fn call_here(&self, core: &Arc<Core>, exchange: Box<Exchange>, work: &Work, now: Instant) -> Called {
        let instance = match self.take(core, now, false) {
            Some(instance) => Ok(instance),
            None => self.permit(core).ok_or(CallFailure::Capacity).and_then(|permit| fresh(core, permit)),
        };
        let mut instance = match instance {
            Ok(instance) => instance,
            Err(failure) => return Called::refused(exchange, failure),
        };
        instance.begin(Some(exchange), core.limits.guest_ms);
        let answer = instance.run(work);
        let exchange = instance.state().exchange.take();
        self.end(core, work.phase(), Ended { instance: Some(instance), exchange, answer })
    }

    /// Takes an instance back if it can serve again.
    fn end(&self, core: &Arc<Core>, phase: Phase, ended: Ended) -> Called {
        let Ended { instance, exchange, answer } = ended;
        let (mut told, mut basis, mut waits, mut kept) = (Vec::new(), Basis::More, false, None);
        if let Some(mut instance) = instance {
            let state = instance.state();
            (told, waits) = (std::mem::take(&mut state.told), state.waits);
            basis = std::mem::take(&mut state.basis);
            let spent = std::mem::take(&mut state.spent);
            if LevelFilter::current() >= LevelFilter::DEBUG {
                let span = tracing::Span::current();
                span.record("guest_ms", state.ticks);
                span.record("outcome", answer.as_ref().map_or_else(CallFailure::reason, |_| "answered"));
            }
            if spent != Spent::default() {
                self.pools.borrow_mut().pool(core, &self.services).shard.spent(phase, spent);
            }
            let sound = matches!(answer, Ok(_) | Err(CallFailure::Failed { .. }));
            if answer.as_ref().is_ok_and(Outcome::streams) {
                kept = Some(instance);
            } else if sound && core.reuse {
                self.give_back(core, instance);
            }
        }
        noted(core, answer.as_ref().map(drop));
        Called { exchange, answer, told, basis, waits, kept }
    }

    /// A warm instance, for a fiber or not.
    fn take(&self, core: &Core, now: Instant, on_fiber: bool) -> Option<Instance> {
        let mut pools = self.pools.borrow_mut();
        let Pools { by_assignment, idle, .. } = &mut *pools;
        let pool = by_assignment.get_mut(&core.uid)?;
        pool.used = now;
        while let Some(at) = pool.idle.iter().rposition(|instance| instance.suspends() == on_fiber) {
            *idle -= 1;
            let instance = pool.idle.remove(at);
            if instance.is_fit(now) {
                return Some(instance);
            }
        }
        None
    }

    fn give_back(&self, core: &Arc<Core>, instance: Instance) {
        if core.retired.load(Ordering::Relaxed) {
            return;
        }
        let mut pools = self.pools.borrow_mut();
        let room = usize::try_from(self.services.capacity.limit()).unwrap_or_default() * 3 / 4;
        if pools.idle >= (room / self.services.workers).max(1) {
            pools.evict();
        }
        let pool = pools.pool(core, &self.services);
        // Idle instances of one worker must not use up the limit of all.
        let most = core.limits.instances as usize / self.services.workers;
        if most == 0 {
            return;
        }
        if pool.idle.len() < MAX_IDLE.min(most) {
            pool.idle.push(instance);
            pools.idle += 1;
        } else if let Some(oldest) = pool.idle.first_mut() {
            // The one that waited longest goes. It may be of the kind that nobody asks for any more.
            drop(std::mem::replace(oldest, instance));
            pool.idle.rotate_left(1);
        }
    }

    /// Idle instances of an assignment: those for fibers, and the others.
    #[cfg(test)]
    pub(super) fn idle(&self, assignment: &Assignment) -> (usize, usize) {
        let pools = self.pools.borrow();
        let idle = pools.by_assignment.get(&assignment.core.uid).map_or(&[][..], |pool| &pool.idle);
        let on_fibers = idle.iter().filter(|instance| instance.suspends()).count();
        (on_fibers, idle.len() - on_fibers)
    }

    /// Room for a fresh instance; idle ones of this worker make way.
    fn permit(&self, core: &Core) -> Option<Permit> {
        core.room().or_else(|| {
            self.pools.borrow_mut().evict();
            core.room()
        })
    }

    /// Counts a call, and lets the breaker know of it.
    pub(crate) fn count(&self, core: &Arc<Core>, phase: Phase, outcome: CallOutcome, time: Duration) {
        let mut pools = self.pools.borrow_mut();
        let pool = pools.pool(core, &self.services);
        pool.shard.count(phase, outcome, time);
        if !matches!(outcome, CallOutcome::Resting | CallOutcome::Repeated) {
            pool.breaker.record((pool.used, Cause::of(outcome)), &core.breaker, &core.conduct);
        }
    }

    /// The queue for log entries of an assignment.
    pub(crate) fn log_queue(&self, assignment: &Assignment) -> Arc<LogQueue> {
        self.sweep();
        let mut pools = self.pools.borrow_mut();
        let pool = pools.pool(&assignment.core, &self.services);
        let begin = || LogQueue::begin(&assignment.core, assignment.setup.batch, Arc::clone(&pool.shard));
        Arc::clone(pool.log.get_or_insert_with(begin))
    }
}

/// Whether a plugin stays on the workers is a matter of how its calls end.
fn noted(core: &Core, answer: Result<(), &CallFailure>) {
    if matches!(answer, Err(CallFailure::GuestTime)) {
        core.conduct.overran();
    } else if core.conduct.is_away() {
        core.conduct.behaved();
    }
}

impl Pools {
    fn pool(&mut self, core: &Arc<Core>, services: &Services) -> &mut Pool {
        let Self { by_assignment, shards, .. } = self;
        by_assignment.entry(core.uid).or_insert_with(|| {
            let info = &core.plugin.info;
            let digest = core.plugin.digest.clone();
            let shard =
                shards.entry(digest).or_insert_with(|| services.calls.shard(&info.name, &info.version));
            Pool {
                core: Arc::clone(core),
                idle: Vec::new(),
                shard: Arc::clone(shard),
                log: None,
                breaker: Breaker::default(),
                used: Instant::now(),
            }
        })
    }

    /// Drops the idle instances of the assignment that was used least recently.
    fn evict(&mut self) {
        let idle = self.by_assignment.values_mut().filter(|pool| !pool.idle.is_empty());
        if let Some(pool) = idle.min_by_key(|pool| pool.used) {
            self.idle -= pool.idle.len();
            pool.idle.clear();
        }
    }
}
