//! Plugins that look keys up: on a fiber only as long as they have to wait.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;

use serde_json::json;

use super::bundled::{alice, bundled};
use super::{Fixture, Nothing, chain, exchange};
use crate::exchange::ConsumerFacts;
use crate::plugin_host::{Answer, Directory, Flow, FoundCredential, HostDeps};
use crate::shared::SharedState;

/// Knows every key; at first the store has to be asked.
#[derive(Default)]
struct Warming {
    warm: AtomicBool,
    asked: AtomicUsize,
}

impl Directory for Warming {
    fn cached_credential(&self, _: &str, _: &str) -> Option<Option<FoundCredential>> {
        self.warm.load(Ordering::Acquire).then(|| Some(alice()))
    }

    fn find_credential<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
    ) -> Answer<'a, Result<Option<FoundCredential>, String>> {
        self.asked.fetch_add(1, Ordering::AcqRel);
        Box::pin(async {
            tokio::task::yield_now().await;
            Ok(Some(alice()))
        })
    }

    fn find_consumer<'a>(&'a self, _: &'a str) -> Answer<'a, Result<Option<Arc<ConsumerFacts>>, String>> {
        Box::pin(async { Ok(None) })
    }
}

fn with_key() -> Box<crate::exchange::Exchange> {
    let mut exchange = exchange();
    exchange.request.headers.insert("apikey", "good".parse().unwrap());
    exchange
}

#[tokio::test]
async fn many_who_waited_at_once_leave_room_for_those_who_need_not() {
    let directory = Arc::new(Warming::default());
    let deps = HostDeps {
        directory: Arc::clone(&directory) as Arc<dyn Directory>,
        outbound: Arc::new(Nothing),
        shared: SharedState::default(),
        log_record: |_, _| {},
    };
    let fixture = Fixture::with_room(deps, 64);
    let assignment = bundled(&fixture, "key-auth", json!({})).await;
    let chain = chain(&assignment);
    let call = || async {
        let mut run = chain.begin();
        let (_, flow) = chain.on_request(&fixture.instances, &mut run, with_key()).await;
        assert!(matches!(flow, Flow::Continue), "{flow:?}");
    };
    let mut calls: Vec<_> = (0..40).map(|_| Box::pin(call())).collect();
    poll_fn(|cx| {
        calls.retain_mut(|call| call.as_mut().poll(cx).is_pending());
        if calls.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    let (on_fibers, others) = fixture.instances.idle(&assignment);
    assert!(on_fibers >= 30 && others == 0, "{on_fibers} and {others}: all had to wait");

    directory.warm.store(true, Ordering::Release);
    let asked = directory.asked.load(Ordering::Acquire);
    for _ in 0..100 {
        call().await;
    }
    assert_eq!(directory.asked.load(Ordering::Acquire), asked, "the cache knew");
    assert_eq!(fixture.instances.idle(&assignment).1, 1, "one instance serves all that do not wait");
}
