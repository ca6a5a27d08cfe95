//! Crafted frames with a few changes: they pass the first checks more often than random bytes do.

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::sample::{Index, select};

use crate::frames::crafted;

/// Headers end before this offset in nearly every crafted frame; changes behind it would find little.
const HEADERS: usize = 110;

/// A frame with up to five changes.
pub(crate) fn mutated() -> impl Strategy<Value = Vec<u8>> {
    (select(crafted::all()), vec(change(), 0..6))
        .prop_map(|((_, frame), changes)| changes.iter().fold(frame, Change::apply))
}

#[derive(Clone, Debug)]
enum Change {
    Set(Index, u8),
    Flip(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Cut(Index),
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<Index>;
    prop_oneof![
        4 => (index(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        4 => (index(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        1 => (index(), vec(any::<u8>(), 1..9)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        1 => (index(), 1..9_usize).prop_map(|(at, count)| Change::Remove(at, count)),
        1 => index().prop_map(Change::Cut),
    ]
}

impl Change {
    fn apply(mut frame: Vec<u8>, change: &Self) -> Vec<u8> {
        if frame.is_empty() {
            return frame;
        }
        let place = |at: &Index| at.index(frame.len().min(HEADERS));
        match change {
            Self::Set(at, byte) => {
                let at = place(at);
                frame[at] = *byte;
            }
            Self::Flip(at, bit) => {
                let at = place(at);
                frame[at] ^= 1 << bit;
            }
            Self::Insert(at, bytes) => {
                let at = place(at);
                frame.splice(at..at, bytes.iter().copied());
            }
            Self::Remove(at, count) => {
                let at = place(at);
                frame.drain(at..(at + count).min(frame.len()));
            }
            Self::Cut(at) => frame.truncate(at.index(frame.len())),
        }
        frame
    }
}
