//! Which open flows have had few packets, all from one side: a flood of them may not push out others, nor take memory.

use std::collections::VecDeque;

use super::Flow;

/// Unanswered flows that are open at most by default, or those of one window if they are more.
pub const MOST_UNANSWERED: usize = 16_384;
/// With so many packets a flow is none of a flood from spoofed sources.
const FEW_PACKETS: u64 = 8;

/// Where a flow is in the table. A slot is used again, its number is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) slot: u32,
    pub(super) number: u64,
}

/// Flows in the order in which they were opened. Those that are closed or answered meanwhile stay until room is needed.
#[derive(Debug)]
pub(super) struct Unanswered {
    flows: VecDeque<Opened>,
    most: usize,
}

impl Unanswered {
    /// None yet, and at most so many.
    pub(super) fn new(most: usize) -> Self {
        Self {
            flows: VecDeque::new(),
            most,
        }
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }

    pub(super) fn clear(&mut self) {
        self.flows.clear();
    }

    pub(super) fn push(&mut self, opened: Opened) {
        self.flows.push_back(opened);
    }

    /// Makes room for `more` and returns the oldest, which have to go for that. `find` gives a flow that is still open.
    pub(super) fn make_room<'a>(
        &mut self,
        more: usize,
        find: impl Fn(Opened) -> Option<&'a Flow>,
    ) -> impl Iterator<Item = Opened> {
        if self.flows.len() + more > self.most {
            self.flows
                .retain(|&one| find(one).is_some_and(is_unanswered));
        }
        let excess = (self.flows.len() + more).saturating_sub(self.most);
        self.flows.drain(..excess.min(self.flows.len()))
    }
}

pub(super) fn is_unanswered(flow: &Flow) -> bool {
    is_one_way(flow) && flow.counters.packets() < FEW_PACKETS
}

/// Whether all packets came from one side: a request without an answer, or an answer to one that was not seen.
pub(super) fn is_one_way(flow: &Flow) -> bool {
    flow.bwd().total.packets == 0 || flow.fwd().total.packets == 0
}
