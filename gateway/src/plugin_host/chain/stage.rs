//! One plugin that is handed the chunks of a body, with the instance that is kept for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use crate::exchange::RequestId;
use crate::plugin_host::assignment::OnFailure;
use crate::plugin_host::bindings::weir::plugin::chunks::ChunkVerdict;
use crate::plugin_host::guest::{BodyWork, Instance, Outcome, Work};
use crate::plugin_host::metrics::CallOutcome;
use crate::plugin_host::runtime::Permit;
use crate::plugin_host::{Assignment, CallFailure, Direction, Instances};

/// Bytes of one chunk.
const MAX_CHUNK: usize = 64 << 10;
/// Bytes that the chunks of one read may become.
const MAX_PASSED: usize = 4 << 20;

/// One plugin that is handed the chunks of a body.
pub(super) struct Stage {
    pub(super) assignment: Arc<Assignment>,
    /// `None` once it is done with the body, or has failed.
    kept: Option<Kept>,
    /// Wall time of calls that waited.
    used: Duration,
}

/// An instance that serves one body, and room for it among those.
struct Kept {
    instance: Instance,
    _room: Permit,
}

/// Whose chunk it is.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) instances: &'a Instances,
    pub(super) direction: Direction,
    pub(super) id: &'a RequestId,
}

impl Stage {
    /// Keeps `instance` for a body.
    ///
    /// # Errors
    ///
    /// [`CallFailure::Capacity`] if too many are kept already.
    pub(super) fn keep(assignment: &Arc<Assignment>, instance: Instance) -> Result<Self, CallFailure> {
        let core = &assignment.core;
        let room = core.services.pinned.acquire(&core.plugin.pinned).ok_or(CallFailure::Capacity)?;
        let kept = Some(Kept { instance, _room: room });
        Ok(Self { assignment: Arc::clone(assignment), kept, used: Duration::ZERO })
    }

    /// For a call with whatever instance there is.
    pub(super) fn without_instance(assignment: &Arc<Assignment>) -> Self {
        Self { assignment: Arc::clone(assignment), kept: None, used: Duration::ZERO }
    }

    /// Puts some bytes of the body through the plugin.
    ///
    /// # Errors
    ///
    /// The plugin's failure, unless the assignment's policy is to go on without it.
    pub(super) async fn pass(
        &mut self,
        mut rest: Bytes,
        last: bool,
        about: About<'_>,
    ) -> Result<Bytes, CallFailure> {
        let mut passed = BytesMut::new();
        loop {
            if self.kept.is_none() && passed.is_empty() {
                return Ok(rest);
            }
            let chunk = rest.split_to(rest.len().min(MAX_CHUNK));
            let whole = rest.is_empty();
            let out = self.chunk(chunk, last && whole, about).await?;
            if whole && passed.is_empty() {
                return Ok(out);
            }
            passed.extend_from_slice(&out);
            if whole {
                return Ok(passed.freeze());
            }
            if passed.len() > MAX_PASSED {
                return Err(CallFailure::BadAnswer("it makes more than 4 MiB of one read".into()));
            }
        }
    }

    async fn chunk(&mut self, chunk: Bytes, last: bool, about: About<'_>) -> Result<Bytes, CallFailure> {
        if self.kept.is_none() || (chunk.is_empty() && !last) {
            return Ok(chunk);
        }
        let begun = Instant::now();
        let work = Work::Body(BodyWork::Chunk(about.direction, chunk.clone(), last));
        let settled = match self.call(work, about).await {
            Ok(Outcome::Chunk(verdict)) => self.settle(verdict, chunk.clone(), about),
            Ok(_) => Err(CallFailure::BadAnswer("another phase's".into())),
            Err(failure) => Err(failure),
        };
        let outcome = settled.as_ref().map_or_else(CallOutcome::of, |_| CallOutcome::Proceed);
        about.instances.count(&self.assignment.core, about.direction.stream(), outcome, begun.elapsed());
        settled.or_else(|failure| self.failed(failure, about.id).map(|()| chunk))
    }

    fn settle(&mut self, said: ChunkVerdict, chunk: Bytes, about: About<'_>) -> Result<Bytes, CallFailure> {
        match said {
            ChunkVerdict::Forward => Ok(chunk),
            ChunkVerdict::Replace(bytes) => Ok(bytes.into()),
            ChunkVerdict::Drop => Ok(Bytes::new()),
            ChunkVerdict::ForwardRest => {
                self.end(about.instances);
                Ok(chunk)
            }
            ChunkVerdict::Abort(why) => Err(CallFailure::Aborted(why.chars().take(256).collect())),
        }
    }

    /// Calls the instance that is kept, or any other if there is none.
    pub(super) async fn call(&mut self, work: Work, about: About<'_>) -> Result<Outcome, CallFailure> {
        let core = &self.assignment.core;
        let (instance, room) = match self.kept.take() {
            Some(Kept { instance, _room }) => (Some(instance), Some(_room)),
            None => (None, None),
        };
        let wall = core.limits.wall.saturating_sub(self.used);
        let begun = Instant::now();
        let (instance, answer) = about.instances.call_apart(core, instance, work, wall).await;
        if instance.as_ref().is_some_and(Instance::suspends) {
            self.used += begun.elapsed();
        }
        match (instance, room) {
            (Some(instance), Some(_room)) => self.kept = Some(Kept { instance, _room }),
            (Some(instance), None) => about.instances.put_back(core, instance),
            (None, _) => {}
        }
        answer
    }

    /// Goes on without the plugin if that is the policy. What the plugin itself breaks off stays so.
    pub(super) fn failed(&mut self, failure: CallFailure, id: &RequestId) -> Result<(), CallFailure> {
        self.kept = None;
        super::response::report(self.assignment.name(), id, &failure);
        match (self.assignment.core.on_failure, failure) {
            (_, failure @ CallFailure::Aborted(_)) | (OnFailure::Closed, failure) => Err(failure),
            (OnFailure::Open, _) => Ok(()),
        }
    }

    /// Lets the instance serve others.
    pub(super) fn end(&mut self, instances: &Instances) {
        if let Some(Kept { instance, .. }) = self.kept.take() {
            instances.put_back(&self.assignment.core, instance);
        }
    }
}
