//! Routes: which requests go to which service.

use std::collections::BTreeMap;

use serde::Deserialize;
use uuid::Uuid;

use super::{Protocol, reference};

/// Which requests go to which service, and how the request changes on the way.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[expect(missing_docs, reason = "Kong's field names; docs/admin-api.md describes them")]
pub struct Route {
    pub id: Uuid,
    pub name: Option<String>,
    #[serde(deserialize_with = "reference")]
    pub service: Option<Uuid>,
    pub protocols: Vec<Protocol>,
    #[serde(default)]
    pub methods: Option<Vec<String>>,
    #[serde(default)]
    pub hosts: Option<Vec<String>>,
    #[serde(default)]
    pub paths: Option<Vec<String>>,
    #[serde(default)]
    pub headers: Option<BTreeMap<String, Vec<String>>>,
    #[serde(default)]
    pub snis: Option<Vec<String>>,
    pub regex_priority: i64,
    pub strip_path: bool,
    pub preserve_host: bool,
    pub https_redirect_status_code: u16,
    pub path_handling: PathHandling,
    #[serde(default)]
    pub tags: Option<Vec<String>>,
}

/// Kong's two ways of joining a service path and a request path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are Kong's")]
pub enum PathHandling {
    V0,
    V1,
}
