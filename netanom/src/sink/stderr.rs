//! The log's way to standard error: through a bounded queue, once a thread of its own writes it.
//!
//! Whoever reads the log may stop reading: journald or Docker under load, a terminal after Ctrl-S, a pipe to a program
//! that hangs. A write then waits, and with it would detection, HTTP and the end of the program. So lines wait in the
//! queue, and those that find no room are dropped, counted, and told of when somebody reads again.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Bytes that wait at most: a few thousand lines.
const ROOM: usize = 256 * 1024;

static LOG: Queue = Queue::new();

/// Takes what the logger writes, a line at a time.
#[must_use]
pub fn writer() -> Box<dyn Write + Send> {
    Box::new(Lines)
}

/// Says something on standard error, as the log does.
pub fn say(text: &str) {
    LOG.push(format!("{text}\n").as_bytes());
}

/// From now on lines are written by a thread of its own.
///
/// # Errors
/// When it cannot be started.
pub fn start() -> io::Result<()> {
    thread::Builder::new()
        .name("log".to_owned())
        .spawn(|| LOG.write_to(&mut io::stderr()))?;
    LOG.state().is_started = true;
    Ok(())
}

/// Lines that were dropped so far.
#[must_use]
pub fn dropped() -> u64 {
    LOG.state().dropped
}

/// Waits until all is written, no longer than `limit`.
pub fn finish(limit: Duration) {
    LOG.finish(limit);
}

struct Lines;

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        LOG.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    lines: VecDeque<Vec<u8>>,
    /// Of what waits and of what is being written.
    bytes: usize,
    dropped: u64,
    /// Of those, how many nobody was told of.
    untold: u64,
    is_started: bool,
}

impl Queue {
    const fn new() -> Self {
        Self {
            state: Mutex::new(State {
                lines: VecDeque::new(),
                bytes: 0,
                dropped: 0,
                untold: 0,
                is_started: false,
            }),
            changed: Condvar::new(),
        }
    }

    fn push(&self, line: &[u8]) {
        let mut state = self.state();
        if !state.is_started {
            drop(state);
            // Nobody can be told that standard error is closed.
            let _ = io::stderr().write_all(line);
            return;
        }
        if state.bytes + line.len() > ROOM {
            state.dropped += 1;
            state.untold += 1;
            return;
        }
        state.bytes += line.len();
        state.lines.push_back(line.to_vec());
        drop(state);
        self.changed.notify_all();
    }

    /// Writes what comes, for ever.
    fn write_to(&self, out: &mut impl Write) {
        loop {
            let line = self.next();
            let _ = out.write_all(&line);
            self.state().bytes -= line.len();
            self.changed.notify_all();
        }
    }

    /// The next line, once there is one. How many were dropped is told where they would have stood.
    fn next(&self) -> Vec<u8> {
        let state = self.state();
        let is_idle = |state: &mut State| state.lines.is_empty() && state.untold == 0;
        let mut state = self
            .changed
            .wait_while(state, is_idle)
            .unwrap_or_else(PoisonError::into_inner);
        state.lines.pop_front().unwrap_or_else(|| {
            let untold = std::mem::take(&mut state.untold);
            let line = format!("{untold} lines of the log were dropped, as nobody read it\n");
            state.bytes += line.len();
            line.into_bytes()
        })
    }

    fn finish(&self, limit: Duration) {
        let state = self.state();
        let is_busy = |state: &mut State| state.is_started && (state.bytes > 0 || state.untold > 0);
        drop(self.changed.wait_timeout_while(state, limit, is_busy));
    }

    /// The state stays whole when a holder panics: each change is one step.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    /// Takes a write only when the test does.
    struct Reader(SyncSender<Vec<u8>>);

    impl Write for Reader {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.send(line.to_vec()).map_err(io::Error::other)?;
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn started() -> (Arc<Queue>, Receiver<Vec<u8>>) {
        let queue = Arc::new(Queue::new());
        queue.state().is_started = true;
        let (reader, read) = sync_channel(0);
        let writing = Arc::clone(&queue);
        thread::spawn(move || writing.write_to(&mut Reader(reader)));
        (queue, read)
    }

    #[test]
    fn lines_come_in_order() {
        let (queue, read) = started();
        queue.push(b"one\n");
        queue.push(b"two\n");
        assert_eq!(read.recv().unwrap(), b"one\n");
        assert_eq!(read.recv().unwrap(), b"two\n");
        queue.finish(Duration::from_secs(20));
        assert_eq!(queue.state().bytes, 0);
    }

    #[test]
    fn nobody_waits_for_a_reader_that_does_not_read_and_what_is_dropped_is_told() {
        let (queue, read) = started();
        let line = [b'x'; 1024];
        for _ in 0..ROOM / line.len() + 7 {
            queue.push(&line);
        }
        assert_eq!(queue.state().dropped, 7);
        queue.finish(Duration::ZERO);
        for _ in 0..ROOM / line.len() {
            assert_eq!(read.recv().unwrap(), line);
        }
        let told = String::from_utf8(read.recv().unwrap()).unwrap();
        assert_eq!(told, "7 lines of the log were dropped, as nobody read it\n");
        queue.push(b"on\n");
        assert_eq!(read.recv().unwrap(), b"on\n");
    }
}
