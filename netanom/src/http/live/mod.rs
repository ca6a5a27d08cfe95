//! What happens now and happened of late, for the page and whoever asks: a bounded picture of the traffic.
//!
//! The sensor's thread hands over a [`Tick`] for each window and never waits: where the picture's own thread is behind, the
//! tick is left out and counted. HTTP reads the picture; neither can hold the sensor.

mod flows;
mod hosts;
mod picture;
mod series;
mod tick;
mod update;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::{Semaphore, broadcast};

pub(super) use flows::{FlowView, FlowsPage, FlowsQuery};
pub(super) use hosts::HostView;
pub(super) use picture::{Picture, Totals};
pub(super) use series::Slice;
pub use tick::Tick;
pub(super) use update::Update;

/// Ticks that wait for the picture's thread: a second of them, 0.5 MB each at most.
const WAITING: usize = 4;
/// Updates that a client may be behind: four seconds of them, about 60 KB each at most.
const BEHIND: usize = 16;
/// Clients of `/events` at a time.
const MOST_STREAMS: usize = 32;

/// A handle on the picture; clones share it.
#[derive(Clone, Debug)]
pub struct Live(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    picture: Mutex<Picture>,
    /// None when there will be no further news.
    news: Mutex<Option<broadcast::Sender<Arc<Update>>>>,
    streams: Arc<Semaphore>,
    missed: AtomicU64,
}

/// The sensor's end.
#[derive(Debug)]
pub struct Reporter {
    live: Live,
    ticks: SyncSender<Tick>,
}

impl Default for Live {
    fn default() -> Self {
        Self(Arc::new(Shared {
            picture: Mutex::default(),
            news: Mutex::new(Some(broadcast::channel(BEHIND).0)),
            streams: Arc::new(Semaphore::new(MOST_STREAMS)),
            missed: AtomicU64::new(0),
        }))
    }
}

impl Live {
    /// Starts the picture's thread, which ends when the sensor's end is dropped.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(&self) -> io::Result<Reporter> {
        let (ticks, received) = sync_channel(WAITING);
        let live = self.clone();
        thread::Builder::new()
            .name("live".to_owned())
            .spawn(move || live.follow(&received))?;
        Ok(Reporter {
            live: self.clone(),
            ticks,
        })
    }

    fn follow(&self, ticks: &Receiver<Tick>) {
        while let Ok(tick) = ticks.recv() {
            self.take_in(tick);
        }
        self.close();
    }

    /// Takes in what a window brought, and tells it to who listens.
    pub fn take_in(&self, tick: Tick) {
        let update = self.picture().take_in(tick);
        if let (Some(update), Some(news)) = (update, self.news().as_ref()) {
            // Nobody may be listening.
            let _ = news.send(Arc::new(update));
        }
    }

    /// The picture; it waits for no one but its own thread.
    pub fn picture(&self) -> MutexGuard<'_, Picture> {
        let picture = self.0.picture.lock();
        picture.unwrap_or_else(PoisonError::into_inner)
    }

    /// News from now on; `None` when there will be none.
    pub(super) fn listen(&self) -> Option<broadcast::Receiver<Arc<Update>>> {
        self.news().as_ref().map(broadcast::Sender::subscribe)
    }

    /// The places of those who listen.
    pub(super) fn streams(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0.streams)
    }

    /// Ends all streams of news.
    pub(super) fn close(&self) {
        self.news().take();
    }

    /// Windows that are not in the picture, as its thread was behind.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.0.missed.load(Ordering::Relaxed)
    }

    fn news(&self) -> MutexGuard<'_, Option<broadcast::Sender<Arc<Update>>>> {
        self.0.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reporter {
    /// Hands a tick over, or leaves it out. Never waits.
    pub fn report(&self, tick: Tick) {
        if let Err(TrySendError::Full(_)) = self.ticks.try_send(tick) {
            self.live.0.missed.fetch_add(1, Ordering::Relaxed);
        }
    }
}
