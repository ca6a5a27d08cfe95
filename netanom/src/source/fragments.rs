//! First fragments of IP packets in user space, as the kernel's programs remember them.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;
use netanom_common::fragment::{FragmentFlow, FragmentKey, FragmentTable, REMEMBERED};

/// The last [`REMEMBERED`] packets of which a first fragment came.
#[derive(Clone, Debug, Default)]
pub struct FirstFragments {
    flows: HashMap<FragmentKey, FragmentFlow, RandomState>,
    /// Keys in the order in which they came first.
    order: VecDeque<FragmentKey>,
}

impl FragmentTable for FirstFragments {
    fn remember(&mut self, key: &FragmentKey, flow: &FragmentFlow) {
        if self.flows.insert(*key, *flow).is_none() {
            self.order.push_back(*key);
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.flows.remove(&oldest);
        }
    }

    fn recall(&self, key: &FragmentKey) -> Option<FragmentFlow> {
        self.flows.get(key).copied()
    }
}

#[cfg(test)]
mod tests {
    use netanom_common::fragment::join;
    use netanom_common::packet::{Fragment, Packet, Portion, protocol};

    use super::*;
    use crate::flow::test_support::packet;

    fn fragment(portion: Portion, identification: u32) -> Packet {
        let ports = if portion == Portion::First { 53 } else { 0 };
        Packet {
            fragment: Fragment {
                portion,
                protocol: protocol::UDP,
                offset: u16::from(portion == Portion::Later),
                identification,
            },
            ..packet(protocol::UDP, ports, ports, 0)
        }
    }

    #[test]
    fn the_oldest_first_fragment_makes_room() {
        let mut table = FirstFragments::default();
        for identification in 0..=REMEMBERED as u32 {
            join(&mut fragment(Portion::First, identification), &mut table);
        }
        let mut forgotten = fragment(Portion::Later, 0);
        join(&mut forgotten, &mut table);
        assert_eq!(forgotten.source_port, 0);
        let mut remembered = fragment(Portion::Later, 1);
        join(&mut remembered, &mut table);
        assert_eq!(remembered.source_port, 53);
        assert_eq!(table.flows.len(), REMEMBERED);
        assert_eq!(table.order.len(), REMEMBERED);
    }
}
