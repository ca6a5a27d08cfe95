//! Walking with gathers: one instruction loads what 8 or 16 walks need next, from as many places.
//!
//! Gathers take a pointer and trust the positions, so this module is `unsafe`. Everything it rests on is
//! [`lay_out`](super::layout), the only maker of nodes: a split's children are `left` and `left + 1`, both in the
//! tree; a leaf's `left` is itself, and nothing is greater than its NaN; every feature is below `Forest::features`.
//! So a walk that begins at a root reads nodes of its own tree and values of its own row, whatever the row holds.

mod avx2;
mod avx512;

use super::instructions::GATHERED as LANES;
use super::{Forest, Instructions, MAX_FEATURES};

impl Forest {
    /// Adds every tree's leaf of each row in `tile` to the row's sums, which say how many rows there are; `false` when the processor cannot.
    pub(super) fn gather_tile(
        &self,
        instructions: Instructions,
        tile: &[f32],
        sums: &mut [f32],
    ) -> bool {
        if !instructions.are_here() {
            return false;
        }
        match instructions {
            Instructions::Portable => return false,
            // SAFETY: the processor has the instructions.
            Instructions::Avx2 => unsafe { avx2::add_tile(self, tile, sums) },
            // SAFETY: as above.
            Instructions::Avx512 => unsafe { avx512::add_tile(self, tile, sums) },
        }
        true
    }

    /// Adds every tree's leaf of one row to `sums`, of any length; `false` when the processor cannot.
    pub(super) fn gather_row(
        &self,
        instructions: Instructions,
        row: &[f32; MAX_FEATURES],
        sums: &mut [f32],
    ) -> bool {
        // Positions count from the first root, and gathers take them with a sign.
        if !instructions.are_here() || i32::try_from(self.nodes.len()).is_err() {
            return false;
        }
        match instructions {
            Instructions::Portable => return false,
            // SAFETY: the processor has the instructions.
            Instructions::Avx2 => unsafe { avx2::add_row(self, row, sums) },
            // SAFETY: as above.
            Instructions::Avx512 => unsafe { avx512::add_row(self, row, sums) },
        }
        true
    }
}
