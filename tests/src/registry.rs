//! A small OCI registry on a real socket: what `wkg` pushed, for whoever proves who they are.

use std::collections::HashMap;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use serde_json::json;

use crate::{Seen, Upstream};

/// What a registry wants of its callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Anyone,
    /// `user:password`, in base64, with each request.
    Basic(&'static str),
    /// A token that it gives out for that pair.
    Bearer(&'static str),
}

type Blobs = Arc<Mutex<HashMap<String, Bytes>>>;

/// A running registry; stops when dropped.
pub struct Registry {
    server: Upstream,
    blobs: Blobs,
}

/// The one token there is.
const TOKEN: &str = "t0ken";

impl Registry {
    /// Starts an empty registry.
    ///
    /// # Errors
    ///
    /// If no port can be bound.
    pub async fn start(access: Access) -> anyhow::Result<Self> {
        let blobs = Blobs::default();
        let served = Arc::clone(&blobs);
        let server = Upstream::start(move |seen| serve(seen, access, &served)).await?;
        Ok(Self { server, blobs })
    }

    /// `host:port`.
    pub fn host(&self) -> String {
        self.server.address().to_string()
    }

    /// Requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.server.seen()
    }

    /// Keeps a component as `wkg` would; gives the reference to it by digest.
    ///
    /// # Errors
    ///
    /// If the digest cannot be computed.
    pub fn push(&self, repository: &str, component: &[u8]) -> anyhow::Result<String> {
        self.push_as(repository, component, "application/vnd.wasm.config.v0+json")
    }

    /// The same under another media type of the configuration.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn push_as(&self, repository: &str, component: &[u8], media: &str) -> anyhow::Result<String> {
        let layer = format!("sha256:{}", sha256(component)?);
        let config = json!({ "architecture": "wasm", "os": "wasip2", "layerDigests": [layer] }).to_string();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": media, "size": config.len(), "digest": format!("sha256:{}", sha256(config.as_bytes())?),
            },
            "layers": [{ "mediaType": "application/wasm", "digest": layer, "size": component.len() }],
        })
        .to_string();
        let digest = format!("sha256:{}", sha256(manifest.as_bytes())?);
        let mut blobs = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        blobs.insert(format!("/v2/{repository}/blobs/{layer}"), Bytes::copy_from_slice(component));
        blobs.insert(format!("/v2/{repository}/manifests/{digest}"), Bytes::from(manifest));
        Ok(format!("{}/{repository}@{digest}", self.host()))
    }

    /// Puts other bytes in the place of every component, as a registry that lies would.
    pub fn swap_components(&self, with: &[u8]) {
        let mut blobs = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        for (path, bytes) in blobs.iter_mut() {
            if path.contains("/blobs/") {
                *bytes = Bytes::copy_from_slice(with);
            }
        }
    }
}

fn serve(seen: &Seen, access: Access, blobs: &Blobs) -> Response<Full<Bytes>> {
    let header =
        |name: &str| seen.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (path, query) = seen.target.split_once('?').unwrap_or((&seen.target, ""));
    let host = header("host");
    let (known, challenge) = match access {
        Access::Anyone => (true, String::new()),
        Access::Basic(pair) => {
            (header("authorization") == format!("Basic {pair}"), "Basic realm=\"test\"".to_owned())
        }
        Access::Bearer(pair) if path == "/token" => {
            let knows = header("authorization") == format!("Basic {pair}") && query.contains("service=test");
            let body = if knows { json!({ "token": TOKEN }).to_string() } else { "{}".to_owned() };
            return answer(if knows { StatusCode::OK } else { StatusCode::UNAUTHORIZED }, body.into());
        }
        Access::Bearer(_) => (
            header("authorization") == format!("Bearer {TOKEN}"),
            format!("Bearer realm=\"http://{host}/token\",service=\"test\",scope=\"repository:team/p:pull\""),
        ),
    };
    if !known {
        let mut refused = answer(StatusCode::UNAUTHORIZED, Bytes::new());
        if let Ok(challenge) = challenge.parse() {
            refused.headers_mut().insert("www-authenticate", challenge);
        }
        return refused;
    }
    match blobs.lock().unwrap_or_else(PoisonError::into_inner).get(path) {
        Some(bytes) => answer(StatusCode::OK, bytes.clone()),
        None => answer(StatusCode::NOT_FOUND, Bytes::new()),
    }
}

fn answer(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response
}

/// By the tool of the system, so that the gateway is not checked with its own.
fn sha256(bytes: &[u8]) -> anyhow::Result<String> {
    let mut file = tempfile::NamedTempFile::new()?;
    std::io::Write::write_all(&mut file, bytes)?;
    let output = Command::new("sha256sum").arg(file.path()).stderr(Stdio::null()).output()?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text.split_whitespace().next().context("sha256sum says nothing")?.to_owned())
}
