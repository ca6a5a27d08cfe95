//! 8 walks a register, 8 registers.

use std::arch::x86_64::*;

use super::{LANES, PREFETCHED, parts_of, prefetch};
use crate::model::forest::layout::{FlatNode, LEAF, POSITION};
use crate::model::forest::{Forest, MAX_FEATURES};

/// Walks in a register.
const WIDTH: usize = 8;

const REGISTERS: usize = LANES / WIDTH;

/// Trees that one row meets in step: as many as the registers hold.
const TREES: usize = 64;

/// Adds every tree's leaf of each row to its sums, which are those of a multiple of [`LANES`] rows.
#[target_feature(enable = "avx2")]
pub(super) fn add_tile(forest: &Forest, tile: &[f32], sums: &mut [f32]) {
    let block_sums = LANES * forest.stride();
    for (number, &span) in forest.spans.iter().enumerate() {
        let tree = forest.tree(span);
        let top = Top::of(tree);
        let mut next_tree = parts_of(forest, number + 1, PREFETCHED);
        let blocks = tile.chunks_exact(LANES * forest.features);
        for (rows, sums) in blocks.zip(sums.chunks_exact_mut(block_sums)) {
            prefetch(next_tree.next());
            let leaves = leaves_of_rows(tree, &top, span.depth, rows);
            forest.add_leaves(sums, &leaves);
        }
    }
}

/// Adds every tree's leaf of one row to `sums`.
#[target_feature(enable = "avx2")]
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
    threshold: __m256i,
    branch: __m256i,
}

impl Top {
    /// Steps that it serves: before the k-th, positions are below 2^k − 1.
    const LEVELS: usize = 3;

    #[inline]
    #[target_feature(enable = "avx2")]
    fn of(tree: &[FlatNode]) -> Self {
        // A tree may be smaller; what is behind its end is never asked for.
        let mut first = [tree[0]; WIDTH];
        for (first, &node) in first.iter_mut().zip(tree) {
            *first = node;
        }
        let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        let (threshold, branch) = nodes(first.as_ptr(), lanes);
        Self {
            threshold: _mm256_castps_si256(threshold),
            branch,
        }
    }

    /// Thresholds and branches at these positions.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn nodes(&self, at: __m256i) -> (__m256, __m256i) {
        (
            _mm256_castsi256_ps(_mm256_permutevar8x32_epi32(self.threshold, at)),
            _mm256_permutevar8x32_epi32(self.branch, at),
        )
    }
}

/// The numbers of the leaves in which the rows end.
#[inline]
#[target_feature(enable = "avx2")]
fn leaves_of_rows(tree: &[FlatNode], top: &Top, depth: usize, rows: &[f32]) -> [u32; LANES] {
    let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    let mut at = [_mm256_setzero_si256(); REGISTERS];
    let step = |(threshold, branch): (__m256, __m256i), register: usize| {
        let row = _mm256_add_epi32(lanes, _mm256_set1_epi32((register * WIDTH) as i32));
        let value = _mm256_mullo_epi32(
            _mm256_srli_epi32::<24>(branch),
            _mm256_set1_epi32(LANES as i32),
        );
        let value = _mm256_add_epi32(row, value);
        // SAFETY: `rows` has a value of each lane for each feature.
        let value = unsafe { _mm256_i32gather_ps::<4>(rows.as_ptr(), value) };
        next(branch, threshold, value)
    };
    for _ in 0..Top::LEVELS {
        for (register, at) in at.iter_mut().enumerate() {
            *at = step(top.nodes(*at), register);
        }
    }
    for _ in Top::LEVELS..depth {
        let mut resting = _mm256_set1_epi32(-1);
        for (register, at) in at.iter_mut().enumerate() {
            let next = step(nodes(tree.as_ptr(), *at), register);
            resting = _mm256_and_si256(resting, _mm256_cmpeq_epi32(*at, next));
            *at = next;
        }
        if _mm256_movemask_epi8(resting) == -1 {
            break;
        }
    }
    numbers(tree.as_ptr(), &at)
}

/// The numbers of the leaves in which a row ends, in the trees with these roots: a multiple of [`WIDTH`].
#[inline]
#[target_feature(enable = "avx2")]
fn leaves_of_trees(
    forest: &Forest,
    roots: &[u32],
    depth: usize,
    row: &[f32; MAX_FEATURES],
) -> [u32; TREES] {
    let mut at = [_mm256_setzero_si256(); TREES / WIDTH];
    let mut root = at;
    for (root, roots) in root.iter_mut().zip(roots.chunks_exact(WIDTH)) {
        // SAFETY: the chunk has as many numbers as the register.
        *root = unsafe { _mm256_loadu_si256(roots.as_ptr().cast()) };
    }
    let registers = roots.len() / WIDTH;
    for _ in 0..depth {
        let mut resting = _mm256_set1_epi32(-1);
        for (at, root) in at[..registers].iter_mut().zip(root) {
            let (threshold, branch) = nodes(forest.nodes.as_ptr(), _mm256_add_epi32(*at, root));
            // SAFETY: 8 bits of feature are below the row's 256 values.
            let value =
                unsafe { _mm256_i32gather_ps::<4>(row.as_ptr(), _mm256_srli_epi32::<24>(branch)) };
            let next = next(branch, threshold, value);
            resting = _mm256_and_si256(resting, _mm256_cmpeq_epi32(*at, next));
            *at = next;
        }
        if _mm256_movemask_epi8(resting) == -1 {
            break;
        }
    }
    for (at, root) in at.iter_mut().zip(root) {
        *at = _mm256_add_epi32(*at, root);
    }
    numbers(forest.nodes.as_ptr(), &at)
}

/// Thresholds and branches of the nodes at these positions.
#[inline]
#[target_feature(enable = "avx2")]
fn nodes(nodes: *const FlatNode, at: __m256i) -> (__m256, __m256i) {
    // A node is two words, threshold and branch: one load for both. Taking the words apart works within halves of a
    // register, so the second and the third pair of lanes change places before.
    let at = _mm256_permute4x64_epi64::<0b11_01_10_00>(at);
    let lower = _mm256_castsi256_si128(at);
    let upper = _mm256_extracti128_si256::<1>(at);
    // SAFETY: walks stay in their tree.
    let (lower, upper) = unsafe {
        (
            _mm256_i32gather_pd::<8>(nodes.cast(), lower),
            _mm256_i32gather_pd::<8>(nodes.cast(), upper),
        )
    };
    let (lower, upper) = (_mm256_castpd_ps(lower), _mm256_castpd_ps(upper));
    (
        _mm256_shuffle_ps::<0b10_00_10_00>(lower, upper),
        _mm256_castps_si256(_mm256_shuffle_ps::<0b11_01_11_01>(lower, upper)),
    )
}

/// Where walks go: right where the value is greater, which compares as −1.
#[inline]
#[target_feature(enable = "avx2")]
fn next(branch: __m256i, threshold: __m256, value: __m256) -> __m256i {
    let left = _mm256_and_si256(branch, _mm256_set1_epi32(POSITION as i32));
    let is_greater = _mm256_cmp_ps::<_CMP_GT_OQ>(value, threshold);
    _mm256_sub_epi32(left, _mm256_castps_si256(is_greater))
}

/// The numbers in the leaves' thresholds.
#[inline]
#[target_feature(enable = "avx2")]
fn numbers<const WALKS: usize>(nodes: *const FlatNode, at: &[__m256i]) -> [u32; WALKS] {
    let mut numbers = [0; WALKS];
    for (numbers, at) in numbers.chunks_exact_mut(WIDTH).zip(at) {
        // SAFETY: walks have stayed in their tree, and the chunk has as many numbers as the register.
        unsafe {
            let leaf = _mm256_i32gather_epi32::<8>(nodes.cast(), *at);
            let number = _mm256_andnot_si256(_mm256_set1_epi32(LEAF as i32), leaf);
            _mm256_storeu_si256(numbers.as_mut_ptr().cast(), number);
        }
    }
    numbers
}
