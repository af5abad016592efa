//! What comes before the rest of a body that plugins have asked for.

use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::filtered::{Filtered, Source};
use super::{BodyError, Held};
use crate::plugin_host::Filter;
use crate::proxy::connection::Client;

/// Bytes that were held, and the plugins that all bytes go through.
pub(in crate::proxy) struct Front {
    held: Option<Held>,
    filtered: Option<Filtered>,
}

/// Held bytes, and then the rest.
struct Joined<'a> {
    held: &'a mut Option<Held>,
    rest: &'a mut dyn Source,
}

impl Source for Joined<'_> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.held.as_mut().and_then(Held::take) {
            Some(frame) => Poll::Ready(Some(Ok(frame))),
            None => {
                *self.held = None;
                self.rest.poll_next(cx)
            }
        }
    }

    fn is_over(&self) -> bool {
        self.held.as_ref().is_none_or(Held::is_over) && self.rest.is_over()
    }
}

impl Front {
    /// `None` if there is nothing before the rest, which is the usual case. A message without a body
    /// has no chunks.
    pub(in crate::proxy) fn new(
        held: Option<Held>,
        filter: Option<Filter>,
        rest_is_over: bool,
        client: &Rc<Client>,
    ) -> Option<Box<Self>> {
        let held = held.filter(|held| !held.is_over());
        let empty = held.is_none() && rest_is_over;
        let filtered = match filter {
            Some(mut filter) if empty => {
                filter.end(&client.worker.instances);
                None
            }
            Some(filter) => Some(Filtered::new(filter, Rc::clone(client))),
            None => None,
        };
        (held.is_some() || filtered.is_some()).then(|| Box::new(Self { held, filtered }))
    }

    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        rest: &mut dyn Source,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut joined = Joined { held: &mut self.held, rest };
        match &mut self.filtered {
            Some(filtered) => filtered.poll(cx, &mut joined),
            None => joined.poll_next(cx),
        }
    }

    pub(super) fn is_over(&self, rest_is_over: bool) -> bool {
        match &self.filtered {
            Some(filtered) => filtered.is_over(),
            None => self.held.as_ref().is_none_or(Held::is_over) && rest_is_over,
        }
    }

    /// The length, if it is known: `rest` is that of the rest.
    pub(super) fn size_hint(&self, rest: &SizeHint) -> SizeHint {
        let changes = self.filtered.as_ref().is_some_and(Filtered::changes_length);
        let trails = self.held.as_ref().is_some_and(Held::has_trailers);
        let held = self.held.as_ref().map_or(0, Held::len) as u64;
        match rest.exact() {
            Some(rest) if !changes && !trails => SizeHint::with_exact(held + rest),
            Some(_) | None => SizeHint::default(),
        }
    }

    /// The same once more; only a body that is held whole and that nobody reads can be sent again.
    pub(super) fn again(&self) -> Option<Box<Self>> {
        let held = self.held.as_ref().filter(|_| self.filtered.is_none())?;
        Some(Box::new(Self { held: Some(held.again()), filtered: None }))
    }
}
