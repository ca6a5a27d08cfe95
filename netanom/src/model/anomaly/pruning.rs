//! The nearest of many rows, exactly, without looking at most of them.
//!
//! Rows lie in balls around some of them. By the triangle inequality none in a ball is nearer than the distance to its
//! centre less its radius, so balls are looked at in that order until no other can hold a nearer one (Omohundro 1989).

use ndarray::{Array2, ArrayView2};

/// A near row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// Which row, in the order of [`Balls::rows`].
    pub place: usize,
    /// How far.
    pub distance: f32,
}

/// Rows in balls.
#[derive(Clone, Debug, PartialEq)]
pub struct Balls {
    /// Ball after ball.
    rows: Array2<f32>,
    balls: Vec<Ball>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Ball {
    /// Its first row, which is its centre.
    first: usize,
    rows: usize,
    radius: f32,
}

impl Balls {
    /// Puts rows into √n balls around rows that are drawn from all over. With them comes where each row stood before.
    #[must_use]
    pub fn of(rows: ArrayView2<'_, f32>) -> (Self, Vec<usize>) {
        let count = rows.nrows();
        let rows = rows.as_standard_layout();
        let row = |place: usize| rows.row(place).to_slice().unwrap_or_default();
        let step = (count as f64).sqrt().ceil().max(1.0) as usize;
        let centres: Vec<usize> = (0..count).step_by(step).collect();
        let mut members: Vec<Vec<(usize, f32)>> = vec![Vec::new(); centres.len()];
        for place in 0..count {
            let distance = |centre: &usize| square(row(*centre), row(place)).sqrt();
            let nearest = centres.iter().map(distance).enumerate();
            let nearest = nearest.min_by(|a, b| a.1.total_cmp(&b.1));
            if let Some((ball, distance)) = nearest {
                members[ball].push((place, distance));
            }
        }
        let mut order = Vec::with_capacity(count);
        for (centre, members) in centres.iter().zip(&mut members) {
            // Of equal rows another one may stand first; the centre is any of them.
            members.sort_by_key(|(place, _)| (place != centre, *place));
            order.extend(members.iter().map(|(place, _)| *place));
        }
        let sorted = rows.select(ndarray::Axis(0), &order);
        let sizes: Vec<usize> = members.iter().map(Vec::len).collect();
        (Self::new(sorted, &sizes), order)
    }

    /// Rows that lie ball after ball, of which each has so many.
    pub(super) fn new(rows: Array2<f32>, sizes: &[usize]) -> Self {
        let mut all = Self {
            rows,
            balls: Vec::with_capacity(sizes.len()),
        };
        let mut first = 0;
        for size in sizes.iter().copied().filter(|size| *size > 0) {
            let squares = (first..first + size).map(|place| square(all.row(first), all.row(place)));
            let radius = squares.fold(0.0, f32::max).sqrt();
            all.balls.push(Ball {
                first,
                rows: size,
                radius,
            });
            first += size;
        }
        all
    }

    /// The rows, in an order of their own.
    #[must_use]
    pub fn rows(&self) -> &Array2<f32> {
        &self.rows
    }

    pub(super) fn sizes(&self) -> impl Iterator<Item = usize> {
        self.balls.iter().map(|ball| ball.rows)
    }

    fn row(&self, place: usize) -> &[f32] {
        // A new array in rows lies in one piece.
        self.rows.row(place).to_slice().unwrap_or_default()
    }

    /// The `count` nearest rows but `without`, nearest first.
    #[must_use]
    pub fn nearest(&self, row: &[f32], count: usize, without: Option<usize>) -> Vec<Neighbour> {
        let mut order: Vec<(f32, &Ball)> = self
            .balls
            .iter()
            .map(|ball| {
                let distance = square(row, self.row(ball.first)).sqrt();
                // Less by what rounding may have added.
                (distance * (1.0 - 1e-5) - ball.radius * (1.0 + 1e-5), ball)
            })
            .collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut nearest: Vec<Neighbour> = Vec::with_capacity(count + 1);
        let mut farthest = f32::INFINITY;
        for (least, ball) in order {
            if least > 0.0 && least * least > farthest {
                break;
            }
            for place in
                (ball.first..ball.first + ball.rows).filter(|place| Some(*place) != without)
            {
                let distance = square(row, self.row(place));
                if distance < farthest {
                    let at = nearest.partition_point(|other| other.distance <= distance);
                    nearest.insert(at, Neighbour { place, distance });
                    nearest.truncate(count);
                    if let Some(last) = nearest.get(count.wrapping_sub(1)) {
                        farthest = last.distance;
                    }
                }
            }
        }
        for neighbour in &mut nearest {
            neighbour.distance = neighbour.distance.sqrt();
        }
        nearest
    }
}

/// ‖a − b‖², in eight sums side by side, which the compiler puts into one register.
fn square(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    let (a, rest_of_a) = a.as_chunks::<8>();
    let (b, rest_of_b) = b.as_chunks::<8>();
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += (a - b) * (a - b);
        }
    }
    let rest = rest_of_a.iter().zip(rest_of_b);
    let rest = rest.map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
    sums.iter().sum::<f32>() + rest
}
