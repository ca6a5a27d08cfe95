//! Fits a local outlier factor: how dense it is around each of the rows that are kept (Breunig et al. 2000).

use ndarray::{ArrayView2, s};

use super::{by_rows, library};
use crate::learn::trainer::TrainError;
use crate::model::anomaly::{Balls, LocalOutlierFactor, Neighbour};

/// Neighbours, as in scikit-learn.
const NEIGHBOURS: usize = 20;

/// Rows that are kept at most: 65,536 of 41 columns are 11 MiB of a model file.
const ROWS: usize = 1 << 16;

pub(super) fn fit(rows: ArrayView2<'_, f32>) -> Result<LocalOutlierFactor, TrainError> {
    let rows = rows.slice(s![..rows.nrows().min(ROWS), ..]);
    let (balls, _) = Balls::of(rows);
    let neighbours = NEIGHBOURS.min(rows.nrows() - 1).max(1);
    let count = balls.rows().nrows();
    let places: Vec<f32> = (0..count).map(|place| place as f32).collect();
    // By place, so that each row can be left out of its own neighbours.
    let places = ArrayView2::from_shape((count, 1), &places);
    let places = places.map_err(|error| library("the neighbours", &error))?;
    let near: Vec<Vec<Neighbour>> = by_rows(places, |places| {
        let of = |place: &f32| {
            let place = *place as usize;
            let row = balls.rows().row(place);
            balls.nearest(row.to_slice().unwrap_or_default(), neighbours, Some(place))
        };
        places.iter().map(of).collect()
    });
    let last = |near: &Vec<Neighbour>| near.last().map_or(0.0, |last| last.distance);
    let reaches: Vec<f32> = near.iter().map(last).collect();
    let densities: Vec<f32> = near
        .iter()
        .map(|near| LocalOutlierFactor::density(near, &reaches))
        .collect();
    LocalOutlierFactor::new(balls, neighbours, reaches, densities)
        .map_err(|error| library("the neighbours", &error))
}
