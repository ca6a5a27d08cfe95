//! How many bytes of answers may be on their way to clients that do not take them.
//!
//! An answer is whole in memory until the kernel has it. What is small is bounded by the number of connections; what is
//! not takes its size from a budget until it is sent.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body as Whole;
use bytes::Bytes;
use hyper::StatusCode;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::reply::{self, Reply};

/// Bytes of large answers at a time.
pub(super) const ROOM: usize = 8 * 1024 * 1024;
/// An answer up to this size is free: the page of all metrics is smaller.
pub(super) const FREE: usize = 128 * 1024;

/// Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Budget(Arc<Semaphore>);

impl Default for Budget {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM)))
    }
}

impl Budget {
    /// The answer, held in memory at the budget's cost; or that there is no room for it. A stream has bounds of its own.
    pub(super) fn hold(&self, reply: Reply) -> Reply {
        let length = reply.body().size_hint().exact().unwrap_or_default();
        if length <= FREE as u64 {
            return reply;
        }
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        match Arc::clone(&self.0).try_acquire_many_owned(length) {
            Ok(permit) => reply.map(|body| {
                Whole::new(Held {
                    body,
                    permit: Some(permit),
                })
            }),
            Err(_) => reply::error(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many large answers are on their way to clients that do not take them; try again later, or ask for \
                 less",
            ),
        }
    }
}

/// The body of a large answer.
struct Held {
    body: Whole,
    permit: Option<OwnedSemaphorePermit>,
}

impl Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        // The body is gone before its bytes are, so these keep the permit: it gives all of them in one frame.
        let permit = self.permit.take();
        frame.map_ok(|frame| {
            frame.map_data(|bytes| match permit {
                Some(permit) => Bytes::from_owner(Paid {
                    bytes,
                    _permit: permit,
                }),
                None => bytes,
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

struct Paid {
    bytes: Bytes,
    _permit: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Paid {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn large() -> Reply {
        reply::text("text/plain", "x".repeat(ROOM / 2))
    }

    fn data(mut held: Reply) -> Bytes {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        match Pin::new(held.body_mut()).poll_frame(&mut cx) {
            Poll::Ready(Some(Ok(frame))) => frame.into_data().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_large_waits_for_no_room_and_what_is_small_needs_none() {
        let budget = Budget::default();
        let (first, second) = (budget.hold(large()), budget.hold(large()));
        assert_eq!(
            (first.status(), second.status()),
            (StatusCode::OK, StatusCode::OK)
        );
        assert_eq!(budget.hold(large()).status(), 503);
        let small = reply::text("text/plain", "x".repeat(FREE));
        assert_eq!(budget.hold(small).status(), 200);
        drop(first);
        assert_eq!(budget.hold(large()).status(), 200);
    }

    #[test]
    fn the_room_is_taken_until_the_bytes_are_sent() {
        let budget = Budget::default();
        let (first, second) = (data(budget.hold(large())), data(budget.hold(large())));
        assert_eq!(first.len(), ROOM / 2);
        assert_eq!(budget.hold(large()).status(), 503);
        drop(second);
        assert_eq!(budget.hold(large()).status(), 200);
    }
}
