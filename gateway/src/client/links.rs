//! The connections of HTTP/2 of one worker thread.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::h2::{Exchange, Link};
use super::{ClientError, Connect, Endpoint};
use crate::task;

/// Where a connection goes: the address is the balancer's choice.
type Goal = (Endpoint, SocketAddr);

/// The connections of HTTP/2 of one worker thread. Each carries as many requests at once as its upstream lets it;
/// then there is another.
#[derive(Default)]
pub(super) struct Links {
    open: RefCell<HashMap<Endpoint, Vec<Link>, foldhash::fast::RandomState>>,
    /// Somebody makes a connection there: the others wait for it, since it will do for all of them.
    opening: RefCell<HashMap<Goal, Rc<Notify>>>,
}

impl Links {
    /// A stream of a connection that there is already.
    pub(super) fn take<B>(&self, endpoint: &Endpoint, max_requests: Option<u64>) -> Option<Exchange<B>> {
        self.find(endpoint, max_requests, |_| true)
    }

    fn find<B>(
        &self,
        endpoint: &Endpoint,
        max_requests: Option<u64>,
        fits: impl Fn(&Link) -> bool,
    ) -> Option<Exchange<B>> {
        let mut open = self.open.borrow_mut();
        let links = open.get_mut(endpoint)?;
        links.retain_mut(|link| link.is_usable(max_requests));
        links.iter().filter(|link| fits(link)).find_map(Link::exchange)
    }

    /// A stream of a connection to `address`, made within `limit` if there is none that has room.
    pub(super) async fn open<B>(
        &self,
        connect: &Connect,
        goal: &Goal,
        (limit, max_requests): (Duration, Option<u64>),
    ) -> Result<Exchange<B>, ClientError> {
        let (endpoint, address) = goal;
        let deadline = Instant::now() + limit;
        loop {
            if let Some(exchange) = self.find(endpoint, max_requests, |link| link.address() == *address) {
                return Ok(exchange);
            }
            let Some(opening) = self.opening.borrow().get(goal).map(Rc::clone) else { break };
            let opened = timeout_at(deadline, opening.notified()).await;
            opened.map_err(|_| ClientError::ConnectTimeout { address: *address, limit })?;
        }
        let _opening = Opening::begin(self, goal);
        let stream = connect.open(endpoint, *address, deadline.duration_since(Instant::now())).await?;
        let (link, frames) = Link::open(stream, *address).await?;
        drop(task::spawn_local("HTTP/2 to an upstream", frames));
        let exchange = link.first_exchange();
        self.open.borrow_mut().entry(endpoint.clone()).or_default().push(link);
        Ok(exchange)
    }

    /// Closes what has been idle for too long, and forgets what is closed.
    pub(super) fn sweep(&self, idle: Option<Duration>) {
        let oldest = idle.and_then(|idle| Instant::now().checked_sub(idle));
        self.open.borrow_mut().retain(|_, links| {
            links.retain_mut(|link| {
                link.is_usable(None) && !oldest.is_some_and(|oldest| link.is_idle_since(oldest))
            });
            !links.is_empty()
        });
    }
}

/// Tells those who wait that a connection was made, or was not.
struct Opening<'a> {
    links: &'a Links,
    goal: &'a Goal,
}

impl<'a> Opening<'a> {
    fn begin(links: &'a Links, goal: &'a Goal) -> Self {
        links.opening.borrow_mut().insert(goal.clone(), Rc::new(Notify::new()));
        Self { links, goal }
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        if let Some(waiting) = self.links.opening.borrow_mut().remove(self.goal) {
            waiting.notify_waiters();
        }
    }
}
