//! 16 walks a register, 4 or 8 registers.

use std::arch::x86_64::*;

use super::{LANES, PREFETCHED, parts_of, prefetch};
use crate::model::forest::layout::{FlatNode, LEAF, POSITION};
use crate::model::forest::{Forest, MAX_FEATURES};

/// Walks in a register.
const WIDTH: usize = 16;

/// Registers of a block of rows.
const REGISTERS: usize = LANES / WIDTH;

/// Trees that one row meets in step. Their nodes come from farther away than those of one tree, so there are more.
const TREES: usize = 128;

/// Adds every tree's leaf of each row to its sums, which are those of a multiple of [`LANES`] rows.
#[target_feature(enable = "avx512f")]
pub(super) fn add_tile(forest: &Forest, tile: &[f32], sums: &mut [f32]) {
    let (block, block_sums) = (LANES * forest.features, LANES * forest.stride());
    // Two blocks in step, as one does not fill the time that gathers take; then the odd one.
    let pairs = sums.len() / (2 * block_sums);
    let (sums_of_pairs, odd) = sums.split_at_mut(pairs * 2 * block_sums);
    for (number, &span) in forest.spans.iter().enumerate() {
        let tree = forest.tree(span);
        let top = Top::of(tree);
        let mut next_tree = parts_of(forest, number + 1, 2 * PREFETCHED);
        let mut tile = tile;
        for sums in sums_of_pairs.chunks_exact_mut(2 * block_sums) {
            prefetch(next_tree.next());
            let leaves = leaves_of_rows::<{ 2 * REGISTERS }>(tree, &top, span.depth, tile, block);
            forest.add_leaves(sums, leaves.as_flattened());
            tile = &tile[2 * block..];
        }
        if !odd.is_empty() {
            let leaves = leaves_of_rows::<REGISTERS>(tree, &top, span.depth, tile, block);
            forest.add_leaves(odd, leaves.as_flattened());
        }
    }
}

/// Adds every tree's leaf of one row to `sums`.
#[target_feature(enable = "avx512f")]
pub(super) fn add_row(forest: &Forest, row: &[f32; MAX_FEATURES], sums: &mut [f32]) {
    for spans in forest.spans.chunks(TREES) {
        let mut roots = [spans[0].first_node as u32; TREES];
        for (root, span) in roots.iter_mut().zip(spans) {
            *root = span.first_node as u32;
        }
        let depth = spans.iter().map(|span| span.depth).max().unwrap_or(0);
        let roots = &roots[..spans.len().next_multiple_of(WIDTH)];
        let leaves = match forest.features {
            ..=32 => leaves_of_trees::<1>(forest, roots, depth, row),
            33..=64 => leaves_of_trees::<2>(forest, roots, depth, row),
            65..=96 => leaves_of_trees::<3>(forest, roots, depth, row),
            97..=128 => leaves_of_trees::<4>(forest, roots, depth, row),
            _ => leaves_of_trees::<0>(forest, roots, depth, row),
        };
        forest.add_leaves_of_row(sums, &leaves.as_flattened()[..spans.len()]);
    }
}

/// The first nodes of a tree, in registers: where the first steps look is there without a load.
struct Top {
    thresholds: [__m512i; 2],
    branches: [__m512i; 2],
}

impl Top {
    /// Steps that it serves: before the k-th, positions are below 2^k − 1.
    const LEVELS: usize = 5;

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn of(tree: &[FlatNode]) -> Self {
        let mut words = [[_mm512_setzero_si512(); 2]; 2];
        for (part, words) in words.iter_mut().enumerate() {
            // A tree may be smaller; lanes behind its end load nothing and are never asked for.
            let nodes = tree.get(part * WIDTH..).unwrap_or_default();
            let present = (1u64 << (2 * nodes.len().min(WIDTH))).wrapping_sub(1) as u32;
            let at = nodes.as_ptr().cast::<i32>();
            // SAFETY: only the words of nodes that are there are loaded.
            let (lower, upper) = unsafe {
                (
                    _mm512_maskz_loadu_epi32(present as u16, at),
                    _mm512_maskz_loadu_epi32((present >> 16) as u16, at.wrapping_add(WIDTH)),
                )
            };
            let (threshold, branch) = self::words(lower, upper);
            *words = [_mm512_castps_si512(threshold), branch];
        }
        let [[threshold, branch], [thresholds, branches]] = words;
        Self {
            thresholds: [threshold, thresholds],
            branches: [branch, branches],
        }
    }

    /// Thresholds and branches at these positions.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn nodes(&self, at: __m512i) -> (__m512, __m512i) {
        let look = |[lower, upper]: [__m512i; 2]| _mm512_permutex2var_epi32(lower, at, upper);
        (
            _mm512_castsi512_ps(look(self.thresholds)),
            look(self.branches),
        )
    }
}

/// The numbers of the leaves in which the rows of one block or of several end.
#[inline]
#[target_feature(enable = "avx512f")]
fn leaves_of_rows<const WALKED: usize>(
    tree: &[FlatNode],
    top: &Top,
    depth: usize,
    rows: &[f32],
    block: usize,
) -> [[u32; WIDTH]; WALKED] {
    let lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    let mut at = [_mm512_setzero_si512(); WALKED];
    let step = |(threshold, branch): (__m512, __m512i), register: usize| {
        let rows = &rows[register / REGISTERS * block..][..block];
        let row = register % REGISTERS * WIDTH;
        let row = _mm512_add_epi32(lanes, _mm512_set1_epi32(row as i32));
        let value = _mm512_slli_epi32::<{ LANES.ilog2() }>(_mm512_srli_epi32::<24>(branch));
        let value = _mm512_add_epi32(row, value);
        // SAFETY: the block has a value of each lane for each feature.
        let value = unsafe { _mm512_i32gather_ps::<4>(value, rows.as_ptr()) };
        next(branch, threshold, value)
    };
    for _ in 0..Top::LEVELS {
        for (register, at) in at.iter_mut().enumerate() {
            *at = step(top.nodes(*at), register);
        }
    }
    for _ in Top::LEVELS..depth {
        let mut resting = true;
        for (register, at) in at.iter_mut().enumerate() {
            let next = step(nodes(tree.as_ptr(), *at), register);
            resting &= _mm512_cmpeq_epi32_mask(*at, next) == u16::MAX;
            *at = next;
        }
        if resting {
            break;
        }
    }
    numbers(tree.as_ptr(), &at)
}

/// The numbers of the leaves in which a row ends, in the trees with these roots: a multiple of [`WIDTH`].
#[inline]
#[target_feature(enable = "avx512f")]
fn leaves_of_trees<const PAIRS: usize>(
    forest: &Forest,
    roots: &[u32],
    depth: usize,
    row: &[f32; MAX_FEATURES],
) -> [[u32; WIDTH]; TREES / WIDTH] {
    let mut at = [_mm512_setzero_si512(); TREES / WIDTH];
    let mut root = at;
    for (root, roots) in root.iter_mut().zip(roots.chunks_exact(WIDTH)) {
        // SAFETY: the chunk has as many numbers as the register.
        *root = unsafe { _mm512_loadu_si512(roots.as_ptr().cast()) };
    }
    let mut held = [[_mm512_setzero_ps(); 2]; PAIRS];
    for (held, values) in held
        .as_flattened_mut()
        .iter_mut()
        .zip(row.as_chunks::<WIDTH>().0)
    {
        // SAFETY: the chunk has as many values as the register.
        *held = unsafe { _mm512_loadu_ps(values.as_ptr()) };
    }
    let registers = roots.len() / WIDTH;
    for _ in 0..depth {
        let mut resting = true;
        for (at, root) in at[..registers].iter_mut().zip(root) {
            let (threshold, branch) = nodes(forest.nodes.as_ptr(), _mm512_add_epi32(*at, root));
            let value = value(row, &held, _mm512_srli_epi32::<24>(branch));
            let next = next(branch, threshold, value);
            resting &= _mm512_cmpeq_epi32_mask(*at, next) == u16::MAX;
            *at = next;
        }
        if resting {
            break;
        }
    }
    for (at, root) in at.iter_mut().zip(root) {
        *at = _mm512_add_epi32(*at, root);
    }
    numbers(forest.nodes.as_ptr(), &at)
}

/// The row's values of these features: from the pairs of registers that hold the row's first, where there are any.
#[inline]
#[target_feature(enable = "avx512f")]
fn value<const PAIRS: usize>(
    row: &[f32; MAX_FEATURES],
    held: &[[__m512; 2]; PAIRS],
    features: __m512i,
) -> __m512 {
    let Some(([lower, upper], others)) = held.split_first() else {
        // SAFETY: 8 bits of feature are below the row's 256 values.
        return unsafe { _mm512_i32gather_ps::<4>(features, row.as_ptr()) };
    };
    // A pair has 32 values and looks at the last 5 bits of a feature.
    let mut value = _mm512_permutex2var_ps(*lower, features, *upper);
    for (number, [lower, upper]) in others.iter().enumerate() {
        let first = _mm512_set1_epi32(2 * WIDTH as i32 * (number as i32 + 1));
        let here = _mm512_cmpge_epu32_mask(features, first);
        let found = _mm512_permutex2var_ps(*lower, features, *upper);
        value = _mm512_mask_blend_ps(here, value, found);
    }
    value
}

/// Thresholds and branches of the nodes at these positions.
#[inline]
#[target_feature(enable = "avx512f")]
fn nodes(nodes: *const FlatNode, at: __m512i) -> (__m512, __m512i) {
    // A node is two words, threshold and branch: one load for both.
    let lower = _mm512_castsi512_si256(at);
    let upper = _mm512_extracti64x4_epi64::<1>(at);
    // SAFETY: walks stay in their tree.
    let (lower, upper) = unsafe {
        (
            _mm512_i32gather_epi64::<8>(lower, nodes.cast()),
            _mm512_i32gather_epi64::<8>(upper, nodes.cast()),
        )
    };
    words(lower, upper)
}

/// The first and the second words of 16 nodes.
#[inline]
#[target_feature(enable = "avx512f")]
fn words(lower: __m512i, upper: __m512i) -> (__m512, __m512i) {
    let first = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    let second = _mm512_or_si512(first, _mm512_set1_epi32(1));
    (
        _mm512_castsi512_ps(_mm512_permutex2var_epi32(lower, first, upper)),
        _mm512_permutex2var_epi32(lower, second, upper),
    )
}

/// Where walks go: right where the value is greater, by one.
#[inline]
#[target_feature(enable = "avx512f")]
fn next(branch: __m512i, threshold: __m512, value: __m512) -> __m512i {
    let left = _mm512_and_si512(branch, _mm512_set1_epi32(POSITION as i32));
    let is_greater = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(value, threshold);
    _mm512_mask_add_epi32(left, is_greater, left, _mm512_set1_epi32(1))
}

/// The numbers in the leaves' thresholds.
#[inline]
#[target_feature(enable = "avx512f")]
fn numbers<const WALKED: usize>(
    nodes: *const FlatNode,
    at: &[__m512i; WALKED],
) -> [[u32; WIDTH]; WALKED] {
    let mut numbers = [[0; WIDTH]; WALKED];
    for (numbers, at) in numbers.iter_mut().zip(at) {
        // SAFETY: walks have stayed in their tree, and there are as many numbers as the register has.
        unsafe {
            let leaf = _mm512_i32gather_epi32::<8>(*at, nodes.cast());
            let number = _mm512_andnot_si512(_mm512_set1_epi32(LEAF as i32), leaf);
            _mm512_storeu_si512(numbers.as_mut_ptr().cast(), number);
        }
    }
    numbers
}
