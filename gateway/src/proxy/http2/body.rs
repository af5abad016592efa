//! A response on its way into one stream.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http::header::{self, HeaderMap};
use http_body::{Body, Frame, SizeHint};

use crate::proxy::connection::Client;
use crate::proxy::{BodyError, ResponseBody};

/// Fields that belong to one connection of HTTP/1 (RFC 9113 section 8.2.2).
const OF_CONNECTIONS: [&str; 5] =
    ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

/// A response body. From one piece to the next the client has its time; a piece is asked for when there is
/// room for it.
pub(super) struct StreamBody {
    body: ResponseBody,
    client: Rc<Client>,
}

impl StreamBody {
    /// The response as a stream can carry it.
    pub(super) fn wrap(response: Response<ResponseBody>, client: Rc<Client>) -> Response<Self> {
        let mut response = response.map(|body| Self { body, client });
        clean(response.headers_mut());
        response.body().waits_for_client();
        response
    }

    fn waits_for_client(&self) {
        self.client.deadline.unstall();
        self.client.deadline.stall(self.client.worker.settings.client_send_timeout);
    }
}

/// Takes out what no message over HTTP/2 may have.
fn clean(fields: &mut HeaderMap) {
    for name in OF_CONNECTIONS {
        fields.remove(name);
    }
    fields.remove(header::TE);
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match polled {
            Poll::Pending => {
                self.client.deadline.unstall();
                Poll::Pending
            }
            Poll::Ready(Some(Ok(mut frame))) => {
                self.waits_for_client();
                if let Some(trailers) = frame.trailers_mut() {
                    clean(trailers);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(ended) => {
                self.client.deadline.unstall();
                Poll::Ready(ended)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
