//! Reads windows on a thread of its own, while those before are judged: a capture is done in the time of the slower.
//!
//! Windows arrive whole and in order, so what comes of them does not depend on the thread.

use std::sync::mpsc::sync_channel;
use std::thread;

use super::{FlowSource, SourceError};
use crate::flow::Window;

/// Windows and flows after which a batch is handed on: waking a thread costs more than most windows.
const MAX_WINDOWS: usize = 256;
const MAX_FLOWS: usize = 4096;

/// Batches that wait. With the one being made and the one being judged there are three, each no larger than
/// [`MAX_FLOWS`] and a window more.
const WAITING: usize = 1;

/// Hands every window of `source` to `take`, in order.
///
/// # Errors
/// What `take` or the source says; then no more windows are handed on.
pub fn read_ahead<S, E>(
    source: &mut S,
    mut take: impl FnMut(Window) -> Result<(), E>,
) -> Result<(), E>
where
    S: FlowSource + Send,
    E: From<SourceError>,
{
    let (sender, receiver) = sync_channel(WAITING);
    thread::scope(|scope| {
        scope.spawn(move || {
            loop {
                let (windows, outcome) = batch(source);
                // What was read before an error is judged before it is told.
                let goes_on = matches!(outcome, Ok(true));
                let is_taken = sender.send((windows, outcome)).is_ok();
                if !(goes_on && is_taken) {
                    return;
                }
            }
        });
        for (windows, outcome) in receiver {
            for window in windows {
                take(window)?;
            }
            outcome?;
        }
        Ok(())
    })
}

/// The next windows, and whether there are more.
fn batch<S: FlowSource>(source: &mut S) -> (Vec<Window>, Result<bool, SourceError>) {
    let mut windows = Vec::new();
    let mut flows = 0;
    while windows.len() < MAX_WINDOWS && flows < MAX_FLOWS {
        match source.next_window() {
            Ok(Some(window)) => {
                flows += window.flows.len();
                windows.push(window);
            }
            Ok(None) => return (windows, Ok(false)),
            Err(error) => return (windows, Err(error)),
        }
    }
    (windows, Ok(true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Timestamp;

    /// Windows that end at 1, 2, 3, …, then the end or an error.
    struct Ticks {
        now: u64,
        last: u64,
        fails: bool,
    }

    impl FlowSource for Ticks {
        fn next_window(&mut self) -> Result<Option<Window>, SourceError> {
            if self.now == self.last {
                return if self.fails {
                    Err(SourceError::Read {
                        file: "ticks".to_owned(),
                        source: std::io::Error::other("pulled out"),
                    })
                } else {
                    Ok(None)
                };
            }
            self.now += 1;
            Ok(Some(Window {
                end: Timestamp::from_nanos(self.now),
                ..Window::default()
            }))
        }
    }

    fn ticks(last: u64, fails: bool) -> Ticks {
        Ticks {
            now: 0,
            last,
            fails,
        }
    }

    #[test]
    fn every_window_comes_once_and_in_order() {
        for last in [0, 1, 256, 257, 5000] {
            let mut ends = Vec::new();
            let take = |window: Window| {
                ends.push(window.end.as_nanos());
                Ok::<_, SourceError>(())
            };
            read_ahead(&mut ticks(last, false), take).unwrap();
            assert_eq!(ends, (1..=last).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_came_before_an_error_is_taken() {
        let mut taken = 0;
        let take = |_| {
            taken += 1;
            Ok::<_, SourceError>(())
        };
        let error = read_ahead(&mut ticks(300, true), take).unwrap_err();
        assert_eq!(
            (error.to_string(), taken),
            ("cannot read `ticks`".to_owned(), 300)
        );
    }

    #[test]
    fn who_stops_taking_stops_an_endless_source() {
        let take = |window: Window| {
            if window.end.as_nanos() == 1000 {
                anyhow::bail!("enough");
            }
            Ok(())
        };
        let error = read_ahead(&mut ticks(u64::MAX, false), take).unwrap_err();
        assert_eq!(error.to_string(), "enough");
    }
}
