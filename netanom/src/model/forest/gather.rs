//! Walking with gathers: one instruction loads what 8 or 16 walks need next, from as many places.
//!
//! Gathers take a pointer and trust the positions, so this module is `unsafe`. Everything it rests on is
//! [`lay_out`](super::layout), the only maker of nodes: a split's children are `left` and `left + 1`, both in the
//! tree; a leaf's `left` is itself, and nothing is greater than its NaN; every feature is below `Forest::features`.
//! So a walk that begins at a root reads nodes of its own tree and values of its own row, whatever the row holds.

mod avx2;
mod avx512;

use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
use std::slice::Chunks;

use super::instructions::GATHERED as LANES;
use super::layout::FlatNode;
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

/// Nodes that memory brings at once: 64 bytes.
const LINE: usize = 64 / size_of::<FlatNode>();

/// Nodes to ask for while [`LANES`] rows meet a tree: a line for four rows costs little.
const PREFETCHED: usize = LANES / 4 * LINE;

/// The tree of this number in parts of so many nodes, to ask for one with every block of rows that meets the tree before.
fn parts_of(forest: &Forest, number: usize, part: usize) -> Chunks<'_, FlatNode> {
    let span = forest.spans.get(number);
    let tree = span.map_or(&[][..], |&span| forest.tree(span));
    tree.chunks(part)
}

/// Asks for nodes before they are needed: a large forest does not stay in L2.
#[inline]
fn prefetch(nodes: Option<&[FlatNode]>) {
    for line in nodes.unwrap_or_default().chunks(LINE) {
        // SAFETY: this reads nothing; any address will do.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) };
    }
}
