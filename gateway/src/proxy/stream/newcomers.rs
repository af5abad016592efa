//! Clients by UDP that have sent one datagram, and nothing since.
//!
//! Anybody can write any address on a datagram. Whoever answers to what it is sent does so with a second one, and is
//! known to be there; whoever does not may never have been. When there is no room, such sessions give way.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use super::flow::Flow;
use crate::proxy::worker::UdpPermit;

/// Those of one worker, the oldest first. Who has sent more, or is gone, is among them until it is looked for.
#[derive(Default)]
pub(in crate::proxy) struct Newcomers(RefCell<VecDeque<Weak<Flow>>>);

impl Newcomers {
    /// Adds one. There are `most` sessions at most, and twice as many are remembered.
    pub(super) fn add(&self, flow: &Rc<Flow>, most: usize) {
        let mut all = self.0.borrow_mut();
        if all.len() >= 2 * most {
            all.retain(|flow| flow.upgrade().is_some_and(|flow| flow.is_newcomer()));
        }
        all.push_back(Rc::downgrade(flow));
    }

    /// Ends the session of the oldest, if it has been quiet for a while, and gives its room away.
    pub(super) fn give_way(&self) -> Option<UdpPermit> {
        let mut all = self.0.borrow_mut();
        loop {
            let oldest = all.front()?.upgrade().filter(|flow| flow.is_newcomer());
            if oldest.as_ref().is_some_and(|flow| !flow.is_quiet()) {
                return None;
            }
            all.pop_front();
            if let Some(flow) = oldest {
                return flow.leave();
            }
        }
    }
}
