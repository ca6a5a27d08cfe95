//! Judging rows. Several rows (or, for one row, several trees) are walked in step, so that the memory latency of one
//! hides behind the others; a tile of rows meets one tree after the other, so that the tree stays in the cache.
//!
//! Sums are taken tree by tree in both ways, so a row gets the same bits alone and in a batch.

use ndarray::{Array2, ArrayView2, Axis};

use super::layout::FlatNode;
use super::{Forest, Instructions, MAX_FEATURES};

/// Walks in step, with ordinary registers.
const LANES: usize = 16;

/// Levels between two looks whether all walks have arrived.
pub(super) const LEVELS: usize = 4;

/// Rows of a tile: 1,024 × 40 features × 4 bytes = 160 KiB, which stream from L2 while a tree stays in L1.
const TILE: usize = 1024;

impl Forest {
    /// Class probabilities: the mean of the trees' leaf distributions, one row for each of `rows`.
    ///
    /// Columns that `rows` lacks count as NaN, which goes left everywhere; further columns are not looked at.
    /// [`Model::check_features`](crate::model::Model::check_features) is where a mismatch is an error.
    #[must_use]
    pub fn predict(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        self.predict_by(Instructions::best(), rows)
    }

    /// The same bits as [`Forest::predict`], by these instructions where the processor has them.
    #[must_use]
    pub fn predict_by(&self, instructions: Instructions, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        let lanes = instructions.lanes();
        let mut probabilities = Array2::zeros((rows.nrows(), self.classes));
        let few = match rows.nrows() % lanes {
            few if few <= instructions.few() => few,
            _ => 0,
        };
        let (rows, rest) = rows.split_at(Axis(0), rows.nrows() - few);
        let (mut probabilities_of_rows, mut probabilities_of_rest) =
            probabilities.view_mut().split_at(Axis(0), rows.nrows());
        for (row, mut output) in rest
            .rows()
            .into_iter()
            .zip(probabilities_of_rest.rows_mut())
        {
            // Rows of a new array lie in one piece.
            if let Some(output) = output.as_slice_mut() {
                self.judge_one(instructions, &padded(row), output);
            }
        }
        let height = TILE.min(rows.nrows().next_multiple_of(lanes));
        let mut tile = vec![f32::NAN; height * self.features];
        let mut sums = vec![0.0; height * self.stride()];
        let outputs = probabilities_of_rows.axis_chunks_iter_mut(Axis(0), TILE);
        for (rows, mut output) in rows.axis_chunks_iter(Axis(0), TILE).zip(outputs) {
            for (target, row) in tile.chunks_exact_mut(self.features).zip(rows.rows()) {
                for (value, &given) in target.iter_mut().zip(row) {
                    *value = given;
                }
            }
            sums.fill(0.0);
            // Lanes after the last row judge what is left from before; nobody reads their sums.
            let height = rows.nrows().next_multiple_of(lanes);
            let tile = &tile[..height * self.features];
            let tile_sums = &mut sums[..height * self.stride()];
            if !self.gather_tile(instructions, tile, tile_sums) {
                self.add_tile(tile, tile_sums);
            }
            for (mut output, sums) in output
                .rows_mut()
                .into_iter()
                .zip(sums.chunks(self.stride()))
            {
                for (probability, sum) in output.iter_mut().zip(sums) {
                    *probability = self.mean(*sum);
                }
            }
        }
        probabilities
    }

    /// Class probabilities of one row into `out`, the same bits as [`Forest::predict`] gives.
    ///
    /// A row that is too short is filled up with NaN; entries of `out` after the last class become 0.
    pub fn predict_one(&self, row: &[f32], out: &mut [f32]) {
        self.judge_one(Instructions::best(), &padded(row), out);
    }

    fn judge_one(&self, instructions: Instructions, row: &[f32; MAX_FEATURES], out: &mut [f32]) {
        out.fill(0.0);
        if !self.gather_row(instructions, row, out) {
            self.add_row(row, out);
        }
        for probability in out.iter_mut() {
            *probability = self.mean(*probability);
        }
    }

    /// Adds every tree's leaf of one row to `sums`: trees in step in place of rows.
    fn add_row(&self, row: &[f32; MAX_FEATURES], sums: &mut [f32]) {
        for spans in self.spans.chunks(LANES) {
            let mut at = [0; LANES];
            loop {
                let mut arrived = true;
                for (position, &span) in at.iter_mut().zip(spans) {
                    let tree = self.tree(span);
                    for _ in 0..LEVELS {
                        let node = tree[*position as usize];
                        *position = node.next(row[node.feature()]);
                    }
                    arrived &= tree[*position as usize].is_leaf();
                }
                if arrived {
                    break;
                }
            }
            for (&position, &span) in at.iter().zip(spans) {
                let leaf = self.tree(span)[position as usize].leaf_number();
                add(sums, self.leaf(span, leaf));
            }
        }
    }

    fn mean(&self, sum: f32) -> f32 {
        sum / self.trees() as f32
    }

    /// Adds every tree's leaf of each row in `tile` to the row's sums. Both hold a multiple of [`LANES`] rows.
    fn add_tile(&self, tile: &[f32], sums: &mut [f32]) {
        let stride = self.stride();
        for &span in &self.spans {
            let tree = self.tree(span);
            let blocks = tile.chunks_exact(LANES * self.features);
            for (rows, sums) in blocks.zip(sums.chunks_exact_mut(LANES * stride)) {
                let leaves = walk(tree, rows, self.features);
                for (sums, leaf) in sums.chunks_exact_mut(stride).zip(leaves) {
                    add(sums, self.leaf(span, leaf));
                }
            }
        }
    }
}

/// The leaf of each of [`LANES`] rows.
#[inline]
fn walk(tree: &[FlatNode], rows: &[f32], width: usize) -> [usize; LANES] {
    let mut at = [0u32; LANES];
    loop {
        for _ in 0..LEVELS {
            for (lane, position) in at.iter_mut().enumerate() {
                let node = tree[*position as usize];
                *position = node.next(rows[lane * width + node.feature()]);
            }
        }
        let nodes = at.map(|position| tree[position as usize]);
        if nodes.iter().all(|node| node.is_leaf()) {
            return nodes.map(FlatNode::leaf_number);
        }
    }
}

/// The row, filled up with NaN, which goes left.
fn padded<'a>(row: impl IntoIterator<Item = &'a f32>) -> [f32; MAX_FEATURES] {
    let mut padded = [f32::NAN; MAX_FEATURES];
    for (value, &given) in padded.iter_mut().zip(row) {
        *value = given;
    }
    padded
}

#[inline]
pub(super) fn add(sums: &mut [f32], leaf: &[f32]) {
    for (sum, share) in sums.iter_mut().zip(leaf) {
        *sum += share;
    }
}
