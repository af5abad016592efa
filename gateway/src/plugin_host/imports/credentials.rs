//! `credentials`: the gateway's consumers, through its cache. A miss suspends the guest.

use std::sync::Arc;

use uuid::Uuid;
use wasmtime::component::{ComponentType, Linker, Lower};
use wasmtime::{Result, StoreContextMut};

use crate::exchange::ConsumerFacts;
use crate::plugin_host::FoundCredential;
use crate::plugin_host::bindings::weir::plugin::credentials::Consumer;
use crate::plugin_host::guest::{CallState, MustWait};
use crate::plugin_host::repeats::Basis;

const INTERFACE: &str = "weir:plugin/credentials@0.1.0";
const DENIED: &str = "denied: `credentials` is not granted for this kind";
const CANCELLED: &str = "the call was cancelled";

/// `found`, lowered from what the cache shares.
#[derive(Debug, Clone, ComponentType, Lower)]
#[component(record)]
struct Found {
    consumer: String,
    credential: Arc<str>,
    groups: Arc<[String]>,
}

type Answered<T> = Result<(Result<Option<T>, String>,)>;

/// For guests that never wait: what is in the cache, or else the call is broken off.
pub(super) fn link_cached(linker: &mut Linker<CallState>) -> Result<()> {
    let mut instance = linker.instance(INTERFACE)?;
    instance
        .func_wrap("find", |context, (kind, key): (String, String)| find_now(context, (kind, key), told))?;
    instance
        .func_wrap("data", |context, (kind, key): (String, String)| find_now(context, (kind, key), data))?;
    instance.func_wrap(
        "find-consumer",
        |mut context: StoreContextMut<'_, CallState>, _: (String,)| -> Answered<Consumer> {
            let state = context.data_mut();
            if state.core.grants.credentials.is_none() {
                return Ok((Err(DENIED.to_owned()),));
            }
            state.waits = true;
            Err(MustWait.into())
        },
    )
}

pub(super) fn link(linker: &mut Linker<CallState>) -> Result<()> {
    let mut instance = linker.instance(INTERFACE)?;
    instance.func_wrap_async("find", |context, (kind, key): (String, String)| {
        Box::new(find(context, kind, key, told))
    })?;
    instance.func_wrap_async("data", |context, (kind, key): (String, String)| {
        Box::new(find(context, kind, key, data))
    })?;
    instance.func_wrap_async("find-consumer", |context, (name,): (String,)| {
        Box::new(find_consumer(context, name))
    })
}

/// Counts the call; false if this kind is not granted.
fn is_granted(state: &mut CallState, kind: &str) -> Result<bool> {
    state.charge_repeatable(1)?;
    let kinds = state.core.grants.credentials.as_ref();
    Ok(kinds.is_some_and(|kinds| kinds.iter().any(|granted| granted == kind)))
}

fn find_now<T>(
    mut context: StoreContextMut<'_, CallState>,
    (kind, key): (String, String),
    read: fn(&mut CallState, FoundCredential) -> T,
) -> Answered<T> {
    let state = context.data_mut();
    if !is_granted(state, &kind)? {
        return Ok((Err(DENIED.to_owned()),));
    }
    match state.core.services.deps.directory.cached_credential(&kind, &key) {
        Some(known) => {
            state.basis.note_credential(kind, key, known.as_ref());
            Ok((Ok(known.map(|found| read(state, found))),))
        }
        None => {
            state.waits = true;
            Err(MustWait.into())
        }
    }
}

async fn find<T>(
    mut context: StoreContextMut<'_, CallState>,
    kind: String,
    key: String,
    read: fn(&mut CallState, FoundCredential) -> T,
) -> Answered<T> {
    let state = context.data_mut();
    if !is_granted(state, &kind)? {
        return Ok((Err(DENIED.to_owned()),));
    }
    let directory = state.core.services.deps.directory.clone();
    let answer = match directory.cached_credential(&kind, &key) {
        Some(known) => Ok(known),
        None => {
            let cancel = state.cancel.clone();
            let answer = tokio::select! {
                answer = directory.find_credential(&kind, &key) => answer,
                () = cancel.wait() => Err(CANCELLED.to_owned()),
            };
            state.waited = 1;
            answer
        }
    };
    match &answer {
        Ok(found) => state.basis.note_credential(kind, key, found.as_ref()),
        Err(_) => state.basis = Basis::More,
    }
    Ok((answer.map(|found| found.map(|found| read(state, found))),))
}

async fn find_consumer(mut context: StoreContextMut<'_, CallState>, name: String) -> Answered<Consumer> {
    let state = context.data_mut();
    state.charge()?;
    if state.core.grants.credentials.is_none() {
        return Ok((Err(DENIED.to_owned()),));
    }
    let directory = state.core.services.deps.directory.clone();
    let cancel = state.cancel.clone();
    let answer = tokio::select! {
        answer = directory.find_consumer(&name) => answer,
        () = cancel.wait() => Err(CANCELLED.to_owned()),
    };
    state.waited = 1;
    Ok((answer.map(|found| {
        found.map(|facts| {
            let consumer = consumer(&facts);
            state.told.push(facts);
            consumer
        })
    }),))
}

/// The guest is told whose a credential is.
fn told(state: &mut CallState, found: FoundCredential) -> Found {
    let FoundCredential { consumer, credential, data_json: _ } = found;
    let id = consumer.id.hyphenated().encode_lower(&mut Uuid::encode_buffer()).to_owned();
    let groups = Arc::clone(&consumer.acls);
    state.told.push(consumer);
    Found { consumer: id, credential, groups }
}

fn data(_: &mut CallState, found: FoundCredential) -> Arc<str> {
    found.data_json
}

fn consumer(facts: &ConsumerFacts) -> Consumer {
    Consumer {
        id: facts.id.to_string(),
        username: facts.username.clone(),
        custom_id: facts.custom_id.clone(),
    }
}
