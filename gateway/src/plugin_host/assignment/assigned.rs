//! An assignment at work: what `configure` asked for, and the limits it runs under.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use uuid::Uuid;

use super::grants::Grants;
use super::{BreakerRules, Conduct, FailurePolicy, Limits, Quota, Rate};
use crate::plugin_host::bindings::exports::weir::plugin::lifecycle;
use crate::plugin_host::imports::LocalCache;
use crate::plugin_host::inputs::WantedInput;
use crate::plugin_host::load::Phases;
use crate::plugin_host::runtime::Permit;
use crate::plugin_host::{Phase, Plugin, RecentLog, Services};

/// Reports about one assignment: so many in a while tell what there is to tell.
const REPORTS: Rate = Rate { window: Duration::from_secs(10), lines: 5, bytes: u32::MAX };
/// A backtrace of a trap, likewise.
const BACKTRACES: Rate = Rate { window: Duration::from_secs(10), lines: 1, bytes: u32::MAX };

/// How entries for the log phase are gathered and repeated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogBatch {
    pub(crate) max_entries: usize,
    pub(crate) max_delay: Duration,
    pub(crate) max_queued: usize,
    pub(crate) max_queued_bytes: usize,
    pub(crate) max_retry: Duration,
    pub(crate) first_delay: Duration,
    pub(crate) longest_delay: Duration,
}

/// Memory that waiting log entries of one worker and assignment may take.
const MAX_QUEUED_BYTES: usize = 16 << 20;

impl Default for LogBatch {
    fn default() -> Self {
        Self {
            max_entries: 32,
            max_delay: Duration::from_millis(100),
            max_queued: 10_000,
            max_queued_bytes: MAX_QUEUED_BYTES,
            max_retry: Duration::from_secs(60),
            first_delay: Duration::from_millis(10),
            longest_delay: Duration::from_secs(60),
        }
    }
}

impl LogBatch {
    fn read(batch: lifecycle::LogBatch) -> Self {
        let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX).max(1);
        let bytes = batch.max_queued_bytes.and_then(|bytes| usize::try_from(bytes).ok());
        Self {
            max_entries: size(batch.max_entries).min(1000),
            max_delay: Duration::from_millis(batch.max_delay_ms.min(600_000).into()),
            max_queued: size(batch.max_queued).min(1_000_000),
            max_queued_bytes: bytes.unwrap_or(MAX_QUEUED_BYTES).min(MAX_QUEUED_BYTES),
            max_retry: Duration::from_millis(batch.max_retry_ms),
            first_delay: Duration::from_millis(batch.initial_retry_delay_ms.max(1)),
            longest_delay: Duration::from_millis(batch.max_retry_delay_ms.max(1)),
        }
    }
}

/// What a configuration needs: phases, and their inputs.
#[derive(Debug, Default)]
pub(crate) struct Setup {
    pub(crate) before_routing: Option<Box<[WantedInput]>>,
    pub(crate) request_head: Option<Box<[WantedInput]>>,
    pub(crate) response_head: Option<Box<[WantedInput]>>,
    pub(crate) log: Option<Box<[WantedInput]>>,
    /// All phases, those that take no inputs among them.
    pub(crate) phases: Phases,
    pub(crate) batch: LogBatch,
}

impl Setup {
    /// Takes over what `configure` returned; a phase that is not exported counts as not asked for.
    pub(crate) fn read(said: lifecycle::Setup, plugin: &Plugin) -> Self {
        let mut setup =
            Self { batch: said.log_batch.map(LogBatch::read).unwrap_or_default(), ..Self::default() };
        for asked in said.phases {
            let phase = Phase::from(asked.phase);
            if plugin.contract().is_none_or(|contract| contract.exports.of(phase).is_none()) {
                continue;
            }
            setup.phases.insert(phase);
            let inputs = Some(asked.inputs.into_iter().map(WantedInput::from).collect());
            match phase {
                Phase::BeforeRouting => setup.before_routing = inputs,
                Phase::RequestHead => setup.request_head = inputs,
                Phase::ResponseHead => setup.response_head = inputs,
                Phase::Log => setup.log = inputs,
                Phase::RequestBody
                | Phase::RequestStream
                | Phase::RequestTrailers
                | Phase::ResponseBody
                | Phase::ResponseStream
                | Phase::ResponseTrailers
                | Phase::Function => {}
            }
        }
        setup
    }

    /// A function is asked when all others have been.
    pub(crate) fn function() -> Self {
        let mut setup = Self::default();
        setup.phases.insert(Phase::Function);
        setup
    }
}

/// What instances of an assignment need to know; they keep it alive, the assignment does not have
/// to be.
pub(crate) struct Core {
    /// Never used twice in one process.
    pub(crate) uid: u64,
    pub(crate) id: Uuid,
    pub(crate) plugin: Arc<Plugin>,
    pub(crate) config_json: String,
    pub(crate) limits: Limits,
    pub(crate) grants: Grants,
    pub(crate) cache: Option<Arc<LocalCache>>,
    pub(crate) on_failure: FailurePolicy,
    pub(crate) breaker: BreakerRules,
    /// Whether an instance may serve more than one call: the plugin offers it and the operator lets it.
    pub(crate) reuse: bool,
    pub(crate) priority: i32,
    pub(crate) services: Arc<Services>,
    pub(crate) conduct: Conduct,
    /// Instances alive, against the limit of this assignment.
    pub(crate) alive: Arc<AtomicU32>,
    /// Lines that its guests log, and those that the gateway writes about it.
    pub(crate) log_quota: Quota,
    pub(crate) reports: Quota,
    pub(crate) backtraces: Quota,
    pub(crate) retired: AtomicBool,
    /// Calls that go on a fiber at once, since one before had to wait.
    pub(crate) fibers: AtomicU32,
    /// Where its log lines are kept for onlookers.
    pub(crate) recent: Arc<RecentLog>,
}

/// Calls after one that had to wait which do not try without a fiber first. A flood of unknown keys
/// thus costs few instances.
const FIBERS_AFTER_A_WAIT: u32 = 32;

/// How a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// On the worker's own stack: it never waits.
    Here,
    /// On the worker's own stack, and again on a fiber if it turns out that it has to wait.
    HereFirst,
    /// On a fiber.
    Fiber,
    /// On a fiber of a thread that is not a worker: calls before it used up their time.
    Away,
}

impl Core {
    /// How the next call is made.
    pub(crate) fn mode(&self) -> Mode {
        if self.conduct.is_away() {
            return Mode::Away;
        }
        if !self.grants.suspends() {
            return Mode::Here;
        }
        // An instance that is kept for a body cannot change over to a fiber half-way.
        let tame = self.grants.may_begin_anew() && !self.plugin.streams();
        let left = self.fibers.load(Ordering::Relaxed);
        if left > 0 {
            // Two workers may take the same one off: the number is a rough one.
            self.fibers.store(left - 1, Ordering::Relaxed);
        }
        if tame && left == 0 { Mode::HereFirst } else { Mode::Fiber }
    }

    /// A call had to wait.
    pub(crate) fn has_waited(&self) {
        self.fibers.store(FIBERS_AFTER_A_WAIT, Ordering::Relaxed);
    }

    /// Whether verdicts on the heads of requests may be given again.
    pub(crate) fn repeats(&self) -> bool {
        // A trial shows what calls do.
        self.plugin.repeats.has(Phase::RequestHead) && self.services.trial.is_none()
    }

    /// Room for one more instance of this assignment; `None` at its limit or the gateway's.
    pub(crate) fn room(&self) -> Option<Permit> {
        self.services.capacity.acquire_within(&self.plugin.alive, &self.alive, self.limits.instances)
    }

    /// Whether one more report about this assignment is due, and how many were left out before it.
    pub(crate) fn report(&self) -> Option<u64> {
        self.reports.take(self.services.started.elapsed(), 0, &REPORTS)
    }

    /// Whether the backtrace of a trap is to be written.
    pub(crate) fn wants_backtrace(&self) -> bool {
        self.backtraces.take(self.services.started.elapsed(), 0, &BACKTRACES).is_some()
    }

    /// Whether calls run on fibers: if they may wait, or have used up their time before.
    pub(crate) fn suspends(&self) -> bool {
        self.grants.suspends() || self.conduct.is_away()
    }
}

/// One plugin with one configuration, ready to be called. Dropping it retires its instances.
pub struct Assignment {
    pub(crate) core: Arc<Core>,
    pub(crate) setup: Arc<Setup>,
}

impl Assignment {
    /// Id of the row of `plugins`.
    pub fn id(&self) -> Uuid {
        self.core.id
    }

    /// Name of the plugin.
    pub fn name(&self) -> &str {
        &self.core.plugin.info.name
    }

    /// The component.
    pub fn plugin(&self) -> &Arc<Plugin> {
        &self.core.plugin
    }

    /// Wall time of its calls in one exchange.
    pub fn wall(&self) -> Duration {
        self.core.limits.wall
    }

    /// Place in the chain: higher runs earlier.
    pub fn priority(&self) -> i32 {
        self.core.priority
    }

    /// Whether it takes part in `phase`.
    pub fn runs(&self, phase: Phase) -> bool {
        self.setup.phases.has(phase)
    }
}

impl Drop for Assignment {
    fn drop(&mut self) {
        self.core.plugin.assignments.fetch_sub(1, Ordering::Relaxed);
        self.core.retired.store(true, Ordering::Release);
        self.core.services.generation.fetch_add(1, Ordering::Release);
    }
}

impl std::fmt::Debug for Assignment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Assignment({} {})", self.name(), self.id())
    }
}

/// The next number that no assignment has had.
pub(crate) fn next_uid() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
