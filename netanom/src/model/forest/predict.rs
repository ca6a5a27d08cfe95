//! Judging rows. Several rows (or, for one row, several trees) are walked in step, so that the memory latency of one
//! hides behind the others; a tile of rows meets one tree after the other, so that the tree stays in the cache.
//!
//! Sums are taken tree by tree in both ways, so a row gets the same bits alone and in a batch.

use ndarray::{Array2, ArrayView2, Axis};

use super::layout::FlatNode;
use super::{CLASS_LANES, Forest, Instructions, MAX_FEATURES};

/// Walks in step, with ordinary registers.
const LANES: usize = 16;

/// Levels between two looks whether all walks have arrived.
const LEVELS: usize = 4;

/// Levels before the first look whether all walks of rows have arrived: they seldom have in the forests that we grow.
const USUAL_DEPTH: usize = 16;

/// What stands for a row that is not there.
const NO_ROW: [f32; MAX_FEATURES] = [f32::NAN; MAX_FEATURES];

/// Rows of a tile: 2,048 × 40 features × 4 bytes = 320 KiB, which stream from L2 while a tree stays in L1.
const TILE: usize = 2048;

impl Forest {
    /// Class shares: the mean of the trees' leaf distributions, not calibrated ([`Model::predict`](crate::model::Model::predict) is), one row for each of `rows`.
    ///
    /// Columns that `rows` lacks count as NaN, which goes left everywhere; further columns are not looked at.
    /// [`Model::columns`](crate::model::Model::columns) is where a mismatch is an error.
    #[must_use]
    pub fn predict(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        self.predict_by(Instructions::best(), rows)
    }

    /// The same bits as [`Forest::predict`], by these instructions where the processor has them, else by those that
    /// every one has.
    #[must_use]
    pub fn predict_by(&self, instructions: Instructions, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        // Decided here and not where they are met: how rows are laid out follows from it.
        let instructions = match instructions.are_here() {
            true => instructions,
            false => Instructions::Portable,
        };
        if let Some(inputs) = &self.inputs {
            return self.judge_rows(instructions, inputs.of_rows(rows).view());
        }
        self.judge_rows(instructions, rows)
    }

    /// Rows of the columns that nodes ask for.
    fn judge_rows(&self, instructions: Instructions, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        let (lanes, side_by_side) = (instructions.lanes(), instructions.side_by_side());
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
        if rows.nrows() == 0 {
            return probabilities;
        }
        let height = TILE.min(rows.nrows().next_multiple_of(lanes));
        // From the start of every row, as many values can be read as a node can name.
        let mut tile = vec![f32::NAN; height * self.features + MAX_FEATURES];
        let mut sums = vec![0.0; height * self.stride()];
        let outputs = probabilities_of_rows.axis_chunks_iter_mut(Axis(0), TILE);
        for (rows, mut output) in rows.axis_chunks_iter(Axis(0), TILE).zip(outputs) {
            for (block, rows) in tile
                .chunks_exact_mut(side_by_side * self.features)
                .zip(rows.axis_chunks_iter(Axis(0), side_by_side))
            {
                for (lane, row) in rows.rows().into_iter().enumerate() {
                    for (values, &given) in block.chunks_exact_mut(side_by_side).zip(row) {
                        values[lane] = given;
                    }
                }
            }
            sums.fill(0.0);
            // Lanes after the last row judge what is left from before; nobody reads their sums.
            let height = rows.nrows().next_multiple_of(lanes);
            let tile = &tile[..height * self.features + MAX_FEATURES];
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
        let row = match &self.inputs {
            Some(inputs) => padded(&inputs.of_row(row)),
            None => padded(row),
        };
        self.judge_one(Instructions::best(), &row, out);
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
            let mut trees: [&[FlatNode]; LANES] = [&[]; LANES];
            for (tree, &span) in trees.iter_mut().zip(spans) {
                *tree = self.tree(span);
            }
            let trees = &trees[..spans.len()];
            let depth = spans.iter().map(|span| span.depth).max();
            let mut at = [0; LANES];
            for _ in 0..depth.unwrap_or(0) {
                for (position, tree) in at.iter_mut().zip(trees) {
                    let node = tree[*position as usize];
                    *position = node.next(row[node.feature()]);
                }
            }
            for (position, tree) in at.iter_mut().zip(trees) {
                *position = tree[*position as usize].distribution() as u32;
            }
            self.add_leaves_of_row(sums, &at[..spans.len()]);
        }
    }

    fn mean(&self, sum: f32) -> f32 {
        sum / self.divisor()
    }

    /// Adds every tree's leaf of each row in `tile` to the row's sums, which are those of a multiple of [`LANES`] rows.
    fn add_tile(&self, tile: &[f32], sums: &mut [f32]) {
        for &span in &self.spans {
            let tree = self.tree(span);
            for (block, sums) in sums.chunks_exact_mut(LANES * self.stride()).enumerate() {
                let rows = &tile[block * LANES * self.features..];
                let leaves = walk(tree, span.depth, rows, self.features);
                self.add_leaves(sums, &leaves);
            }
        }
    }

    /// Adds the distributions of these numbers to one row's sums, of any length.
    #[inline]
    pub(super) fn add_leaves_of_row(&self, sums: &mut [f32], numbers: &[u32]) {
        // The usual width on its own: one register, no way through memory.
        if self.stride() == CLASS_LANES && sums.len() <= CLASS_LANES {
            let distributions = self.distributions.as_chunks::<CLASS_LANES>().0;
            let mut register = [0.0; CLASS_LANES];
            register[..sums.len()].copy_from_slice(sums);
            for &number in numbers {
                let distribution = &distributions[number as usize];
                register = std::array::from_fn(|class| register[class] + distribution[class]);
            }
            sums.copy_from_slice(&register[..sums.len()]);
        } else {
            for &number in numbers {
                add(sums, self.distribution(number as usize));
            }
        }
    }

    /// Adds the distributions of these numbers, one to each row's sums.
    #[inline]
    pub(super) fn add_leaves(&self, sums: &mut [f32], numbers: &[u32]) {
        // The usual width on its own: whole registers, no loop.
        if self.stride() == CLASS_LANES {
            let distributions = self.distributions.as_chunks::<CLASS_LANES>().0;
            let sums = sums.as_chunks_mut::<CLASS_LANES>().0;
            for (sums, &number) in sums.iter_mut().zip(numbers) {
                let distribution = &distributions[number as usize];
                *sums = std::array::from_fn(|class| sums[class] + distribution[class]);
            }
        } else {
            let sums = sums.chunks_exact_mut(self.stride());
            for (sums, &number) in sums.zip(numbers) {
                add(sums, self.distribution(number as usize));
            }
        }
    }
}

/// The leaf of each of [`LANES`] rows. From the start of each, as many values must follow as a node can name.
#[inline(never)]
fn walk(tree: &[FlatNode], depth: usize, rows: &[f32], width: usize) -> [u32; LANES] {
    let rows: [&[f32; MAX_FEATURES]; LANES] =
        std::array::from_fn(|lane| rows[lane * width..].first_chunk().unwrap_or(&NO_ROW));
    let mut at = [0u32; LANES];
    for level in 0..depth {
        for (position, row) in at.iter_mut().zip(&rows) {
            let node = tree[*position as usize];
            *position = node.next(row[node.feature()]);
        }
        // Few rows go to the end of trees that are deeper than usual.
        if level >= USUAL_DEPTH
            && level % LEVELS == 0
            && at.iter().all(|&position| tree[position as usize].is_leaf())
        {
            break;
        }
    }
    for position in &mut at {
        *position = tree[*position as usize].distribution() as u32;
    }
    at
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
fn add(sums: &mut [f32], leaf: &[f32]) {
    for (sum, share) in sums.iter_mut().zip(leaf) {
        *sum += share;
    }
}
