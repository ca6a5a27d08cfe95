//! A connection that gives up on a client who lets it wait: for a request, for the rest of one, or to take the answer.
//!
//! hyper itself has one limit for the two former, and none for the last.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::places::{Client, Phase};

/// How long a client may let wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// From its first byte to the end of a request's head, and from connecting to the first byte.
    pub(super) head: Duration,
    /// From an answer to the next request.
    pub(super) idle: Duration,
    /// Until it takes some of the answer.
    pub(super) stall: Duration,
    /// Until it has taken all of the answer.
    pub(super) sending: Duration,
}

/// Fails with `TimedOut` when the client's time is over; one that only asks no more sees the connection end.
pub(super) struct Patient<T> {
    inner: T,
    client: Arc<Client>,
    patience: Patience,
    reading: Pin<Box<Sleep>>,
    writing: Pin<Box<Sleep>>,
    /// Since when a write waits for the client.
    stalled: Option<Instant>,
}

impl<T> Patient<T> {
    pub(super) fn new(inner: T, client: Arc<Client>, patience: Patience) -> Self {
        let now = Instant::now();
        Self {
            inner,
            client,
            patience,
            reading: Box::pin(sleep_until(now)),
            writing: Box::pin(sleep_until(now)),
            stalled: None,
        }
    }

    /// What becomes of a read that brought nothing.
    fn wait_for_request(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (until, ends_well) = match self.client.phase() {
            Phase::New(since) => (since + self.patience.head, true),
            Phase::Idle(since) => (since + self.patience.idle, true),
            Phase::Head(since) => (since + self.patience.head, false),
            Phase::Asked | Phase::Sending(_) | Phase::Streaming => return Poll::Pending,
        };
        self.reading.as_mut().reset(until);
        ready!(self.reading.as_mut().poll(cx));
        if ends_well {
            return Poll::Ready(Ok(()));
        }
        Poll::Ready(Err(timed_out(
            "did not finish its request",
            self.patience.head,
        )))
    }

    /// What becomes of a write that did `written`.
    fn limited<R>(
        &mut self,
        written: Poll<io::Result<R>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<R>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stalled = *self.stalled.get_or_insert_with(Instant::now);
        let mut until = stalled + self.patience.stall;
        if let Phase::Sending(since) = self.client.phase() {
            until = until.min(since + self.patience.sending);
        }
        self.writing.as_mut().reset(until);
        ready!(self.writing.as_mut().poll(cx));
        Poll::Ready(Err(timed_out(
            "did not take its answer",
            self.patience.stall,
        )))
    }
}

fn timed_out(what: &str, limit: Duration) -> io::Error {
    let message = format!("the client {what} in {limit:?}");
    io::Error::new(io::ErrorKind::TimedOut, message)
}

impl<T: AsyncRead + Unpin> AsyncRead for Patient<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buffer);
        if read.is_pending() {
            return self.wait_for_request(cx);
        }
        if buffer.filled().len() > before
            && let Phase::New(_) | Phase::Idle(_) = self.client.phase()
        {
            self.client.set_phase(Phase::Head(Instant::now()));
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Patient<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.limited(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.limited(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    /// hyper flushes when it has handed on all that it has to write: the answer is sent then.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        if flushed.is_ready()
            && let Phase::Sending(_) = self.client.phase()
        {
            self.client.set_phase(Phase::Idle(Instant::now()));
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
