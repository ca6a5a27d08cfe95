//! How many addresses a sketch has seen.

use netanom_common::overflow::{REGISTERS, Sources};

/// The estimate of HyperLogLog, with linear counting for few (Flajolet, Fusy, Gandouet, Meunier 2007, figure 3).
#[must_use]
pub fn distinct(sources: &Sources) -> u64 {
    let slots = REGISTERS as f64;
    let bias = 0.7213 / (1.0 + 1.079 / slots);
    let inverse: f64 = sources
        .registers
        .iter()
        .map(|&rank| (-f64::from(rank)).exp2())
        .sum();
    let raw = bias * slots * slots / inverse;
    let free = sources.registers.iter().filter(|&&rank| rank == 0).count();
    let estimate = if raw <= 2.5 * slots && free > 0 {
        slots * (slots / free as f64).ln()
    } else {
        raw
    };
    estimate.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sketch of addresses like those of a flood: IPv4, in no order.
    fn sketch(addresses: std::ops::Range<u32>) -> Sources {
        let mut sources = Sources::default();
        for n in addresses {
            let address = n.wrapping_mul(0x9e37_79b1);
            sources.note(&[0, 0, 0xffff_u32.to_be(), address.to_be()]);
        }
        sources
    }

    #[test]
    fn the_estimate_is_within_three_standard_errors() {
        for count in [10, 100, 300, 1000, 10_000, 100_000, 1_000_000] {
            let estimate = distinct(&sketch(0..count)) as f64;
            let off = (estimate / f64::from(count) - 1.0).abs();
            assert!(off < 0.28, "{estimate} for {count}");
        }
    }

    #[test]
    fn nothing_seen_is_nothing_counted() {
        assert_eq!(distinct(&Sources::default()), 0);
    }

    #[test]
    fn an_address_counts_once() {
        let mut twice = sketch(0..50);
        twice.merge(&sketch(0..50));
        assert_eq!(twice, sketch(0..50));
    }

    #[test]
    fn merged_sketches_are_the_sketch_of_both() {
        let mut merged = sketch(0..700);
        merged.merge(&sketch(500..2000));
        assert_eq!(merged, sketch(0..2000));
    }
}
