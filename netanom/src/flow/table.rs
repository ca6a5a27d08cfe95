//! The flow table: merges what windows bring into flows, and ends flows that have gone quiet.
//!
//! Bounded: when it is full, the flows that would end next make room and are counted as evicted.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use foldhash::fast::RandomState;
use netanom_common::flow::{FlowCounters, FlowKey};
use netanom_common::packet::{protocol, tcp};

use super::unanswered::{Opened, Unanswered, is_unanswered};
use super::{Flow, Timestamp, Window};

/// After which silence a flow has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowTimeouts {
    /// An open TCP connection.
    pub tcp: Duration,
    /// A TCP connection request that nobody answered.
    pub tcp_opening: Duration,
    /// A TCP connection after RST, or after FIN from both sides.
    pub tcp_closed: Duration,
    /// UDP.
    pub udp: Duration,
    /// ICMP and ICMPv6.
    pub icmp: Duration,
    /// Every other protocol.
    pub other: Duration,
    /// Any flow, however active; what follows is a new flow.
    pub active: Duration,
}

/// A flow in the table, with what the caller remembers of it.
#[derive(Debug)]
pub struct Entry<M> {
    /// The flow.
    pub flow: Flow,
    /// The caller's memory of it.
    pub memo: M,
    changed_in: u64,
    /// How many flows were opened before it.
    number: u64,
    /// The second under which the agenda has it; other mentions of its slot there are stale.
    due: u64,
}

/// What a window did to the table.
#[derive(Debug)]
pub struct Merged<M> {
    /// Flows with new packets, each once, in the order of the window.
    pub changed: Vec<u32>,
    /// Flows that ended, in the order in which they did.
    pub ended: Vec<Entry<M>>,
    /// ICMP errors that quote packets of flows that are not in the table: they open none, as anybody can forge them.
    pub unclaimed: Vec<(FlowKey, FlowCounters)>,
}

/// All flows that are open.
#[derive(Debug)]
pub struct FlowTable<M> {
    entries: Vec<Option<Entry<M>>>,
    free: Vec<u32>,
    index: HashMap<FlowKey, u32, RandomState>,
    /// Slots by the second in which they are to be looked at again.
    agenda: BTreeMap<u64, Vec<u32>>,
    unanswered: Unanswered,
    timeouts: FlowTimeouts,
    capacity: usize,
    windows: u64,
    opened: u64,
    evicted: u64,
}

impl<M: Default> FlowTable<M> {
    /// An empty table for at most `capacity` flows.
    #[must_use]
    pub fn new(capacity: usize, timeouts: FlowTimeouts) -> Self {
        Self {
            entries: Vec::new(),
            free: Vec::new(),
            index: HashMap::default(),
            agenda: BTreeMap::new(),
            unanswered: Unanswered::default(),
            timeouts,
            capacity: capacity.max(1),
            windows: 0,
            opened: 0,
            evicted: 0,
        }
    }

    /// Adds a window's counters to the flows, then ends the flows that have timed out by the window's end.
    pub fn merge(&mut self, window: &Window) -> Merged<M> {
        self.windows += 1;
        let mut merged = Merged {
            changed: Vec::new(),
            ended: Vec::new(),
            unclaimed: Vec::new(),
        };
        self.end_unanswered(window, &mut merged.ended);
        self.make_room(window, &mut merged.ended);
        let mut opened = Vec::new();
        // What is quoted may have been counted by another CPU, behind the error in the window.
        let (flows, errors): (Vec<&(FlowKey, FlowCounters)>, Vec<_>) = window
            .flows
            .iter()
            .partition(|(_, counters)| counters.has_packets());
        for (key, counters) in flows.into_iter().chain(errors) {
            if let Some(&slot) = self.index.get(key) {
                let windows = self.windows;
                if let Some(entry) = self.slot_mut(slot) {
                    entry.flow.counters.merge(counters);
                    if entry.changed_in != windows {
                        entry.changed_in = windows;
                        merged.changed.push(slot);
                    }
                }
                self.bring_forward(slot);
            } else if !counters.has_packets() {
                merged.unclaimed.push((*key, *counters));
            } else {
                let slot = self.open(*key, counters);
                merged.changed.push(slot);
                opened.push(slot);
            }
        }
        // Only now are all shards of the window merged, so only now is it known who sent the first packet.
        for slot in opened {
            if let Some(entry) = self.slot_mut(slot) {
                entry.flow.initiator = entry.flow.counters.initiator();
            }
        }
        self.end_until(window.end, &mut merged.ended);
        merged.changed.retain(|&slot| self.get(slot).is_some());
        merged
    }

    /// Forgets everything but keeps the memory.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.free.clear();
        self.index.clear();
        self.agenda.clear();
        self.unanswered.clear();
        (self.windows, self.opened, self.evicted) = (0, 0, 0);
    }

    /// Ends every open flow, as at the end of a capture.
    pub fn end_all(&mut self) -> Vec<Entry<M>> {
        let slots = std::mem::take(&mut self.agenda).into_values().flatten();
        slots
            .collect::<Vec<_>>()
            .into_iter()
            .filter_map(|slot| self.close(slot))
            .collect()
    }

    /// The open flow in `slot`.
    #[must_use]
    pub fn get(&self, slot: u32) -> Option<&Entry<M>> {
        self.entries.get(slot as usize)?.as_ref()
    }

    /// The open flow in `slot`, to change what is remembered of it.
    pub fn slot_mut(&mut self, slot: u32) -> Option<&mut Entry<M>> {
        self.entries.get_mut(slot as usize)?.as_mut()
    }

    /// Number of open flows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether no flow is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Flows that were ended early because the table was full.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    fn open(&mut self, key: FlowKey, counters: &FlowCounters) -> u32 {
        let flow = Flow {
            key,
            initiator: counters.initiator(),
            counters: *counters,
        };
        let due = second_of(self.deadline(&flow));
        let is_unanswered = is_unanswered(&flow);
        let entry = Some(Entry {
            flow,
            memo: M::default(),
            changed_in: self.windows,
            number: self.opened,
            due,
        });
        let slot = if let Some(slot) = self.free.pop() {
            self.entries[slot as usize] = entry;
            slot
        } else {
            self.entries.push(entry);
            (self.entries.len() - 1) as u32
        };
        self.index.insert(key, slot);
        self.agenda.entry(due).or_default().push(slot);
        if is_unanswered {
            self.unanswered.push(Opened {
                slot,
                number: self.opened,
            });
        }
        self.opened += 1;
        slot
    }

    fn close(&mut self, slot: u32) -> Option<Entry<M>> {
        let entry = self.entries.get_mut(slot as usize)?.take()?;
        self.index.remove(&entry.flow.key);
        self.free.push(slot);
        Some(entry)
    }

    /// A flow that was closed is due earlier than the agenda says.
    fn bring_forward(&mut self, slot: u32) {
        let Some(entry) = self.get(slot) else { return };
        let due = second_of(self.deadline(&entry.flow));
        if due < entry.due {
            self.put_on_agenda(slot, due);
        }
    }

    fn put_on_agenda(&mut self, slot: u32, due: u64) {
        if let Some(entry) = self.slot_mut(slot) {
            entry.due = due;
            self.agenda.entry(due).or_default().push(slot);
        }
    }

    /// Ends the oldest unanswered flows, so that a flood of them takes no room from others.
    fn end_unanswered(&mut self, window: &Window, ended: &mut Vec<Entry<M>>) {
        let entries = &self.entries;
        let find = |opened: Opened| {
            let entry = entries.get(opened.slot as usize)?.as_ref()?;
            (entry.number == opened.number).then_some(&entry.flow)
        };
        let excess: Vec<_> = self
            .unanswered
            .make_room(window.flows.len(), find)
            .collect();
        for opened in excess {
            self.evicted += 1;
            ended.extend(self.close(opened.slot));
        }
    }

    /// Ends flows until the window's new ones fit. A window larger than the table is still taken whole: its size is
    /// bounded by the source.
    fn make_room(&mut self, window: &Window, ended: &mut Vec<Entry<M>>) {
        if self.index.len() + window.flows.len() <= self.capacity {
            return;
        }
        let new = window
            .flows
            .iter()
            .filter(|(key, counters)| counters.has_packets() && !self.index.contains_key(key))
            .count();
        while self.index.len() + new > self.capacity {
            let Some(mut first) = self.agenda.first_entry() else {
                return;
            };
            let second = *first.key();
            let slot = first.get_mut().pop();
            if first.get().is_empty() {
                first.remove();
            }
            let Some((slot, due)) = slot.and_then(|slot| self.due_in(slot, second)) else {
                continue;
            };
            if due > second {
                // It went on since it was put on the agenda, so it is not the one to go.
                self.put_on_agenda(slot, due);
            } else {
                self.evicted += 1;
                ended.extend(self.close(slot));
            }
        }
    }

    /// When the flow in `slot` really ends, unless its mention under `second` is stale.
    fn due_in(&self, slot: u32, second: u64) -> Option<(u32, u64)> {
        let entry = self.get(slot)?;
        (entry.due == second).then(|| (slot, second_of(self.deadline(&entry.flow))))
    }

    fn end_until(&mut self, now: Timestamp, ended: &mut Vec<Entry<M>>) {
        let mut later = Vec::new();
        while let Some(first) = self.agenda.first_entry() {
            let second = *first.key();
            if second > second_of(now) {
                break;
            }
            for slot in first.remove() {
                let Some((slot, _)) = self.due_in(slot, second) else {
                    continue;
                };
                let Some(entry) = self.get(slot) else {
                    continue;
                };
                let deadline = self.deadline(&entry.flow);
                if deadline <= now {
                    ended.extend(self.close(slot));
                } else {
                    later.push((slot, second_of(deadline)));
                }
            }
        }
        for (slot, due) in later {
            self.put_on_agenda(slot, due);
        }
    }

    fn deadline(&self, flow: &Flow) -> Timestamp {
        let idle = match flow.protocol() {
            protocol::TCP if is_closed(flow) => self.timeouts.tcp_closed,
            protocol::TCP if flow.bwd().total.packets == 0 => self.timeouts.tcp_opening,
            protocol::TCP => self.timeouts.tcp,
            protocol::UDP => self.timeouts.udp,
            protocol::ICMP | protocol::ICMPV6 => self.timeouts.icmp,
            _ => self.timeouts.other,
        };
        flow.last_seen()
            .plus(idle)
            .min(flow.first_seen().plus(self.timeouts.active))
    }
}

/// The agenda's unit: a flow ends within a second after its time-out.
fn second_of(time: Timestamp) -> u64 {
    time.as_nanos() / 1_000_000_000
}

fn is_closed(flow: &Flow) -> bool {
    let (fwd, bwd) = (flow.fwd(), flow.bwd());
    fwd.flag(tcp::RST) + bwd.flag(tcp::RST) > 0
        || (fwd.flag(tcp::FIN) > 0 && bwd.flag(tcp::FIN) > 0)
}

#[cfg(test)]
mod tests {
    use netanom_common::counter::Tally;
    use netanom_common::flow::{FlowCounters, FlowKey};
    use netanom_common::packet::{Packet, protocol, tcp};

    use super::*;
    use crate::flow::MOST_UNANSWERED;
    use crate::flow::test_support::{counters_of, packet, unreachable};

    fn timeouts() -> FlowTimeouts {
        FlowTimeouts {
            tcp: Duration::from_secs(100),
            tcp_opening: Duration::from_secs(20),
            tcp_closed: Duration::from_secs(2),
            udp: Duration::from_secs(10),
            icmp: Duration::from_secs(10),
            other: Duration::from_secs(10),
            active: Duration::from_secs(1000),
        }
    }

    fn window(end: u64, packets: &[(u64, Packet)]) -> Window {
        let mut flows: Vec<(FlowKey, FlowCounters)> = Vec::new();
        for (second, packet) in packets {
            flows.push(counters_of(&[(second * 1_000_000_000, *packet)]));
        }
        Window {
            end: Timestamp::from_nanos(end * 1_000_000_000),
            flows,
            ..Window::default()
        }
    }

    fn udp(source_port: u16) -> Packet {
        packet(protocol::UDP, source_port, 53, 0)
    }

    #[test]
    fn windows_of_one_flow_add_up() {
        let mut table = FlowTable::<()>::new(10, timeouts());
        table.merge(&window(1, &[(1, udp(1000))]));
        let merged = table.merge(&window(2, &[(2, udp(1000))]));
        assert_eq!(merged.changed.len(), 1);
        let entry = table.get(merged.changed[0]).unwrap();
        assert_eq!(entry.flow.counters.packets(), 2);
        assert_eq!(entry.flow.fwd().gap_sum, 1_000_000);
    }

    #[test]
    fn an_error_counts_in_the_flow_that_it_quotes_wherever_it_stands_in_the_window() {
        let mut table = FlowTable::<()>::new(10, timeouts());
        let error = unreachable(&udp(1000));
        let merged = table.merge(&window(1, &[(1, error), (1, udp(1000)), (1, error)]));
        assert!(merged.unclaimed.is_empty());
        assert_eq!(merged.changed.len(), 1);
        table.merge(&window(2, &[(2, error)]));
        let flow = &table.get(merged.changed[0]).unwrap().flow;
        assert_eq!(flow.initiator().port, 1000);
        assert_eq!(
            (flow.errors_bwd().packets, flow.errors_fwd().packets),
            (3, 0)
        );
        assert_eq!(flow.last_seen(), Timestamp::from_nanos(1_000_000_000));
    }

    #[test]
    fn errors_that_quote_what_nobody_sent_take_no_place() {
        let mut table = FlowTable::<()>::new(3, timeouts());
        table.merge(&window(1, &[(1, udp(1)), (1, udp(2)), (1, udp(3))]));
        let forged: Vec<_> = (10..30).map(|port| (2, unreachable(&udp(port)))).collect();
        let merged = table.merge(&window(2, &forged));
        assert_eq!((merged.unclaimed.len(), merged.changed.len()), (20, 0));
        assert_eq!((table.len(), table.evicted()), (3, 0));
    }

    #[test]
    fn unanswered_flows_end_early_when_they_are_too_many_and_others_stay() {
        let ports =
            |which: std::ops::Range<u16>| -> Vec<_> { which.map(|port| (1, udp(port))).collect() };
        let mut table = FlowTable::<()>::new(100_000, timeouts());
        let answer = Packet {
            source: udp(1).destination,
            destination: udp(1).source,
            source_port: 53,
            destination_port: 1,
            ..udp(1)
        };
        let talkative: Vec<_> = (0..8).map(|_| (1, udp(2))).collect();
        table.merge(&window(
            1,
            &[&[(1, udp(1)), (1, answer)], &talkative[..]].concat(),
        ));
        let most = MOST_UNANSWERED as u16;
        table.merge(&window(1, &ports(10..10 + most)));
        assert_eq!((table.len(), table.evicted()), (2 + usize::from(most), 0));
        let merged = table.merge(&window(1, &ports(50_000..50_100)));
        assert_eq!((merged.changed.len(), merged.ended.len()), (100, 100));
        assert_eq!((table.len(), table.evicted()), (2 + usize::from(most), 100));
        let ended: Vec<_> = merged
            .ended
            .iter()
            .map(|one| one.flow.initiator().port)
            .collect();
        assert_eq!(ended, (10..110).collect::<Vec<_>>());
        // A window larger than that is taken whole.
        table.merge(&window(1, &ports(20_000..20_000 + most + 50)));
        assert_eq!(table.len(), 2 + usize::from(most) + 50);
        let (answered, many) = (counters_of(&[(0, udp(1))]).0, counters_of(&[(0, udp(2))]).0);
        assert!(table.index.contains_key(&answered) && table.index.contains_key(&many));
    }

    #[test]
    fn a_quiet_flow_ends_after_its_protocols_timeout() {
        let mut table = FlowTable::<()>::new(10, timeouts());
        table.merge(&window(1, &[(1, udp(1000))]));
        assert!(table.merge(&window(10, &[])).ended.is_empty());
        assert_eq!(table.merge(&window(11, &[])).ended.len(), 1);
        assert!(table.is_empty());
    }

    #[test]
    fn a_reset_connection_ends_soon() {
        let mut table = FlowTable::<()>::new(10, timeouts());
        let syn = packet(protocol::TCP, 1000, 80, tcp::SYN);
        let reset = packet(protocol::TCP, 1000, 80, tcp::RST);
        table.merge(&window(1, &[(1, syn), (1, reset)]));
        assert_eq!(table.merge(&window(4, &[])).ended.len(), 1);
    }

    #[test]
    fn a_flow_that_goes_on_is_not_ended() {
        let mut table = FlowTable::<()>::new(10, timeouts());
        for second in 1..50 {
            assert!(
                table
                    .merge(&window(second, &[(second, udp(1000))]))
                    .ended
                    .is_empty()
            );
        }
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn a_full_table_makes_room_and_counts_it() {
        let mut table = FlowTable::<()>::new(3, timeouts());
        let packets: Vec<_> = (0..5).map(|n| (n, udp(1000 + n as u16))).collect();
        table.merge(&window(3, &packets[..3]));
        let merged = table.merge(&window(5, &packets[3..]));
        assert_eq!(
            (
                table.len(),
                table.evicted(),
                merged.ended.len(),
                merged.changed.len()
            ),
            (3, 2, 2, 2)
        );
    }

    #[test]
    fn a_flow_that_goes_on_is_not_the_one_to_make_room() {
        let mut table = FlowTable::<()>::new(3, timeouts());
        table.merge(&window(1, &[(1, udp(999))]));
        for second in 2..9 {
            table.merge(&window(
                second,
                &[(second, udp(999)), (second, udp(1000 + second as u16))],
            ));
        }
        let ended = table.end_all();
        let longest = ended
            .iter()
            .map(|entry| entry.flow.counters.packets())
            .max();
        assert_eq!(longest, Some(8));
    }

    #[test]
    fn no_packet_is_lost_between_open_and_ended_flows() {
        let mut table = FlowTable::<()>::new(7, timeouts());
        let mut ended = Tally::default();
        for second in 0..200 {
            let packets: Vec<_> = (0..3)
                .map(|port| (second, udp(1000 + (second as u16 * 7 + port) % 40)))
                .collect();
            for entry in table.merge(&window(second, &packets)).ended {
                ended.add(entry.flow.counters.packets(), 0);
            }
        }
        ended.add(
            table
                .end_all()
                .iter()
                .map(|entry| entry.flow.counters.packets())
                .sum(),
            0,
        );
        assert_eq!(ended.packets, 600);
    }
}
