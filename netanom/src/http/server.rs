//! The accept loop, and the limits that keep one client from costing another: of connections, heads and waiting.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::stall::StallLimit;
use super::{HttpState, routes};

/// What a client may use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections at a time; further ones wait in the kernel's queue.
    pub(super) connections: usize,
    /// Bytes of a request's line and headers.
    pub(super) head_bytes: usize,
    /// Headers of a request.
    pub(super) headers: usize,
    /// Time for a complete head, and so also the time that a connection may be idle. Longer than a scrape interval.
    pub(super) head: Duration,
    /// Time to make an answer.
    pub(super) answer: Duration,
    /// Time in which a client that is sent an answer must take some of it.
    pub(super) stall: Duration,
    /// Time for open requests after the shutdown signal.
    pub(super) drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            head_bytes: 16 * 1024,
            headers: 64,
            head: Duration::from_secs(65),
            answer: Duration::from_secs(10),
            stall: Duration::from_secs(10),
            drain: Duration::from_secs(5),
        }
    }
}

/// See [`super::serve`].
pub(super) async fn serve(
    listener: TcpListener,
    state: HttpState,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let state = Arc::new(state);
    let places = Arc::new(Semaphore::new(limits.connections));
    let (stop, stopped) = watch::channel(());
    let mut open = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some((stream, place)) = next(&listener, &places) => {
                let connection = talk(stream, Arc::clone(&state), limits, stopped.clone());
                open.spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            Some(_) = open.join_next() => {}
        }
    }
    drop(listener);
    drop(stop);
    let drained = timeout(limits.drain, async {
        while open.join_next().await.is_some() {}
    })
    .await;
    if drained.is_err() {
        log::warn!(
            "closing {} HTTP connections whose clients did not finish in {:?}",
            open.len(),
            limits.drain
        );
    }
}

/// The next connection, once there is a place for it; `None` when it could not be taken.
async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            log::warn!("cannot take an HTTP connection: {error}");
            // Most often there is no file descriptor left, which does not change at once.
            sleep(Duration::from_millis(500)).await;
            None
        }
    }
}

/// Answers the requests of one connection until it closes, breaks a limit, or `stopped` comes between two requests.
async fn talk(
    stream: TcpStream,
    state: Arc<HttpState>,
    limits: Limits,
    mut stopped: watch::Receiver<()>,
) {
    let service = service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(routes::answer_within(limits.answer, &state, &request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_header_size(limits.head_bytes)
        .max_headers(limits.headers)
        .serve_connection(TokioIo::new(StallLimit::new(stream, limits.stall)), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        log::debug!("an HTTP connection broke: {error}");
    }
}
