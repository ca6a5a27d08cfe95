//! The flow table: merges what windows bring into flows, and ends flows that have gone quiet.
//!
//! Bounded: when it is full, the flows that would end next make room and are counted as evicted.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;
use netanom_common::flow::{FlowCounters, FlowKey};
use netanom_common::packet::{protocol, tcp};

use super::strays::Strays;
use super::timeouts::FlowTimeouts;
use super::unanswered::{MOST_UNANSWERED, Opened, Unanswered, is_one_way, is_unanswered};
use super::{Flow, Timestamp, Window};

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
    evicted_unanswered: u64,
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
            unanswered: Unanswered::new(MOST_UNANSWERED),
            timeouts,
            capacity: capacity.max(1),
            windows: 0,
            opened: 0,
            evicted: 0,
            evicted_unanswered: 0,
        }
    }

    /// The same with room for so many flows without an answer and with few packets; they are a part of its capacity.
    #[must_use]
    pub fn with_most_unanswered(mut self, most: usize) -> Self {
        self.unanswered = Unanswered::new(most);
        self
    }

    /// Flows without an answer and with few packets that are kept at most.
    #[must_use]
    pub fn most_unanswered(&self) -> usize {
        self.unanswered.most()
    }

    /// Adds a window's counters to the flows, then ends the flows that have timed out by the window's end.
    pub fn merge(&mut self, window: &Window) -> Merged<M> {
        self.windows += 1;
        let mut merged = Merged {
            changed: Vec::new(),
            ended: Vec::new(),
        };
        self.end_unanswered(window, &mut merged.ended);
        self.make_room(window, &mut merged.ended);
        // What is quoted may have been counted by another CPU, behind the error in the window.
        let (errors, flows): (Vec<&(FlowKey, FlowCounters)>, Vec<_>) = window
            .flows
            .iter()
            .partition(|(key, counters)| Strays::are(key, counters));
        for (key, counters) in flows {
            self.take(*key, counters, &mut merged.changed);
        }
        let mut strays = Strays::default();
        for (key, counters) in errors {
            match self.quoted(key, counters) {
                Some(slot) => self.add(slot, counters, &mut merged.changed),
                None => strays.add(key, counters),
            }
        }
        for (key, counters) in strays.flows(window) {
            self.take(key, &counters, &mut merged.changed);
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
        (self.windows, self.opened) = (0, 0);
        (self.evicted, self.evicted_unanswered) = (0, 0);
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

    /// Flows that were ended early because the table was full, or too many of them were unanswered.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Adds counters to the flow with this key, which is opened if it is not there.
    fn take(&mut self, key: FlowKey, counters: &FlowCounters, changed: &mut Vec<u32>) {
        if let Some(&slot) = self.index.get(&key) {
            self.add(slot, counters, changed);
        } else {
            changed.push(self.open(key, counters));
        }
    }

    /// Adds counters to the flow in `slot`. Who began it may be known better now.
    fn add(&mut self, slot: u32, counters: &FlowCounters, changed: &mut Vec<u32>) {
        let windows = self.windows;
        if let Some(entry) = self.slot_mut(slot) {
            entry.flow.counters.merge(counters);
            entry.flow.initiator = entry.flow.counters.initiator(&entry.flow.key);
            if entry.changed_in != windows {
                entry.changed_in = windows;
                changed.push(slot);
            }
        }
        self.bring_forward(slot);
    }

    /// The open flow that errors are about. What an error quotes of ICMP may have been an echo of either side.
    fn quoted(&self, key: &FlowKey, counters: &FlowCounters) -> Option<u32> {
        if counters.has_packets() {
            return None;
        }
        if !key.is_icmp() {
            return self.index.get(key).copied();
        }
        let sender = counters.quoted_sender();
        let keys = [key.echoes_of(sender), key.echoes_of(sender.other()), *key];
        keys.iter().find_map(|key| self.index.get(key).copied())
    }

    /// Those of [`Self::evicted`] that went because too many were unanswered.
    #[must_use]
    pub fn evicted_unanswered(&self) -> u64 {
        self.evicted_unanswered
    }

    fn open(&mut self, key: FlowKey, counters: &FlowCounters) -> u32 {
        let flow = Flow {
            key,
            initiator: counters.initiator(&key),
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
            self.evicted_unanswered += 1;
            ended.extend(self.close(opened.slot));
        }
    }

    /// Ends flows until the window's new ones fit. A window larger than the table is still taken whole: its size is
    /// bounded by the source.
    fn make_room(&mut self, window: &Window, ended: &mut Vec<Entry<M>>) {
        if self.index.len() + window.flows.len() <= self.capacity {
            return;
        }
        let mut strays = Strays::default();
        let mut new = 0;
        for (key, counters) in &window.flows {
            if !Strays::are(key, counters) {
                new += usize::from(!self.index.contains_key(key));
            } else if self.quoted(key, counters).is_none() {
                strays.add(key, counters);
            }
        }
        let strays = strays.flows(window);
        let is_new = |(key, _): &&(FlowKey, FlowCounters)| !self.index.contains_key(key);
        new += strays.iter().filter(is_new).count();
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
            protocol::TCP if is_one_way(flow) => self.timeouts.tcp_opening,
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
mod tests;
