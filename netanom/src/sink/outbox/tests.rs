//! A sink that hangs, fails, or ends while something waits for it.

use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;
use crate::alert::State;
use crate::sink::store::tests::alert;

/// Long enough for any machine: nothing waits so long unless a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// Does with each try what the test says, and tells of it.
struct Puppet {
    tried: Sender<Alert>,
    answers: Receiver<bool>,
}

impl Sink for Puppet {
    fn name(&self) -> &'static str {
        "puppet"
    }

    fn emit(&mut self, alert: &Alert) -> Result<(), SinkError> {
        self.tried.send(alert.clone()).unwrap();
        match self.answers.recv() {
            Ok(true) => Ok(()),
            _ => Err(SinkError::Write {
                target: "nowhere".to_owned(),
                source: io::ErrorKind::ConnectionRefused.into(),
            }),
        }
    }
}

struct Strings {
    outbox: Outbox,
    tried: Receiver<Alert>,
    answers: Sender<bool>,
}

fn start(room: usize, tries: u32) -> Strings {
    let (tried_at, tried) = channel();
    let (answers, answered) = channel();
    let puppet = Puppet {
        tried: tried_at,
        answers: answered,
    };
    let settings = OutboxSettings {
        room,
        tries,
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(2),
    };
    Strings {
        outbox: Outbox::start(Box::new(puppet), settings).unwrap(),
        tried,
        answers,
    }
}

impl Strings {
    fn put(&self, number: u8, state: State) {
        let mut alert = alert(number);
        alert.state = state;
        self.outbox.put(Arc::new(alert));
    }

    /// The alert of the next try, which the sink answers so.
    fn next(&self, answer: bool) -> (String, State) {
        let alert = self.tried.recv_timeout(PATIENCE).unwrap();
        self.answers.send(answer).unwrap();
        (alert.id, alert.state)
    }

    fn ends(self) -> OutboxCounts {
        let shared = Arc::clone(&self.outbox.shared);
        Outbox::end(vec![self.outbox], PATIENCE);
        let queue = shared.queue();
        assert!(queue.has_ended);
        OutboxCounts {
            queued: queue.alerts.len() as u64,
            sent: queue.sent,
            retried: queue.retried,
            dropped: queue.dropped,
        }
    }
}

#[test]
fn a_sink_that_hangs_lets_nobody_wait_and_what_finds_no_room_is_counted() {
    let strings = start(3, 1);
    for number in 1..=10 {
        strings.put(number, State::Active);
    }
    let counts = strings.outbox.counts();
    assert_eq!((counts.queued, counts.sent, counts.dropped), (3, 0, 7));
    for expected in ["a1", "a2", "a3"] {
        assert_eq!(strings.next(true).0, expected);
    }
    let counts = strings.ends();
    assert_eq!((counts.queued, counts.sent, counts.dropped), (0, 3, 7));
}

#[test]
fn in_a_full_queue_a_newer_state_takes_the_place_of_the_older() {
    let strings = start(3, 1);
    for number in 1..=3 {
        strings.put(number, State::Active);
    }
    // The sink has the first one in hand.
    strings.put(1, State::Ended);
    strings.put(2, State::Ended);
    assert_eq!(strings.outbox.counts().dropped, 1);
    let taken: Vec<_> = (0..3).map(|_| strings.next(true)).collect();
    let expected = [
        ("a1".to_owned(), State::Active),
        ("a2".to_owned(), State::Ended),
        ("a3".to_owned(), State::Active),
    ];
    assert_eq!(taken, expected);
}

#[test]
fn an_alert_whose_older_state_was_handed_on_waits_anew() {
    let strings = start(2, 1);
    strings.put(1, State::Active);
    strings.put(2, State::Active);
    assert_eq!(strings.next(true).0, "a1");
    // The sink has the second one in hand, and nothing else waits.
    let tried = strings.tried.recv_timeout(PATIENCE).unwrap();
    assert_eq!(tried.id, "a2");
    strings.put(1, State::Ended);
    strings.put(1, State::Active);
    strings.put(2, State::Ended);
    assert_eq!(strings.outbox.counts().dropped, 1);
    strings.answers.send(true).unwrap();
    assert_eq!(strings.next(true), ("a1".to_owned(), State::Active));
    assert!(strings.outbox.shared.queue().newest.len() <= 1);
    assert_eq!(strings.ends().sent, 3);
}

#[test]
fn what_fails_is_tried_again_before_the_next_one() {
    let strings = start(9, 3);
    strings.put(1, State::Active);
    strings.put(2, State::Active);
    for (answer, id) in [(false, "a1"), (false, "a1"), (true, "a1"), (true, "a2")] {
        assert_eq!(strings.next(answer).0, id);
    }
    let expected = OutboxCounts {
        queued: 0,
        sent: 2,
        retried: 2,
        dropped: 0,
    };
    assert_eq!(strings.ends(), expected);
}

#[test]
fn what_always_fails_is_dropped_and_the_next_one_comes() {
    let strings = start(9, 2);
    strings.put(1, State::Active);
    strings.put(2, State::Active);
    for (answer, id) in [(false, "a1"), (false, "a1"), (true, "a2")] {
        assert_eq!(strings.next(answer).0, id);
    }
    let expected = OutboxCounts {
        queued: 0,
        sent: 1,
        retried: 1,
        dropped: 1,
    };
    assert_eq!(strings.ends(), expected);
}

#[test]
fn the_end_waits_for_what_is_queued() {
    let strings = start(9, 1);
    strings.put(1, State::Active);
    strings.answers.send(true).unwrap();
    assert_eq!(strings.ends().sent, 1);
}

#[test]
fn the_end_does_not_wait_for_a_sink_that_hangs() {
    let strings = start(9, 1);
    strings.put(1, State::Active);
    let Strings {
        outbox,
        tried,
        answers,
    } = strings;
    tried.recv_timeout(PATIENCE).unwrap();
    // This returns only if the sink was given up.
    Outbox::end(vec![outbox], Duration::from_millis(10));
    drop(answers);
}
