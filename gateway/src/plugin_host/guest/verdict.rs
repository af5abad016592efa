//! What the phases answer: the types of `wit/`, shaped for what becomes of them. Edits are checked where
//! they lie, and rare parts are kept apart. That they agree with the contract is checked when a
//! component is loaded.

use wasmtime::component::{ComponentType, Lift};

use crate::plugin_host::bindings::exports::weir::plugin::before_routing::RoutingChange;
use crate::plugin_host::bindings::exports::weir::plugin::request_head::TargetChange;
use crate::plugin_host::bindings::weir::plugin::types::{BodyMode, Identity, LocalResponse};
use crate::plugin_host::verify::{Apart, CheckedOp};

/// A verdict of a request phase.
#[derive(Debug, ComponentType, Lift)]
#[component(variant)]
pub(crate) enum RequestVerdict<P> {
    #[component(name = "proceed")]
    Proceed(P),
    #[component(name = "respond")]
    Respond(Apart<LocalResponse>),
}

/// A verdict of a response phase.
#[derive(Debug, ComponentType, Lift)]
#[component(variant)]
pub(crate) enum ResponseVerdict<P> {
    #[component(name = "proceed")]
    Proceed(P),
    #[component(name = "replace")]
    Replace(Apart<LocalResponse>),
}

/// `before-routing.proceed`.
#[derive(Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct BeforeRouting {
    pub(crate) edits: Vec<CheckedOp>,
    pub(crate) change: Option<Apart<RoutingChange>>,
}

/// `request-head.proceed`.
#[derive(Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct RequestHead {
    pub(crate) edits: Vec<CheckedOp>,
    pub(crate) target: Option<Apart<TargetChange>>,
    pub(crate) identity: Option<Apart<Identity>>,
    pub(crate) body: BodyMode,
    pub(crate) response: bool,
    #[component(name = "response-edits")]
    pub(crate) response_edits: Vec<CheckedOp>,
    pub(crate) carry: Option<Vec<u8>>,
}

/// `request-body.proceed`.
#[derive(Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct RequestBody {
    pub(crate) edits: Vec<CheckedOp>,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) carry: Option<Vec<u8>>,
    pub(crate) identity: Option<Apart<Identity>>,
}

/// `response-head.proceed`.
#[derive(Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct ResponseHead {
    pub(crate) status: Option<u16>,
    pub(crate) edits: Vec<CheckedOp>,
    pub(crate) body: BodyMode,
    pub(crate) carry: Option<Vec<u8>>,
}

/// `response-body.proceed`.
#[derive(Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct ResponseBody {
    pub(crate) status: Option<u16>,
    pub(crate) edits: Vec<CheckedOp>,
    pub(crate) body: Option<Vec<u8>>,
}
