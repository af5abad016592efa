//! `credentials`: the gateway's consumers, through its cache. A miss suspends the guest.

use wasmtime::component::Linker;
use wasmtime::{Result, StoreContextMut};

use crate::exchange::ConsumerFacts;
use crate::plugin_host::FoundCredential;
use crate::plugin_host::bindings::weir::plugin::credentials::{Consumer, Found};
use crate::plugin_host::guest::CallState;

const INTERFACE: &str = "weir:plugin/credentials@0.1.0";
const DENIED: &str = "denied: `credentials` is not granted for this kind";
const CANCELLED: &str = "the call was cancelled";

type FindAnswer = Result<(Result<Option<Found>, String>,)>;
type ConsumerAnswer = Result<(Result<Option<Consumer>, String>,)>;

pub(super) fn link_denied(linker: &mut Linker<CallState>) -> Result<()> {
    let mut instance = linker.instance(INTERFACE)?;
    instance.func_wrap("find", |_: StoreContextMut<'_, CallState>, _: (String, String)| -> FindAnswer {
        Ok((Err(DENIED.to_owned()),))
    })?;
    instance.func_wrap("find-consumer", |_: StoreContextMut<'_, CallState>, _: (String,)| -> ConsumerAnswer {
        Ok((Err(DENIED.to_owned()),))
    })
}

pub(super) fn link(linker: &mut Linker<CallState>) -> Result<()> {
    let mut instance = linker.instance(INTERFACE)?;
    instance.func_wrap_async("find", |context, (kind, key): (String, String)| {
        Box::new(find(context, kind, key))
    })?;
    instance.func_wrap_async("find-consumer", |context, (name,): (String,)| {
        Box::new(find_consumer(context, name))
    })
}

async fn find(mut context: StoreContextMut<'_, CallState>, kind: String, key: String) -> FindAnswer {
    let state = context.data_mut();
    state.charge()?;
    let granted = state.core.grants.credentials.as_ref().is_some_and(|kinds| kinds.contains(&kind));
    if !granted {
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
    Ok((answer.map(|found| found.map(|found| told(state, found))),))
}

async fn find_consumer(mut context: StoreContextMut<'_, CallState>, name: String) -> ConsumerAnswer {
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

fn told(state: &mut CallState, found: FoundCredential) -> Found {
    let FoundCredential { consumer: facts, credential, groups, data_json } = found;
    let consumer = consumer(&facts);
    state.told.push(facts);
    Found {
        consumer,
        credential: credential.to_string(),
        groups: groups.to_vec(),
        data_json: data_json.to_string(),
    }
}

fn consumer(facts: &ConsumerFacts) -> Consumer {
    Consumer {
        id: facts.id.to_string(),
        username: facts.username.clone(),
        custom_id: facts.custom_id.clone(),
    }
}
