//! 16 walks a register, 4 registers.

use std::arch::x86_64::*;

use super::LANES;
use crate::model::forest::layout::{FlatNode, LEAF, POSITION};
use crate::model::forest::{Forest, MAX_FEATURES};

/// Walks in a register.
const WIDTH: usize = 16;

const REGISTERS: usize = LANES / WIDTH;

/// Trees that one row meets in step. Their nodes come from farther away than those of one tree, so there are more.
const TREES: usize = 128;

/// Adds every tree's leaf of each row to its sums, which are those of a multiple of [`LANES`] rows.
#[target_feature(enable = "avx512f")]
pub(super) fn add_tile(forest: &Forest, tile: &[f32], sums: &mut [f32]) {
    for &span in &forest.spans {
        let tree = forest.tree(span);
        let top = Top::of(tree);
        let blocks = tile.chunks_exact(LANES * forest.features);
        for (rows, sums) in blocks.zip(sums.chunks_exact_mut(LANES * forest.stride())) {
            let leaves = leaves_of_rows(tree, &top, span.depth, rows);
            forest.add_leaves(sums, &leaves);
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
        let leaves = leaves_of_trees(forest, roots, depth, row);
        forest.add_leaves_of_row(sums, &leaves[..spans.len()]);
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

/// The numbers of the leaves in which the rows end.
#[inline]
#[target_feature(enable = "avx512f")]
fn leaves_of_rows(tree: &[FlatNode], top: &Top, depth: usize, rows: &[f32]) -> [u32; LANES] {
    let lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    let mut at = [_mm512_setzero_si512(); REGISTERS];
    let step = |(threshold, branch): (__m512, __m512i), register: usize| {
        let row = _mm512_add_epi32(lanes, _mm512_set1_epi32((register * WIDTH) as i32));
        let value = _mm512_mullo_epi32(
            _mm512_srli_epi32::<24>(branch),
            _mm512_set1_epi32(LANES as i32),
        );
        let value = _mm512_add_epi32(row, value);
        // SAFETY: `rows` has a value of each lane for each feature.
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
fn leaves_of_trees(
    forest: &Forest,
    roots: &[u32],
    depth: usize,
    row: &[f32; MAX_FEATURES],
) -> [u32; TREES] {
    let mut at = [_mm512_setzero_si512(); TREES / WIDTH];
    let mut root = at;
    for (root, roots) in root.iter_mut().zip(roots.chunks_exact(WIDTH)) {
        // SAFETY: the chunk has as many numbers as the register.
        *root = unsafe { _mm512_loadu_si512(roots.as_ptr().cast()) };
    }
    let registers = roots.len() / WIDTH;
    for _ in 0..depth {
        let mut resting = true;
        for (at, root) in at[..registers].iter_mut().zip(root) {
            let (threshold, branch) = nodes(forest.nodes.as_ptr(), _mm512_add_epi32(*at, root));
            // SAFETY: 8 bits of feature are below the row's 256 values.
            let value =
                unsafe { _mm512_i32gather_ps::<4>(_mm512_srli_epi32::<24>(branch), row.as_ptr()) };
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
fn numbers<const WALKS: usize>(nodes: *const FlatNode, at: &[__m512i]) -> [u32; WALKS] {
    let mut numbers = [0; WALKS];
    for (numbers, at) in numbers.chunks_exact_mut(WIDTH).zip(at) {
        // SAFETY: walks have stayed in their tree, and the chunk has as many numbers as the register.
        unsafe {
            let leaf = _mm512_i32gather_epi32::<8>(*at, nodes.cast());
            let number = _mm512_andnot_si512(_mm512_set1_epi32(LEAF as i32), leaf);
            _mm512_storeu_si512(numbers.as_mut_ptr().cast(), number);
        }
    }
    numbers
}
