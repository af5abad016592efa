//! What a client is still sending when it has its answer.
//!
//! A connection that is closed over unread bytes is reset, and then the client may never see why it
//! was refused. So the rest of a body is read and thrown away, within bounds, beside the answer.
//! A client that asks first (`Expect: 100-continue`) is not told to go on.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;

use crate::task;

/// Bytes that are thrown away at most: a slip of the pen, not a disk image.
const MOST_BYTES: u64 = 128 << 20;
/// How long that may take.
const MOST_TIME: Duration = Duration::from_secs(30);

/// A body whose rest is read when it is dropped.
struct Watched {
    body: Body,
    /// The client sends without being asked to.
    is_coming: bool,
}

/// Watches the body of a request with these headers.
pub(super) fn watch(body: Body, headers: &HeaderMap) -> Body {
    if body.is_end_stream() {
        return body;
    }
    Body::new(Watched { body, is_coming: !headers.contains_key(header::EXPECT) })
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        // hyper tells a client that asks to go on when its body is first wanted.
        self.is_coming = true;
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let is_over = self.body.is_end_stream() || !self.is_coming;
        if is_over || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let rest = std::mem::take(&mut self.body);
        drop(task::spawn("rest of an admin request", tokio::time::timeout(MOST_TIME, throw_away(rest))));
    }
}

async fn throw_away(mut body: Body) {
    let mut left = MOST_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
        let Some(rest) = left.checked_sub(bytes) else { return };
        left = rest;
    }
}
