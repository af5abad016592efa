//! Who calls: by a token, by a certificate, or nobody in particular.

use std::sync::Arc;
use std::time::Instant;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::http::{HeaderMap, StatusCode, header};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::failures::Failures;
use super::peer::Peer;
use super::role::Role;
use crate::admin::error::ApiError;
use crate::config::{AccessSettings, Proofs};
use crate::model::{Document, admin_token_digest};
use crate::store::{Lookup, Store, StoreError};

/// The header of Kong's own tools.
const KONG_ADMIN_TOKEN: &str = "kong-admin-token";
/// Stands for any name without a role of its own.
const OTHERS: &str = "*";

/// The rules of who may use the Admin API.
#[derive(Debug, Default)]
pub(in crate::admin) struct Access {
    pub(super) proofs: Proofs,
    /// Digest of the token of the settings.
    root: Option<String>,
    /// Common names of certificates and what their holders may do; `*` is any other.
    roles: Vec<(String, Role)>,
    pub(super) hosts: Vec<String>,
    pub(super) origins: Vec<String>,
    pub(in crate::admin) failures: Failures,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::admin) struct Caller {
    /// `token:name`, `certificate:name`, `root`, or `anonymous`.
    pub(in crate::admin) actor: String,
    pub(in crate::admin) role: Role,
    /// The tags that limit what the caller may see and change; `None` is no limit.
    pub(in crate::admin) scope: Option<Arc<[String]>>,
    pub(in crate::admin) proof: Proof,
}

/// How a caller proved who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::admin) enum Proof {
    /// It was not asked.
    Nobody,
    Token,
    Certificate,
}

/// Why a call is not let in.
#[derive(Debug)]
pub(in crate::admin) enum Denied {
    /// Nothing proves who calls.
    Unknown,
    /// The address failed too often just now.
    TooMany,
    /// The store cannot say.
    Store(StoreError),
}

impl Access {
    /// The rules that the settings ask for.
    pub(in crate::admin) fn new(settings: &AccessSettings) -> Self {
        let root = settings.token.as_ref().map(|token| admin_token_digest(token.expose_secret()));
        let roles = settings.client_roles.iter();
        Self {
            proofs: settings.proofs,
            root,
            roles: roles.filter_map(|(name, role)| Some((name.clone(), Role::named(role)?))).collect(),
            hosts: settings.hosts.clone(),
            origins: settings.origins.clone(),
            failures: Failures::default(),
        }
    }

    /// Who calls. Failures are counted by address, and from the sixth of a second on nothing is looked at.
    pub(in crate::admin) async fn identify(
        &self,
        store: &Store,
        headers: &HeaderMap,
        peer: &Peer,
    ) -> Result<Caller, Denied> {
        if !self.proofs.are_asked() {
            return Ok(Caller::anybody());
        }
        let now = Instant::now();
        if peer.address.is_some_and(|address| !self.failures.admit(address, now)) {
            return Err(Denied::TooMany);
        }
        let token = token(headers).filter(|_| self.proofs.token);
        let caller = match token {
            // Who shows a token means it: a wrong one is a failure, whatever else is shown.
            Some(token) => self.holder(store, token).await.map_err(Denied::Store)?,
            None => peer.certified.as_deref().and_then(|name| self.certified(name)),
        };
        caller.ok_or_else(|| {
            peer.address.iter().for_each(|address| self.failures.note(*address, now));
            Denied::Unknown
        })
    }

    /// Who has shown a certificate of this name, that an authority speaks for.
    fn certified(&self, name: &str) -> Option<Caller> {
        if !self.proofs.certificate {
            return None;
        }
        let role = |wanted: &str| self.roles.iter().find(|(known, _)| known == wanted).map(|(_, role)| *role);
        // The mark for any other name is no name.
        let role = role(name).filter(|_| name != OTHERS).or_else(|| role(OTHERS))?;
        Some(Caller { actor: format!("certificate:{name}"), role, scope: None, proof: Proof::Certificate })
    }

    /// Who holds the token. Costs the same whether there is such a token or not, but for the one of the
    /// settings.
    async fn holder(&self, store: &Store, token: &str) -> Result<Option<Caller>, StoreError> {
        let digest = admin_token_digest(token);
        let is_same = |known: &str| verify_slices_are_equal(known.as_bytes(), digest.as_bytes()).is_ok();
        if self.root.as_deref().is_some_and(is_same) {
            let (actor, role) = ("root".to_owned(), Role::Admin);
            return Ok(Some(Caller { actor, role, scope: None, proof: Proof::Token }));
        }
        let found = store.find("admin_tokens", &Lookup::key("digest", digest.clone())).await?;
        let found = found.filter(|found| found.get("digest").and_then(Value::as_str).is_some_and(is_same));
        Ok(found.and_then(|found| Caller::of(&found)))
    }
}

impl Caller {
    /// Anybody, where nobody is asked.
    pub(in crate::admin) fn anybody() -> Self {
        Self { actor: "anonymous".to_owned(), role: Role::Admin, scope: None, proof: Proof::Nobody }
    }

    fn of(token: &Document) -> Option<Self> {
        let text = |name: &str| token.get(name).and_then(Value::as_str);
        let scope = token.get("scope").and_then(Value::as_array);
        let scope = scope.map(|tags| tags.iter().filter_map(Value::as_str).map(str::to_owned).collect());
        Some(Self {
            actor: format!("token:{}", text("name")?),
            role: Role::named(text("role")?)?,
            scope,
            proof: Proof::Token,
        })
    }
}

impl Denied {
    /// The answer to it.
    pub(in crate::admin) fn into_error(self) -> ApiError {
        match self {
            Self::Unknown => ApiError::message(StatusCode::UNAUTHORIZED, "Unauthorized"),
            Self::TooMany => ApiError::message(
                StatusCode::TOO_MANY_REQUESTS,
                "too many failed attempts from this address; try again in a second",
            ),
            Self::Store(error) => error.into(),
        }
    }
}

/// The token that a caller shows: as a bearer, or as Kong's tools do.
fn token(headers: &HeaderMap) -> Option<&str> {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = authorization.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    });
    let kongs = || headers.get(KONG_ADMIN_TOKEN).and_then(|value| value.to_str().ok());
    bearer.or_else(kongs).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn tokens_are_found_where_tools_put_them() {
        for (case, name, value, want) in [
            ("a bearer", "authorization", "Bearer abc", Some("abc")),
            ("in any case", "authorization", "bEARER  abc ", Some("abc")),
            ("another scheme", "authorization", "Basic abc", None),
            ("no scheme", "authorization", "abc", None),
            ("nothing", "authorization", "Bearer ", None),
            ("Kong's tools", "kong-admin-token", "abc", Some("abc")),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            assert_eq!(token(&headers), want, "{case}");
        }
    }
}
