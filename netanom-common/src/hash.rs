//! The hash that kernel and user space share: what is found by it in one must be found in the other.

/// MurmurHash3's 64-bit finaliser (Appleby, public domain).
#[inline(always)]
pub(crate) fn scatter(mut word: u64) -> u64 {
    word ^= word >> 33;
    word = word.wrapping_mul(0xff51_afd7_ed55_8ccd);
    word ^= word >> 33;
    word = word.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    word ^ word >> 33
}
