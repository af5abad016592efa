//! The plugins that one body goes through on its way.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::time::Instant;

use super::run::Run;
use super::stage::{About, Stage};
use super::{Chain, Placement};
use crate::exchange::{self, Exchange, RequestId};
use crate::plugin_host::guest::{BodyWork, Held, Outcome, Work};
use crate::plugin_host::metrics::CallOutcome;
use crate::plugin_host::{Assignment, CallFailure, Direction, Instances, verify};

/// The plugins that one body goes through on its way. Made only for a body that some plugin asked for.
pub struct Filter {
    streams: Vec<Stage>,
    trailers: Vec<Arc<Assignment>>,
    direction: Direction,
    id: RequestId,
}

impl Chain {
    /// The plugins that want the chunks or the trailers of a body; `None` if there is none.
    pub fn filter(&self, direction: Direction, run: &mut Run, exchange: &Exchange) -> Option<Filter> {
        let streams = std::mem::take(run.stages(direction));
        let trailing = self.phases.has(direction.trailers());
        if streams.is_empty() && !trailing {
            return None;
        }
        let mut trailers = Vec::new();
        for (slot, state) in self.slots.iter().zip(&mut run.slots).filter(|_| trailing) {
            let skipped = direction == Direction::Response && state.skip_response;
            match state.placement(slot, exchange) {
                Some(Placement::Live(assignment)) if !skipped && assignment.runs(direction.trailers()) => {
                    trailers.push(Arc::clone(assignment));
                }
                Some(Placement::Live(_) | Placement::Broken { .. }) | None => {}
            }
        }
        Some(Filter { streams, trailers, direction, id: exchange.id })
    }

    /// The plugins that want the chunks of a body which is collected for one behind them.
    pub fn stream_filter(&self, direction: Direction, run: &mut Run, exchange: &Exchange) -> Option<Filter> {
        let streams = std::mem::take(run.stages(direction));
        let filter = Filter { streams, trailers: Vec::new(), direction, id: exchange.id };
        Some(filter).filter(|filter| !filter.streams.is_empty())
    }
}

impl Filter {
    /// Whether the body may come out with another length.
    pub fn changes_length(&self) -> bool {
        !self.streams.is_empty()
    }

    /// Puts some bytes of the body through.
    ///
    /// # Errors
    ///
    /// Why the body must break off.
    pub async fn chunk(
        &mut self,
        instances: &Instances,
        chunk: Bytes,
        last: bool,
    ) -> Result<Bytes, CallFailure> {
        let about = About { instances, direction: self.direction, id: &self.id };
        let mut chunk = chunk;
        for stage in &mut self.streams {
            if chunk.is_empty() && !last {
                break;
            }
            chunk = stage.pass(chunk, last, about).await?;
        }
        Ok(chunk)
    }

    /// Puts the trailers through.
    ///
    /// # Errors
    ///
    /// Why the body must break off.
    pub async fn trailers(
        &mut self,
        instances: &Instances,
        mut fields: HeaderMap,
    ) -> Result<HeaderMap, CallFailure> {
        let about = About { instances, direction: self.direction, id: &self.id };
        for assignment in &self.trailers {
            let same = |stage: &&mut Stage| Arc::ptr_eq(&stage.assignment, assignment);
            match self.streams.iter_mut().find(same) {
                Some(stage) => trail(stage, &mut fields, about).await?,
                None => trail(&mut Stage::without_instance(assignment), &mut fields, about).await?,
            }
        }
        Ok(fields)
    }

    /// The body is over: instances that were kept for it may serve others.
    pub fn end(&mut self, instances: &Instances) {
        self.streams.iter_mut().for_each(|stage| stage.end(instances));
    }
}

/// One plugin's edits of the trailers.
async fn trail(stage: &mut Stage, fields: &mut HeaderMap, about: About<'_>) -> Result<(), CallFailure> {
    let begun = Instant::now();
    let pair = |(name, value): (&HeaderName, &HeaderValue)| (name.clone(), value.clone());
    let held = Held::Headers(fields.iter().map(pair).collect());
    let edits = match stage.call(Work::Body(BodyWork::Trailers(about.direction, held)), about).await {
        Ok(Outcome::Trailers(edits)) => verify::edits(edits).map_err(CallFailure::BadAnswer),
        Ok(_) => Err(CallFailure::BadAnswer("another phase's".into())),
        Err(failure) => Err(failure),
    };
    let outcome = edits.as_ref().map_or_else(CallOutcome::of, |_| CallOutcome::Proceed);
    about.instances.count(&stage.assignment.core, about.direction.trailers(), outcome, begun.elapsed());
    match edits {
        Ok(edits) => exchange::apply(edits, fields),
        Err(failure) => stage.failed(failure, about.id)?,
    }
    Ok(())
}
