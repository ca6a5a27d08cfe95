//! The accept loop, and the limits that keep one client from costing another: of connections, heads, waiting and memory.

use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use hyper::body::Frame;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, StatusCode, body::Incoming};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::budget::Budget;
use super::events::Streamed;
use super::host::Hosts;
use super::places::{Client, Phase, Places};
use super::reply::Reply;
use super::stream::{Patience, Patient};
use super::tls::Tls;
use super::{HttpState, reply, routes};

/// What a client may use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections at a time; for a further one the one that has waited longest for its client is closed.
    pub(super) connections: usize,
    /// Of those, kept for probes.
    pub(super) probes: usize,
    /// Bytes that the kernel keeps of what a client does not take; it reserves twice as much.
    pub(super) send_buffer: usize,
    /// Bytes of a request's line and headers.
    pub(super) head_bytes: usize,
    /// Headers of a request.
    pub(super) headers: usize,
    /// How long a client may let wait.
    pub(super) patience: Patience,
    /// Time to make an answer.
    pub(super) answer: Duration,
    /// Time for open requests after the shutdown signal.
    pub(super) drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            probes: 16,
            send_buffer: 64 * 1024,
            head_bytes: 16 * 1024,
            headers: 64,
            patience: Patience {
                head: Duration::from_secs(10),
                // Longer than a scrape interval.
                idle: Duration::from_secs(65),
                stall: Duration::from_secs(10),
                sending: Duration::from_secs(60),
            },
            answer: Duration::from_secs(10),
            drain: Duration::from_secs(5),
        }
    }
}

/// What all connections share.
struct Shared {
    tls: Option<Tls>,
    router: Router,
    hosts: Hosts,
    places: Places,
    limits: Limits,
}

/// See [`super::serve`].
pub(super) async fn serve(
    listener: TcpListener,
    state: HttpState,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    // Connections inherit it. Where the kernel refuses, it bounds them by its own settings.
    let _ = setsockopt(&listener, sockopt::SndBuf, &limits.send_buffer);
    let live = state.live.clone();
    let address = listener.local_addr().map(|address| address.ip());
    let shared = Arc::new(Shared {
        hosts: Hosts::new(
            address.unwrap_or(std::net::Ipv4Addr::LOCALHOST.into()),
            state.settings.clone(),
        ),
        tls: state.tls.clone(),
        router: routes::router(state, limits.answer, Budget::default()),
        places: Places::new(limits.connections, limits.probes),
        limits,
    });
    let (stop, stopped) = watch::channel(());
    let mut open = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            taken = listener.accept() => match taken {
                Ok((stream, _)) => {
                    if let Some(client) = shared.places.admit(Instant::now()) {
                        open.spawn(attend(stream, client, Arc::clone(&shared), stopped.clone()));
                    }
                }
                Err(error) => refused(&error).await,
            },
            Some(_) = open.join_next() => {}
        }
    }
    drop(listener);
    drop(stop);
    live.close();
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

/// Says why no connection could be taken, and lets some time pass when that will not change at once.
async fn refused(error: &io::Error) {
    match error.raw_os_error().map(Errno::from_raw) {
        // The client has gone, or a router said so (accept(2)): the next one is taken at once.
        Some(
            Errno::ECONNABORTED
            | Errno::EPROTO
            | Errno::EPERM
            | Errno::ENETDOWN
            | Errno::ENETUNREACH
            | Errno::EHOSTDOWN
            | Errno::EHOSTUNREACH,
        ) => {
            log::debug!("an HTTP connection broke before it was taken: {error}");
            return;
        }
        Some(Errno::EMFILE | Errno::ENFILE) => log::warn!(
            "cannot take an HTTP connection: no file can be opened any more ({error}); raise the limit, as with \
             `LimitNOFILE=65536` of the service that netanom runs in"
        ),
        _ => log::warn!("cannot take an HTTP connection: {error}"),
    }
    sleep(Duration::from_millis(500)).await;
}

/// Talks with a client until the connection ends or its place is wanted.
async fn attend(
    stream: TcpStream,
    client: Arc<Client>,
    shared: Arc<Shared>,
    stopped: watch::Receiver<()>,
) {
    let place = Place { client, shared };
    let (client, shared) = (Arc::clone(&place.client), Arc::clone(&place.shared));
    tokio::select! {
        () = talk(stream, client, shared, stopped) => {}
        () = place.client.dismissed.notified() => {}
    }
}

/// Dropping it makes room for another one, also after a panic.
struct Place {
    client: Arc<Client>,
    shared: Arc<Shared>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.places.leave(&self.client);
    }
}

/// Makes the connection a safe one where that is asked for, and answers its requests.
async fn talk(
    stream: TcpStream,
    client: Arc<Client>,
    shared: Arc<Shared>,
    stopped: watch::Receiver<()>,
) {
    let stream = Patient::new(stream, Arc::clone(&client), shared.limits.patience);
    let Some(tls) = shared.tls.clone() else {
        return converse(stream, client, shared, stopped).await;
    };
    // What goes to and fro before the first request counts as its head.
    match tls.accept(stream).await {
        Ok(stream) => converse(stream, client, shared, stopped).await,
        Err(error) => log::debug!("an HTTPS connection broke before its first request: {error}"),
    }
}

/// Answers the requests of one connection until it closes, breaks a limit, or `stopped` comes between two requests.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    client: Arc<Client>,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<()>,
) {
    let limits = shared.limits;
    let service = service_fn(move |request| {
        let (shared, client) = (Arc::clone(&shared), Arc::clone(&client));
        async move {
            client.set_phase(Phase::Asked);
            let mut answer = answer(&shared, &client, request).await;
            match answer.extensions_mut().remove::<Streamed>() {
                Some(_) => {
                    client.set_phase(Phase::Streaming);
                    let client = Arc::clone(&client);
                    answer = answer.map(|body| Body::new(Streaming { body, client }));
                }
                None => client.set_phase(Phase::Sending(Instant::now())),
            }
            Ok::<_, Infallible>(answer)
        }
    });
    // Without a timer hyper has no limits of time, which are the stream's.
    let connection = http1::Builder::new()
        .max_header_size(limits.head_bytes)
        .max_headers(limits.headers)
        .serve_connection(TokioIo::new(stream), service);
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

/// A body without an end in sight; when it ends, its connection waits for the next request.
struct Streaming {
    body: Body,
    client: Arc<Client>,
}

impl Drop for Streaming {
    fn drop(&mut self) {
        self.client.set_phase(Phase::Idle(Instant::now()));
    }
}

impl hyper::body::Body for Streaming {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }
}

async fn answer(shared: &Shared, client: &Client, request: Request<Incoming>) -> Reply {
    if let Some(refusal) = shared.hosts.refusal(&request) {
        return refusal;
    }
    if client.is_probe && !routes::is_probe(&request) {
        return reply::error(
            StatusCode::SERVICE_UNAVAILABLE,
            "every connection but those for /livez and /readyz is busy; try again later",
        );
    }
    let answered = TowerToHyperService::new(shared.router.clone()).call(request);
    match answered.await {
        Ok(reply) => reply,
        Err(never) => match never {},
    }
}
