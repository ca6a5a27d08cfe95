//! Tables whose records are forgotten when they were not used for long, so that memory stays bounded.

use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::RandomState;

/// A table of at most `capacity` records that forgets those that were not used for longest.
///
/// Two maps: when the young one has grown to half the capacity it becomes the old one, and the old one is dropped.
/// A record that is used moves to the young map. The maps hold places, so that records themselves stay where they are.
#[derive(Debug)]
pub struct Recent<K, V> {
    young: HashMap<K, Place, RandomState>,
    old: HashMap<K, Place, RandomState>,
    records: Vec<V>,
    free: Vec<Place>,
    half: usize,
    forgotten: u64,
    /// Makes a record that was another's as good as new.
    renew: fn(&mut V),
}

/// Where a record is, until records are forgotten: [`Recent::forgotten`].
pub type Place = u32;

impl<K: Hash + Eq + Clone, V: Default> Recent<K, V> {
    /// An empty table.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            young: HashMap::default(),
            old: HashMap::default(),
            records: Vec::new(),
            free: Vec::new(),
            half: (capacity / 2).max(1),
            forgotten: 0,
            renew: |record| *record = V::default(),
        }
    }

    /// The same, whose records are made as good as new by `renew`, which may keep their memory.
    #[must_use]
    pub fn renewing(capacity: usize, renew: fn(&mut V)) -> Self {
        Self {
            renew,
            ..Self::new(capacity)
        }
    }

    /// The place of the record of `key`, a new one if there is none.
    pub fn touch(&mut self, key: &K) -> Place {
        if let Some(&place) = self.young.get(key) {
            return place;
        }
        let place = self.old.remove(key);
        if self.young.len() >= self.half {
            self.free.extend(self.old.drain().map(|(_, place)| place));
            std::mem::swap(&mut self.young, &mut self.old);
            self.forgotten += 1;
        }
        let place = place.unwrap_or_else(|| self.place_for_one());
        self.young.insert(key.clone(), place);
        place
    }

    fn place_for_one(&mut self) -> Place {
        if let Some(place) = self.free.pop() {
            (self.renew)(&mut self.records[place as usize]);
            return place;
        }
        self.records.push(V::default());
        (self.records.len() - 1) as Place
    }

    /// Where the record of `key` is, without using it.
    pub fn find(&self, key: &K) -> Option<Place> {
        self.young.get(key).or_else(|| self.old.get(key)).copied()
    }

    /// The record at a place.
    pub fn at(&mut self, place: Place) -> &mut V {
        &mut self.records[place as usize]
    }

    /// Number of records that are kept, those about to be forgotten included.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Forgets everything but keeps the memory.
    pub fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
        self.free.clear();
        self.free.extend((0..self.records.len() as Place).rev());
        self.forgotten = 0;
    }

    /// How many times records were forgotten; a place from before may be another record's now.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_in_use_survives_a_flood_of_others() {
        let mut table = Recent::<u32, u32>::new(100);
        let used = table.touch(&7);
        *table.at(used) = 1;
        for other in 1000..100_000 {
            table.touch(&other);
            let used = table.touch(&7);
            *table.at(used) += 1;
        }
        let used = table.find(&7).unwrap();
        assert_eq!(*table.at(used), 99_001);
        assert!(table.young.len() + table.old.len() <= 101);
        assert!(table.records.len() <= 101);
    }

    #[test]
    fn a_record_in_a_forgotten_ones_place_begins_anew() {
        let mut table = Recent::<u32, u32>::new(4);
        for key in 0..100 {
            let place = table.touch(&key);
            assert_eq!(*table.at(place), 0);
            *table.at(place) = key + 1;
        }
        assert!(table.forgotten() > 0);
        assert_eq!(table.find(&0), None);
    }
}
