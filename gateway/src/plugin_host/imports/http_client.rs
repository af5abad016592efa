//! `http-client`: requests to hosts that were granted. The guest is suspended meanwhile.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use wasmtime::component::Linker;
use wasmtime::{Result, StoreContextMut};

use crate::plugin_host::assignment::HttpGrant;
pub(crate) use crate::plugin_host::bindings::weir::plugin::http_client::HttpError;
use crate::plugin_host::bindings::weir::plugin::http_client::{Request, Response};
use crate::plugin_host::bindings::weir::plugin::types::Header;
use crate::plugin_host::guest::CallState;
use crate::plugin_host::{OutboundError, OutboundRequest, OutboundResponse};

const INTERFACE: &str = "weir:plugin/http-client@0.1.0";
/// Requests of one `send-all`.
const MAX_AT_ONCE: usize = 16;
/// Longest time that a guest can ask for.
const MAX_TIMEOUT: Duration = Duration::from_secs(120);

/// What a guest asks for, in the form of the gateway.
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) url: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) timeout: Duration,
    pub(crate) max_response_bytes: usize,
}

type One = std::result::Result<Response, HttpError>;

pub(super) fn link_denied(linker: &mut Linker<CallState>) -> Result<()> {
    let mut instance = linker.instance(INTERFACE)?;
    instance.func_wrap("send", |_: StoreContextMut<'_, CallState>, _: (Request,)| -> Result<(One,)> {
        Ok((Err(HttpError::Denied),))
    })?;
    instance.func_wrap(
        "send-all",
        |_: StoreContextMut<'_, CallState>, (all,): (Vec<Request>,)| -> Result<(Vec<One>,)> {
            Ok((all.iter().map(|_| Err(HttpError::Denied)).collect(),))
        },
    )
}

pub(super) fn link(linker: &mut Linker<CallState>) -> Result<()> {
    let mut instance = linker.instance(INTERFACE)?;
    instance.func_wrap_async("send", |context, (request,): (Request,)| {
        Box::new(async move {
            let mut answers = send_all(context, vec![request]).await?;
            Ok((answers.pop().unwrap_or(Err(HttpError::Protocol)),))
        })
    })?;
    instance.func_wrap_async("send-all", |context, (all,): (Vec<Request>,)| {
        Box::new(async move { Ok((send_all(context, all).await?,)) })
    })
}

async fn send_all(mut context: StoreContextMut<'_, CallState>, all: Vec<Request>) -> Result<Vec<One>> {
    let state = context.data_mut();
    if all.len() > MAX_AT_ONCE {
        return Ok(all.iter().map(|_| Err(HttpError::Budget)).collect());
    }
    for _ in &all {
        state.charge()?;
    }
    let outbound = Arc::clone(&state.core.services.deps.outbound);
    let cancel = Arc::clone(&state.cancel);
    let mut running = Vec::with_capacity(all.len());
    for request in all {
        let checked = checked(state, request);
        let outbound = Arc::clone(&outbound);
        running.push(async move {
            let answer = outbound.send(checked?).await.map_err(refused)?;
            Ok(response(answer))
        });
    }
    let answers = tokio::select! {
        answers = gather(running) => answers,
        () = cancel.wait() => return Err(wasmtime::Error::msg("the call was cancelled")),
    };
    state.waited = 1;
    let received: u64 = answers.iter().flatten().map(|answer| answer.body.len() as u64).sum();
    state.outbound = state.outbound.saturating_sub(received);
    Ok(answers)
}

/// Runs `all` side by side, and gives the answers in their order.
async fn gather<F: Future<Output = One>>(all: Vec<F>) -> Vec<One> {
    let mut running: Vec<_> = all.into_iter().map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(|context| {
        let mut waiting = false;
        for (one, answer) in &mut running {
            if answer.is_none() {
                match one.as_mut().poll(context) {
                    std::task::Poll::Ready(done) => *answer = Some(done),
                    std::task::Poll::Pending => waiting = true,
                }
            }
        }
        if waiting { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    running.into_iter().map(|(_, answer)| answer.unwrap_or(Err(HttpError::Protocol))).collect()
}

fn checked(state: &mut CallState, request: Request) -> std::result::Result<OutboundRequest, HttpError> {
    let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| HttpError::Protocol)?;
    let mut headers = HeaderMap::with_capacity(request.headers.len());
    for Header { name, value } in request.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| HttpError::Protocol)?;
        headers.append(name, HeaderValue::from_bytes(&value).map_err(|_| HttpError::Protocol)?);
    }
    let asked = Asked {
        method,
        url: request.url.parse().map_err(|_| HttpError::Protocol)?,
        headers,
        body: request.body.into(),
        timeout: Duration::from_millis(request.timeout_ms.into()),
        max_response_bytes: usize::try_from(request.max_response_bytes).unwrap_or_default(),
    };
    let grant = state.core.grants.http.as_ref().ok_or(HttpError::Denied)?;
    admit(grant, &mut state.outbound, asked)
}

/// Checks a request against a grant, and takes what it sends from `left`, the bytes that its call may still
/// send out and get back.
///
/// # Errors
///
/// [`HttpError::Denied`] for what is not granted, [`HttpError::Budget`] for too much of it.
pub(crate) fn admit(
    grant: &HttpGrant,
    left: &mut u64,
    asked: Asked,
) -> std::result::Result<OutboundRequest, HttpError> {
    let Asked { method, url, mut headers, body, timeout, max_response_bytes } = asked;
    let port = match (url.scheme_str(), url.port_u16()) {
        (Some("http" | "https"), Some(port)) => port,
        (Some("http"), None) => 80,
        (Some("https"), None) => 443,
        _ => return Err(HttpError::Denied),
    };
    let authority = url.authority().ok_or(HttpError::Denied)?;
    if authority.as_str().contains('@') {
        return Err(HttpError::Denied);
    }
    let allow = grant.check(authority.host(), port).ok_or(HttpError::Denied)?;
    if !grant.allows(&method) {
        return Err(HttpError::Denied);
    }
    let permit = Arc::clone(&grant.in_flight).try_acquire_owned().map_err(|_| HttpError::Budget)?;
    for framing in [HOST, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION, UPGRADE] {
        headers.remove(framing);
    }
    let url = url.to_string();
    let sent = url.len() as u64 + body.len() as u64;
    *left = left.checked_sub(sent).ok_or(HttpError::Budget)?;
    let room = usize::try_from(*left).unwrap_or(usize::MAX);
    Ok(OutboundRequest {
        method,
        url,
        headers,
        body,
        timeout: timeout.clamp(Duration::from_millis(1), MAX_TIMEOUT),
        max_response_bytes: max_response_bytes.min(grant.max_response_bytes).min(room),
        // The request goes on when its caller leaves: it counts for as long as somebody may ask this.
        allow: Arc::new(move |address| {
            let _counts = &permit;
            allow(address)
        }),
    })
}

fn response(answer: OutboundResponse) -> Response {
    let header = |(name, value): (&HeaderName, &HeaderValue)| Header {
        name: name.as_str().to_owned(),
        value: value.as_bytes().to_owned(),
    };
    Response {
        status: answer.status,
        headers: answer.headers.iter().map(header).collect(),
        body: answer.body.into(),
    }
}

/// In the words of the contract.
pub(crate) fn refused(error: OutboundError) -> HttpError {
    match error {
        OutboundError::Denied => HttpError::Denied,
        OutboundError::Dns => HttpError::Dns,
        OutboundError::Connect => HttpError::Connect,
        OutboundError::Tls => HttpError::Tls,
        OutboundError::Timeout => HttpError::Timeout,
        OutboundError::TooLarge => HttpError::TooLarge,
        OutboundError::Protocol => HttpError::Protocol,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plugin_host::tests::Fixture;
    use crate::plugin_host::tests::capabilities::state;

    fn request(method: &str, url: &str, headers: &[(&str, &str)]) -> Request {
        let header =
            |(name, value): &(&str, &str)| Header { name: (*name).into(), value: value.as_bytes().into() };
        Request {
            method: method.into(),
            url: url.into(),
            headers: headers.iter().map(header).collect(),
            body: Vec::new(),
            timeout_ms: 1000,
            max_response_bytes: u32::MAX,
        }
    }

    #[tokio::test]
    async fn only_what_is_granted_goes_out() {
        let fixture = Fixture::new();
        let grant = json!({"http-client": {"hosts": ["example.com:80"], "methods": ["GET"]}});
        let mut state = state(&fixture, &grant).await;
        for (case, asked, want) in [
            ("another host", request("GET", "http://example.org/", &[]), HttpError::Denied),
            ("another port", request("GET", "http://example.com:81/", &[]), HttpError::Denied),
            ("another scheme", request("GET", "ftp://example.com/", &[]), HttpError::Denied),
            ("another method", request("POST", "http://example.com/", &[]), HttpError::Denied),
            ("userinfo", request("GET", "http://example.com@10.0.0.1/", &[]), HttpError::Denied),
            ("userinfo of its own", request("GET", "http://a:b@example.com/", &[]), HttpError::Denied),
            (
                "a split header",
                request("GET", "http://example.com/", &[("a", "b\r\nc: d")]),
                HttpError::Protocol,
            ),
            ("a split name", request("GET", "http://example.com/", &[("a\r\nb", "c")]), HttpError::Protocol),
            (
                "a split path",
                request("GET", "http://example.com/ HTTP/1.1\r\na: b", &[]),
                HttpError::Protocol,
            ),
            (
                "a split method",
                request("GET / HTTP/1.1\r\n", "http://example.com/", &[]),
                HttpError::Protocol,
            ),
        ] {
            let refused = checked(&mut state, asked).err();
            assert_eq!(refused.map(|error| format!("{error:?}")), Some(format!("{want:?}")), "{case}");
        }
        let framing =
            [("Host", "x"), ("content-length", "9"), ("Transfer-Encoding", "chunked"), ("x-a", "b")];
        let sent = checked(&mut state, request("GET", "http://example.com/", &framing)).ok().unwrap();
        assert_eq!(sent.headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-a"]);
        assert_eq!(sent.max_response_bytes, 4 << 20);
    }

    #[tokio::test]
    async fn requests_under_way_are_bounded() {
        let fixture = Fixture::new();
        let grant = json!({"http-client": {"hosts": ["example.com"], "max_in_flight": 2}});
        let mut state = state(&fixture, &grant).await;
        let mut ask = || checked(&mut state, request("GET", "http://example.com/", &[]));
        let (one, two) = (ask().ok().unwrap(), ask().ok().unwrap());
        assert!(matches!(ask(), Err(HttpError::Budget)), "two are under way");
        drop(one);
        let again = ask().ok().unwrap();
        assert!(matches!(ask(), Err(HttpError::Budget)), "two again");
        drop((two, again));
    }
}
