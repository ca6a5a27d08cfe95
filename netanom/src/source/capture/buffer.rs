//! A window onto a stream of bytes: what comes next is looked at in place, without a copy.

use std::io::{self, Read};

/// What is read at a time, and what a reader holds for ordinary records: many captures may be open at once.
const CHUNK: usize = 128 << 10;

/// Where a reader looks at its input.
pub(super) struct Buffer {
    input: Box<dyn Read + Send>,
    bytes: Vec<u8>,
    begin: usize,
    end: usize,
    /// Place of `begin` in the stream, after decompression.
    position: u64,
    is_ended: bool,
    /// Why the stream ended, when that was no ordinary end.
    failure: Option<io::Error>,
}

impl Buffer {
    pub(super) fn new(input: Box<dyn Read + Send>) -> Self {
        Self {
            input,
            bytes: vec![0; CHUNK],
            begin: 0,
            end: 0,
            position: 0,
            is_ended: false,
            failure: None,
        }
    }

    /// The next `length` bytes, or fewer when the stream ends before. Also says so when reading fails: see
    /// [`Self::take_failure`].
    #[inline]
    pub(super) fn peek(&mut self, length: usize) -> &[u8] {
        if self.end - self.begin < length {
            self.fill(length);
        }
        &self.bytes[self.begin..self.end.min(self.begin + length)]
    }

    /// What the last [`Self::peek`] saw, from `skip` on.
    #[inline]
    pub(super) fn seen(&self, skip: usize, length: usize) -> &[u8] {
        let begin = (self.begin + skip).min(self.end);
        &self.bytes[begin..self.end.min(begin + length)]
    }

    /// Steps over bytes that were looked at.
    #[inline]
    pub(super) fn consume(&mut self, length: usize) {
        let length = length.min(self.end - self.begin);
        self.begin += length;
        self.position += length as u64;
    }

    /// Steps over bytes, however many; returns whether they were all there.
    pub(super) fn skip(&mut self, length: u64) -> bool {
        let mut left = length;
        while left > 0 {
            let step = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            let there = self.peek(step).len();
            self.consume(there);
            left -= there as u64;
            if there < step {
                return false;
            }
        }
        true
    }

    /// Place of the next byte in the stream.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Why the stream ended, when reading failed.
    pub(super) fn take_failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    #[cold]
    fn fill(&mut self, length: usize) {
        if self.is_ended {
            return;
        }
        self.bytes.copy_within(self.begin..self.end, 0);
        self.end -= self.begin;
        self.begin = 0;
        if self.bytes.len() < length {
            self.bytes.resize(length.next_multiple_of(CHUNK), 0);
        }
        while self.end < length && !self.is_ended {
            match self.input.read(&mut self.bytes[self.end..]) {
                Ok(0) => self.is_ended = true,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failure = Some(error);
                    self.is_ended = true;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte a call, then fails.
    struct Dripping(u8);

    impl Read for Dripping {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(io::Error::other("pulled out"));
            }
            self.0 -= 1;
            buffer[0] = self.0;
            Ok(1)
        }
    }

    #[test]
    fn what_comes_in_drops_is_looked_at_whole() {
        let mut buffer = Buffer::new(Box::new(Dripping(9)));
        assert_eq!(buffer.peek(3), [8, 7, 6]);
        buffer.consume(2);
        assert_eq!(buffer.peek(4), [6, 5, 4, 3]);
        assert_eq!(buffer.position(), 2);
    }

    #[test]
    fn what_came_before_a_failure_can_be_used() {
        let mut buffer = Buffer::new(Box::new(Dripping(4)));
        assert_eq!(buffer.peek(9), [3, 2, 1, 0]);
        assert_eq!(buffer.take_failure().unwrap().to_string(), "pulled out");
        assert_eq!(buffer.peek(1), [3]);
    }

    #[test]
    fn more_than_the_buffer_holds_is_skipped_in_steps() {
        let mut buffer = Buffer::new(Box::new(io::repeat(7).take(1 << 20)));
        assert!(buffer.skip((1 << 20) - 1));
        assert_eq!(buffer.peek(2), [7]);
        assert!(!buffer.skip(2));
    }

    #[test]
    fn a_record_that_is_longer_than_the_buffer_makes_it_grow() {
        let mut buffer = Buffer::new(Box::new(io::repeat(7).take(1 << 20)));
        assert_eq!(buffer.peek(CHUNK + 1).len(), CHUNK + 1);
    }
}
