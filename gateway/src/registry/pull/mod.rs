//! The way to a component: manifest, token if one is wanted, blob.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, LOCATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use secrecy::ExposeSecret as _;
use sha2::{Digest, Sha256};

use super::challenge::Challenge;
use super::manifest::{Layer, MANIFEST};
use super::reference::Reference;
use super::{PullError, Pulled, Registry, RegistrySettings};
use crate::client::{FetchRequest, FetchResponse, Fetcher};
use crate::plugin_host::is_public;

/// For one request; a large component comes slowly.
const TIME: Duration = Duration::from_secs(60);
/// Bytes of a manifest; wkg's has less than one KiB.
const MAX_MANIFEST: usize = 64 << 10;
/// Bytes of a token and what is around it.
const MAX_TOKEN: usize = 64 << 10;
/// Hops from a registry to where it keeps its blobs.
const MAX_HOPS: usize = 3;

/// Fetches components. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Puller {
    fetcher: Fetcher,
    settings: RegistrySettings,
}

/// One pull under way.
struct Session<'p> {
    puller: &'p Puller,
    registry: &'p Registry,
    authorization: Option<HeaderValue>,
}

impl Puller {
    /// Asks over `fetcher`.
    pub fn new(fetcher: Fetcher, settings: RegistrySettings) -> Self {
        Self { fetcher, settings }
    }

    /// Fetches the component that `reference` names. Takes a few minutes at most.
    ///
    /// # Errors
    ///
    /// Any [`PullError`].
    pub async fn pull(&self, reference: &str) -> Result<Pulled, PullError> {
        let reference = Reference::read(reference)?;
        let allowed = self.settings.allowed.iter().find(|known| known.host == reference.registry);
        let registry = allowed.ok_or_else(|| PullError::NotAllowed(reference.registry.clone()))?;
        let mut session = Session { puller: self, registry, authorization: None };
        let path = format!("/v2/{}/manifests/sha256:{}", reference.repository, reference.digest);
        let manifest = session.get("the manifest", &path, MAX_MANIFEST).await?;
        if sha256(&manifest) != reference.digest {
            return Err(PullError::Digest("manifest"));
        }
        let layer = Layer::of(&manifest)?;
        let limit = self.settings.max_bytes;
        if layer.size > limit {
            return Err(PullError::TooLarge { bytes: layer.size, limit });
        }
        let path = format!("/v2/{}/blobs/sha256:{}", reference.repository, layer.digest);
        let component = session.get("the component", &path, layer.size.max(MAX_MANIFEST)).await?;
        if sha256(&component) != layer.digest {
            return Err(PullError::Digest("component"));
        }
        Ok(component)
    }
}

impl Session<'_> {
    fn host(&self) -> String {
        self.registry.host.clone()
    }

    /// Asks the registry, once more if it wants to know who asks.
    async fn get(&mut self, what: &'static str, path: &str, most: usize) -> Result<Bytes, PullError> {
        let scheme = if self.registry.plain { "http" } else { "https" };
        let url = self.url(&format!("{scheme}://{}{path}", self.registry.host))?;
        let (mut answer, own) = self.follow(url.clone(), most).await?;
        // Where it points to is not told who asks, however it asks for that.
        if own && answer.status == StatusCode::UNAUTHORIZED && self.authorization.is_none() {
            self.log_in(&answer.headers).await?;
            (answer, _) = self.follow(url, most).await?;
        }
        match answer.status {
            StatusCode::OK => Ok(answer.body),
            other => Err(PullError::Status { host: self.host(), what, status: other.as_u16() }),
        }
    }

    /// Follows a registry to where it keeps its blobs. Who asks is told to the registry alone. Gives the answer,
    /// and whether it is the registry's own.
    async fn follow(&self, mut url: Uri, most: usize) -> Result<(FetchResponse, bool), PullError> {
        for _ in 0..MAX_HOPS {
            let own = url.authority().is_some_and(|authority| authority.as_str() == self.registry.host);
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(MANIFEST));
            if let Some(authorization) = self.authorization.as_ref().filter(|_| own) {
                headers.insert(AUTHORIZATION, authorization.clone());
            }
            let answer = self.fetch(url.clone(), headers, most).await?;
            let moved = answer.headers.get(LOCATION).and_then(|place| place.to_str().ok());
            let Some(place) = moved.filter(|_| answer.status.is_redirection()) else {
                return Ok((answer, own));
            };
            url = match place.starts_with('/') {
                true => {
                    let scheme = url.scheme_str().unwrap_or("https");
                    let authority = url.authority().map_or("", |authority| authority.as_str());
                    self.url(&format!("{scheme}://{authority}{place}"))?
                }
                false => self.url(place)?,
            };
        }
        Err(PullError::Login { host: self.host(), reason: "it sends us from place to place".to_owned() })
    }

    /// Gets what the registry asks for.
    async fn log_in(&mut self, headers: &HeaderMap) -> Result<(), PullError> {
        let no =
            |reason: &str| PullError::Login { host: self.registry.host.clone(), reason: reason.to_owned() };
        let challenges = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let challenge = challenges.filter_map(Challenge::read).next();
        let pair = self.puller.settings.credentials.get(&self.registry.host);
        let basic = pair.map(|pair| format!("Basic {}", pair.expose_secret()));
        let header = match challenge.ok_or_else(|| no("it asks for something else than Basic or Bearer"))? {
            Challenge::Basic => basic.ok_or_else(|| no("it wants a password, and none is configured"))?,
            Challenge::Bearer { realm, service, scope } => {
                let url = self.url(&format!("{realm}?{}", query(service.as_deref(), scope.as_deref())))?;
                let secret =
                    basic.map(|basic| header_value(&basic)).transpose().map_err(|()| no("its password"))?;
                let headers = secret.into_iter().map(|secret| (AUTHORIZATION, secret)).collect();
                let answer = self.fetch(url, headers, MAX_TOKEN).await?;
                let token = token(&answer).ok_or_else(|| no("it gives no token"))?;
                format!("Bearer {token}")
            }
        };
        let value = header_value(&header).map_err(|()| no("its token is not one"))?;
        self.authorization = Some(value);
        Ok(())
    }

    /// Encrypted, unless the operator said that this registry is not.
    fn url(&self, text: &str) -> Result<Uri, PullError> {
        let url = text.parse::<Uri>().ok().filter(|url| {
            let plain = self.registry.plain && url.scheme_str() == Some("http");
            plain || url.scheme_str() == Some("https")
        });
        let reason = || format!("it points to {text:?}, which is not a URL that may be asked");
        url.ok_or_else(|| PullError::Login { host: self.host(), reason: reason() })
    }

    async fn fetch(&self, url: Uri, headers: HeaderMap, most: usize) -> Result<FetchResponse, PullError> {
        let host = url.authority().map(ToString::to_string).unwrap_or_default();
        // The operator named the registry, wherever it is; where that points to must be public.
        let named = host == self.registry.host || self.registry.plain;
        let allow = move |address: IpAddr| named || is_public(address);
        let request = FetchRequest {
            method: Method::GET,
            url,
            headers,
            body: Bytes::new(),
            timeout: TIME,
            max_response_bytes: most,
        };
        let fetched = self.puller.fetcher.fetch(request, allow).await;
        fetched.map_err(|source| PullError::Fetch { host, source })
    }
}

fn query(service: Option<&str>, scope: Option<&str>) -> String {
    let pairs = [("service", service), ("scope", scope)];
    let given = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish()
}

fn header_value(text: &str) -> Result<HeaderValue, ()> {
    let mut value = HeaderValue::from_str(text).map_err(|_| ())?;
    value.set_sensitive(true);
    Ok(value)
}

fn token(answer: &FetchResponse) -> Option<String> {
    let said: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
    let token = said.get("token").or_else(|| said.get("access_token"))?.as_str()?;
    (answer.status == StatusCode::OK).then(|| token.to_owned())
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
