//! The best split of a node by one feature: a histogram of the weights by bin and class, swept once.
//!
//! Most nodes are small, so a sweep takes the bins that have rows and no others, and clears them as it goes.

use super::bootstrap::Drawn;

/// Bins of a feature at most.
const BINS: usize = 256;

/// Above so many rows most bins have one, and noting which takes longer than looking at all of them.
const MANY: usize = 1024;

/// A gain that is a smaller part of the node's weight than this is a difference of rounding.
const ROUNDING: f64 = 1e-9;

/// Weight by class. Lanes after the last class are 0.
#[derive(Clone, Copy)]
pub(super) struct Sums<const LANES: usize>(pub(super) [f64; LANES]);

impl<const LANES: usize> Default for Sums<LANES> {
    fn default() -> Self {
        Self([0.0; LANES])
    }
}

impl<const LANES: usize> Sums<LANES> {
    pub(super) fn add(&mut self, drawn: &Drawn) {
        self.0[drawn.label as usize] += drawn.weight;
    }

    pub(super) fn total(&self) -> f64 {
        self.0.iter().sum()
    }

    fn squares(&self) -> f64 {
        self.0.iter().map(|sum| sum * sum).sum()
    }

    fn minus(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|class| self.0[class] - other.0[class]))
    }
}

/// Finds splits; between two calls the histogram is empty.
pub(super) struct Gains<const LANES: usize> {
    min_leaf: f64,
    histogram: Vec<Sums<LANES>>,
}

impl<const LANES: usize> Gains<LANES> {
    pub(super) fn new(min_leaf: f64) -> Self {
        Self {
            min_leaf,
            histogram: vec![Sums::default(); BINS],
        }
    }

    /// Whether a node of this weight can have two children, and has two classes to tell apart.
    pub(super) fn may_split(&self, sums: &Sums<LANES>) -> bool {
        let present = sums.0.iter().filter(|sum| **sum > 0.0).count();
        sums.total() >= 2.0 * self.min_leaf && present > 1
    }

    /// The last bin that goes left, halfway through those without rows here, and the gain: weight × (impurity before − impurity after), with Gini's impurity.
    /// `None` when the feature is constant here; a gain of 0 when no split leaves enough on both sides.
    pub(super) fn best(
        &mut self,
        codes: &[u8],
        rows: &[Drawn],
        sums: &Sums<LANES>,
    ) -> Option<(u8, f64)> {
        let filled = self.fill(codes, rows);
        let total = sums.total();
        let whole = sums.squares() / total;
        let mut left = Sums::default();
        let mut best = None;
        let mut bins = filled.iter().peekable();
        while let Some(bin) = bins.next() {
            let of_bin = std::mem::take(&mut self.histogram[usize::from(bin)]);
            let Some(&next) = bins.peek() else { break };
            for (left, sum) in left.0.iter_mut().zip(of_bin.0) {
                *left += sum;
            }
            let (_, best_gain) = *best.get_or_insert((bin, 0.0));
            let left_total = left.total();
            let right_total = total - left_total;
            if left_total < self.min_leaf || right_total < self.min_leaf {
                continue;
            }
            let right = sums.minus(&left);
            let gain = left.squares() / left_total + right.squares() / right_total - whole;
            if gain > best_gain && gain > ROUNDING * total {
                best = Some((bin + (next - bin - 1) / 2, gain));
            }
        }
        best
    }

    fn fill(&mut self, codes: &[u8], rows: &[Drawn]) -> Filled {
        let mut filled = Filled::default();
        if rows.len() > MANY {
            for drawn in rows {
                self.histogram[usize::from(codes[drawn.row as usize])].add(drawn);
            }
            for (bin, sums) in (0..=u8::MAX).zip(&self.histogram) {
                if sums.0.iter().any(|sum| *sum > 0.0) {
                    filled.note(bin);
                }
            }
        } else {
            for drawn in rows {
                let bin = codes[drawn.row as usize];
                self.histogram[usize::from(bin)].add(drawn);
                filled.note(bin);
            }
        }
        filled
    }
}

/// A set of bins.
#[derive(Clone, Copy, Default)]
struct Filled([u64; BINS / 64]);

impl Filled {
    fn note(&mut self, bin: u8) {
        self.0[usize::from(bin / 64)] |= 1 << (bin % 64);
    }

    /// In ascending order.
    fn iter(self) -> impl Iterator<Item = u8> {
        self.0
            .into_iter()
            .zip((0..=u8::MAX).step_by(64))
            .flat_map(|(mut bits, first)| {
                std::iter::from_fn(move || {
                    let bin = (bits != 0).then(|| first + bits.trailing_zeros() as u8);
                    bits &= bits.wrapping_sub(1);
                    bin
                })
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_bins_is_read_in_order() {
        let mut filled = Filled::default();
        assert_eq!(filled.iter().count(), 0);
        let bins = [0, 1, 63, 64, 200, 255];
        for bin in [200, 64, 0, 255, 63, 1, 64] {
            filled.note(bin);
        }
        assert_eq!(filled.iter().collect::<Vec<u8>>(), bins);
    }

    #[test]
    fn large_nodes_split_like_small_ones() {
        let row = |row: u32| Drawn {
            row,
            label: row % 3 / 2,
            weight: 0.5,
        };
        let rows: Vec<Drawn> = (0..MANY as u32 + 1).map(row).collect();
        let codes: Vec<u8> = rows
            .iter()
            .map(|drawn| (drawn.label * 90 + drawn.row % 80) as u8)
            .collect();
        let mut gains = Gains::<4>::new(1.0);
        for count in [MANY, MANY + 1] {
            let mut sums = Sums::default();
            rows[..count].iter().for_each(|drawn| sums.add(drawn));
            let (bin, gain) = gains.best(&codes, &rows[..count], &sums).unwrap();
            // The classes part between 79 and 90; halfway is where to cut, and nothing impure is left.
            assert_eq!(bin, 84);
            assert!((gain - (sums.total() - sums.squares() / sums.total())).abs() < 1e-9);
            assert!(gains.histogram.iter().all(|sums| sums.total() == 0.0));
        }
    }
}
