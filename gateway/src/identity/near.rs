//! The answers that this thread used last, where no other thread has to be asked.
//!
//! A table with one place for each hash: a newcomer takes the place of whoever is there. It needs no
//! invalidation of its own, since an entry knows by its stamp whether it still holds.

use std::cell::RefCell;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::entry::{Entry, Found, Name};

/// Places of one thread.
const PLACES: usize = 4_096;

#[derive(Clone)]
struct Place {
    /// The number of the cache that the entry belongs to.
    owner: u64,
    entry: Arc<Entry>,
}

thread_local! {
    static PLACES_OF_THREAD: RefCell<Vec<Option<Place>>> = const { RefCell::new(Vec::new()) };
    static TEXT: RefCell<String> = const { RefCell::new(String::new()) };
}

/// What `answer` says of the entry with this name, if it is here.
pub(super) fn get(
    owner: u64,
    name: &Name<'_>,
    answer: impl FnOnce(&Entry) -> Option<Found>,
) -> Option<Found> {
    PLACES_OF_THREAD.with_borrow(|places| {
        let place = places.get(index(name))?.as_ref()?;
        if place.owner != owner || !place.entry.is_for(name) {
            return None;
        }
        answer(&place.entry)
    })
}

pub(super) fn put(owner: u64, name: &Name<'_>, entry: Option<Arc<Entry>>) {
    PLACES_OF_THREAD.with_borrow_mut(|places| {
        if places.is_empty() {
            places.resize(PLACES, None);
        }
        if let Some(place) = places.get_mut(index(name)) {
            *place = entry.map(|entry| Place { owner, entry });
        }
    });
}

/// Lends the name as one text, without an allocation after the first ones.
pub(super) fn with_text<T>(name: &Name<'_>, body: impl FnOnce(&str) -> T) -> T {
    TEXT.with_borrow_mut(|text| {
        text.clear();
        name.write(text);
        body(text)
    })
}

/// The outcome of a future that hardly ever waits; `None` if this is such a time.
pub(super) fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}

fn index(name: &Name<'_>) -> usize {
    name.hash as usize % PLACES
}
