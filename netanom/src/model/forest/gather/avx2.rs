//! 8 walks a register, 8 registers.

use std::arch::x86_64::*;

use super::LANES;
use crate::model::forest::layout::{FlatNode, LEAF, POSITION};
use crate::model::forest::predict::{LEVELS, add};
use crate::model::forest::{Forest, MAX_FEATURES};

/// Walks in a register.
const WIDTH: usize = 8;

const REGISTERS: usize = LANES / WIDTH;

/// Adds every tree's leaf of each row to its sums; both hold a multiple of [`LANES`] rows.
#[target_feature(enable = "avx2")]
pub(super) fn add_tile(forest: &Forest, tile: &[f32], sums: &mut [f32]) {
    let stride = forest.stride();
    for &span in &forest.spans {
        let tree = forest.tree(span);
        let blocks = tile.chunks_exact(LANES * forest.features);
        for (rows, sums) in blocks.zip(sums.chunks_exact_mut(LANES * stride)) {
            let leaves = leaves_of_rows(tree, rows, forest.features);
            for (sums, leaf) in sums.chunks_exact_mut(stride).zip(leaves) {
                add(sums, forest.leaf(span, leaf as usize));
            }
        }
    }
}

/// Adds every tree's leaf of one row to `sums`.
#[target_feature(enable = "avx2")]
pub(super) fn add_row(forest: &Forest, row: &[f32; MAX_FEATURES], sums: &mut [f32]) {
    for spans in forest.spans.chunks(LANES) {
        let mut roots = [spans[0].first_node as u32; LANES];
        for (root, span) in roots.iter_mut().zip(spans) {
            *root = span.first_node as u32;
        }
        let leaves = leaves_of_trees(forest, &roots[..spans.len().next_multiple_of(WIDTH)], row);
        for (&span, leaf) in spans.iter().zip(leaves) {
            add(sums, forest.leaf(span, leaf as usize));
        }
    }
}

/// The numbers of the leaves in which the rows end.
#[inline]
#[target_feature(enable = "avx2")]
fn leaves_of_rows(tree: &[FlatNode], rows: &[f32], width: usize) -> [u32; LANES] {
    let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    let first = _mm256_mullo_epi32(lanes, _mm256_set1_epi32(width as i32));
    let mut at = [_mm256_setzero_si256(); REGISTERS];
    let step = |at: &mut __m256i, register: usize| {
        let row = _mm256_add_epi32(first, _mm256_set1_epi32((register * WIDTH * width) as i32));
        let (threshold, branch) = nodes(tree.as_ptr(), *at);
        let value = _mm256_add_epi32(row, _mm256_srli_epi32::<24>(branch));
        // SAFETY: features are below `width`, and `rows` has `width` values for each lane.
        let value = unsafe { _mm256_i32gather_ps::<4>(rows.as_ptr(), value) };
        next(branch, threshold, value)
    };
    let mut levels = LEVELS + 1;
    loop {
        let mut resting = _mm256_set1_epi32(-1);
        for level in (0..levels).rev() {
            for (register, at) in at.iter_mut().enumerate() {
                let next = step(at, register);
                if level == 0 {
                    resting = _mm256_and_si256(resting, _mm256_cmpeq_epi32(*at, next));
                }
                *at = next;
            }
        }
        if _mm256_movemask_epi8(resting) == -1 {
            break;
        }
        levels = LEVELS;
    }
    numbers(tree.as_ptr(), &at)
}

/// The numbers of the leaves in which a row ends, in the trees with these roots: a multiple of [`WIDTH`].
#[inline]
#[target_feature(enable = "avx2")]
fn leaves_of_trees(forest: &Forest, roots: &[u32], row: &[f32; MAX_FEATURES]) -> [u32; LANES] {
    let mut at = [_mm256_setzero_si256(); REGISTERS];
    let mut root = at;
    for (root, roots) in root.iter_mut().zip(roots.chunks_exact(WIDTH)) {
        // SAFETY: the chunk has as many numbers as the register.
        *root = unsafe { _mm256_loadu_si256(roots.as_ptr().cast()) };
    }
    let registers = roots.len() / WIDTH;
    let mut levels = LEVELS + 1;
    loop {
        let mut resting = _mm256_set1_epi32(-1);
        for level in (0..levels).rev() {
            for (at, root) in at[..registers].iter_mut().zip(root) {
                let (threshold, branch) = nodes(forest.nodes.as_ptr(), _mm256_add_epi32(*at, root));
                // SAFETY: 8 bits of feature are below the row's 256 values.
                let value = unsafe {
                    _mm256_i32gather_ps::<4>(row.as_ptr(), _mm256_srli_epi32::<24>(branch))
                };
                let next = next(branch, threshold, value);
                if level == 0 {
                    resting = _mm256_and_si256(resting, _mm256_cmpeq_epi32(*at, next));
                }
                *at = next;
            }
        }
        if _mm256_movemask_epi8(resting) == -1 {
            break;
        }
        levels = LEVELS;
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
    // SAFETY: walks stay in their tree. A node is two words: threshold, branch.
    unsafe {
        (
            _mm256_i32gather_ps::<8>(nodes.cast(), at),
            _mm256_i32gather_epi32::<8>(nodes.cast::<i32>().add(1), at),
        )
    }
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
fn numbers(nodes: *const FlatNode, at: &[__m256i; REGISTERS]) -> [u32; LANES] {
    let mut numbers = [0; LANES];
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
