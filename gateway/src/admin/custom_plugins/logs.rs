//! GET /custom-plugins/{plugin}/logs: what a plugin logged on this node lately, as JSON lines.
//!
//! With `follow` the answer goes on until the reader leaves or the node drains. Readers look for new lines
//! on a timer: a plugin that logs knows nothing of them. Deliberately not here: other nodes.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use http_body::Frame;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Interval;

use super::{find, upload};
use crate::admin::call::Call;
use crate::admin::error::ApiError;
use crate::admin::state::AdminState;
use crate::plugin_host::RecentLog;

/// How often a reader that follows looks for new lines.
const LOOK: Duration = Duration::from_millis(200);

pub(in crate::admin) async fn stream_logs(call: Call<'_>) -> Result<Response, ApiError> {
    let (state, text) = (call.state, call.parameter(0)?);
    let plugin = match find(state, text).await? {
        Some(found) => found.plugin.name,
        None if state.bundled.contains_key(text) => text.to_owned(),
        None => return Err(ApiError::NotFound),
    };
    let following = match upload::flag("follow", call.query.get("follow"))? {
        Some(true) => Some(Following::begin(state)?),
        Some(false) | None => None,
    };
    let lines = Lines { state: state.clone(), plugin, log: None, after: 0, following };
    let mut response = Response::new(Body::new(lines));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    Ok(response)
}

/// One reader that goes on.
struct Following {
    look: Interval,
    _place: OwnedSemaphorePermit,
}

impl Following {
    fn begin(state: &AdminState) -> Result<Self, ApiError> {
        let place = Arc::clone(&state.followers).try_acquire_owned();
        let full = |_| {
            ApiError::message(StatusCode::TOO_MANY_REQUESTS, "too many others follow logs; try again later")
        };
        Ok(Self { look: tokio::time::interval(LOOK), _place: place.map_err(full)? })
    }
}

/// The lines as a body.
struct Lines {
    state: AdminState,
    plugin: String,
    /// None as long as the plugin was never assigned here.
    log: Option<Arc<RecentLog>>,
    /// Number of the last line that was sent.
    after: u64,
    following: Option<Following>,
}

impl Lines {
    /// What there is to send now, as JSON lines.
    fn next(&mut self) -> String {
        if self.log.is_none() {
            self.log = self.state.components.recent_log(&self.plugin);
        }
        let mut text = String::new();
        let lines = self.log.as_ref().map(|log| log.after(self.after)).unwrap_or_default();
        for line in lines {
            self.after = line.number;
            text.extend(serde_json::to_string(&*line));
            text.push('\n');
        }
        text
    }
}

impl http_body::Body for Lines {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        loop {
            let Some(following) = &mut this.following else {
                let text = this.next();
                return Poll::Ready((!text.is_empty()).then(|| Ok(Frame::data(text.into()))));
            };
            ready!(following.look.poll_tick(context));
            if this.state.followers.is_closed() {
                return Poll::Ready(None);
            }
            let text = this.next();
            if !text.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(text.into()))));
            }
        }
    }
}
