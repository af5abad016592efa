//! Sends the body of a request as the other side makes room for it.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::{Reason, SendStream};
use http_body::Body;

use crate::client::ExchangeError;
use crate::client::unsent::Taken;

/// The body of a request on its way out. Of what is read of it one piece waits at most.
pub(super) struct Upload<B> {
    body: B,
    stream: SendStream<Bytes>,
}

/// What became of it.
pub(super) enum Sent {
    /// There is more to send.
    Waits,
    /// All of it is on its way, or the other side wants no more of it.
    Over,
}

impl<B> Upload<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    pub(super) fn new(body: B, stream: SendStream<Bytes>) -> Self {
        Self { body, stream }
    }

    /// The body, of which something may have been read.
    pub(super) fn into_body(self) -> B {
        self.body
    }

    /// Sends what can be sent. `taken` keeps what was read of the body, as far as it has room.
    ///
    /// # Errors
    ///
    /// [`ExchangeError::RequestBody`]; the stream is reset then. What is wrong with the stream is left for the
    /// response to say.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, taken: &mut Taken) -> Result<Sent, ExchangeError> {
        loop {
            match self.poll_room(cx) {
                Poll::Pending => return Ok(Sent::Waits),
                Poll::Ready(false) => return Ok(Sent::Over),
                Poll::Ready(true) => {}
            }
            let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else { return Ok(Sent::Waits) };
            let sent = match frame.transpose() {
                Err(error) => {
                    self.stream.send_reset(Reason::CANCEL);
                    return Err(ExchangeError::RequestBody(error.into()));
                }
                Ok(None) => self.stream.send_data(Bytes::new(), true).map(|()| true),
                Ok(Some(frame)) => match frame.into_data() {
                    Ok(data) => {
                        taken.data(&data);
                        let last = self.body.is_end_stream();
                        self.stream.send_data(data, last).map(|()| last)
                    }
                    Err(frame) => {
                        let trailers = frame.into_trailers().unwrap_or_default();
                        taken.trailers(&trailers);
                        self.stream.send_trailers(trailers).map(|()| true)
                    }
                },
            };
            if sent.unwrap_or(true) {
                return Ok(Sent::Over);
            }
        }
    }

    /// Waits for room, so that the body is not read faster than it goes out; false if nothing more is wanted.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        self.stream.reserve_capacity(1);
        while self.stream.capacity() == 0 {
            match self.stream.poll_capacity(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(false),
            }
        }
        // Whoever waits for the body must hear of a reset.
        Poll::Ready(self.stream.poll_reset(cx).is_pending())
    }
}
