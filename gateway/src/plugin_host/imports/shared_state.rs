//! `shared-counters` and `shared-kv`: what all nodes count and keep. The guest is suspended meanwhile.

use std::fmt::Write as _;

use wasmtime::component::Linker;
use wasmtime::{Result, StoreContextMut};

use super::counters::{MAX_WINDOWS, answer};
use crate::plugin_host::assignment::SharedGrant;
use crate::plugin_host::bindings::weir::plugin::local_counters::{Take, Window as CounterWindow};
use crate::plugin_host::guest::CallState;
use crate::plugin_host::unix_ms;
use crate::shared::{Ask, Backend, SharedError, SharedState, Window};

const COUNTERS: &str = "weir:plugin/shared-counters@0.1.0";
const VALUES: &str = "weir:plugin/shared-kv@0.1.0";
/// Longest key of the plugin's own, in bytes.
const MAX_KEY: usize = 1024;

type Answered<T> = Result<(std::result::Result<T, String>,)>;
type Context<'a> = StoreContextMut<'a, CallState>;

pub(super) fn link(linker: &mut Linker<CallState>) -> Result<()> {
    let mut counters = linker.instance(COUNTERS)?;
    counters.func_wrap_async("fixed-window", |context, ask: (String, u64, u64, u64)| {
        Box::new(take(context, Window::Fixed, ask))
    })?;
    counters.func_wrap_async("sliding-window", |context, ask: (String, u64, u64, u64)| {
        Box::new(take(context, Window::Sliding, ask))
    })?;
    counters.func_wrap_async("take-windows", |context, ask: (Vec<CounterWindow>, u64)| {
        Box::new(take_windows(context, ask))
    })?;
    let mut values = linker.instance(VALUES)?;
    values.func_wrap_async("get", |context, (key,): (String,)| Box::new(get(context, key)))?;
    values
        .func_wrap_async("put", |context, put_in: (String, Vec<u8>, u64)| Box::new(put(context, put_in)))?;
    values.func_wrap_async(
        "compare-and-swap",
        |context, (key, old, new, ttl_ms): (String, Option<Vec<u8>>, Vec<u8>, u64)| {
            Box::new(swap(context, key, (old, new), ttl_ms))
        },
    )
}

/// A key with its namespace, and where it is kept.
struct Place {
    shared: SharedState,
    backend: Backend,
    key: String,
}

impl CallState {
    /// Where `key` of a grant is. `own` is the namespace of who has no other.
    fn place(
        &self,
        grant: &SharedGrant,
        own: impl FnOnce() -> String,
        key: &str,
    ) -> std::result::Result<Place, String> {
        if key.len() > MAX_KEY {
            return Err(format!("a key may have {MAX_KEY} bytes"));
        }
        let shared = self.core.services.deps.shared.clone();
        let backend = grant.backend.clone().ok_or_else(|| SharedError::Missing.to_string())?;
        let mut full = grant.namespace.as_ref().map_or_else(own, |name| format!("namespace:{name}"));
        // No namespace has a colon of its own at its end, so that no key of one is a key of another.
        _ = write!(full, "::{key}");
        Ok(Place { shared, backend, key: full })
    }

    fn counter_place(&mut self, key: &str) -> Result<std::result::Result<Place, String>> {
        self.charge()?;
        let Some(grant) = &self.core.grants.shared_counters else {
            return Ok(Err("denied: `shared-counters` is not granted".to_owned()));
        };
        Ok(self.place(grant, || format!("assignment:{}", self.core.id.simple()), key))
    }

    /// The place of a value, the longest life and the largest size that it may have.
    fn value_place(&mut self, key: &str) -> Result<std::result::Result<(Place, u64, usize), String>> {
        self.charge()?;
        let Some(grant) = &self.core.grants.shared_kv else {
            return Ok(Err("denied: `shared-kv` is not granted".to_owned()));
        };
        let place = self.place(&grant.shared, || format!("plugin:{}", self.core.plugin.info.name), key);
        Ok(place.map(|place| (place, grant.max_ttl_ms, grant.max_value_bytes)))
    }
}

/// Waits for the server, or for the end of the call.
async fn wait<T>(
    context: &mut Context<'_>,
    answer: impl Future<Output = std::result::Result<T, SharedError>>,
) -> std::result::Result<T, String> {
    let cancel = context.data().cancel.clone();
    let answer = tokio::select! {
        answer = answer => answer.map_err(|error| error.to_string()),
        () = cancel.wait() => Err("the call was cancelled".to_owned()),
    };
    context.data_mut().waited = 1;
    answer
}

async fn take(
    mut context: Context<'_>,
    window: Window,
    (key, limit, window_ms, cost): (String, u64, u64, u64),
) -> Answered<Take> {
    let Place { shared, backend, key } = match context.data_mut().counter_place(&key)? {
        Ok(place) => place,
        Err(reason) => return Ok((Err(reason),)),
    };
    let ask = Ask::new(&key, window, (limit, window_ms, cost), unix_ms());
    Ok((wait(&mut context, shared.take(backend, ask)).await.map(answer),))
}

async fn take_windows(
    mut context: Context<'_>,
    (windows, cost): (Vec<CounterWindow>, u64),
) -> Answered<Vec<Take>> {
    if windows.len() > MAX_WINDOWS {
        return Ok((Err(format!("{MAX_WINDOWS} windows can be counted in at once")),));
    }
    let now = unix_ms();
    let (mut at, mut asks) = (None, Vec::with_capacity(windows.len()));
    for CounterWindow { key, limit, from_unix_ms, until_unix_ms } in windows {
        match context.data_mut().counter_place(&key)? {
            Ok(Place { shared, backend, key }) => {
                asks.push(Ask::between(&key, (from_unix_ms, until_unix_ms), (limit, cost), now));
                at = Some((shared, backend));
            }
            Err(reason) => return Ok((Err(reason),)),
        }
    }
    let Some((shared, backend)) = at else { return Ok((Ok(Vec::new()),)) };
    let taken = wait(&mut context, shared.take_all(backend, asks)).await;
    Ok((taken.map(|taken| taken.into_iter().map(answer).collect()),))
}

async fn get(mut context: Context<'_>, key: String) -> Answered<Option<Vec<u8>>> {
    let Place { shared, backend, key } = match context.data_mut().value_place(&key)? {
        Ok((place, ..)) => place,
        Err(reason) => return Ok((Err(reason),)),
    };
    Ok((wait(&mut context, shared.get(backend, key)).await,))
}

async fn put(mut context: Context<'_>, (key, value, ttl_ms): (String, Vec<u8>, u64)) -> Answered<()> {
    let (place, ttl_ms) = match checked(context.data_mut(), &key, &value, ttl_ms)? {
        Ok(checked) => checked,
        Err(reason) => return Ok((Err(reason),)),
    };
    let Place { shared, backend, key } = place;
    Ok((wait(&mut context, shared.put(backend, key, value, ttl_ms)).await,))
}

async fn swap(
    mut context: Context<'_>,
    key: String,
    values: (Option<Vec<u8>>, Vec<u8>),
    ttl_ms: u64,
) -> Answered<bool> {
    let (place, ttl_ms) = match checked(context.data_mut(), &key, &values.1, ttl_ms)? {
        Ok(checked) => checked,
        Err(reason) => return Ok((Err(reason),)),
    };
    let Place { shared, backend, key } = place;
    Ok((wait(&mut context, shared.swap(backend, key, values, ttl_ms)).await,))
}

/// The place for a value, and how long it will live there.
fn checked(
    state: &mut CallState,
    key: &str,
    value: &[u8],
    ttl_ms: u64,
) -> Result<std::result::Result<(Place, u64), String>> {
    Ok(state.value_place(key)?.and_then(|(place, max_ttl_ms, max_bytes)| {
        if value.len() > max_bytes {
            return Err(format!("a value may have {max_bytes} bytes"));
        }
        if ttl_ms == 0 {
            return Err("a value lives for a millisecond at least".to_owned());
        }
        Ok((place, ttl_ms.min(max_ttl_ms)))
    }))
}
