//! The numbers of a model file: its arrays, one after the other.

use bytes::{Buf, BufMut};

use super::Header;
use crate::model::forest::Arrays;

/// Medians, trees and calibration as bytes.
pub(super) fn write_arrays(typical: &[f64], arrays: &Arrays, calibration: &[f32]) -> Vec<u8> {
    let mut bytes = Vec::new();
    typical.iter().for_each(|&value| bytes.put_f64_le(value));
    arrays.sizes.iter().for_each(|&size| bytes.put_u32_le(size));
    bytes.put_slice(&arrays.features);
    for column in [&arrays.thresholds, &arrays.covers, &arrays.shares] {
        column.iter().for_each(|&value| bytes.put_f32_le(value));
    }
    calibration
        .iter()
        .for_each(|&value| bytes.put_f32_le(value));
    bytes
}

/// Medians, trees and calibration; the caller has compared the lengths.
pub(super) fn read_arrays(header: &Header, mut bytes: &[u8]) -> (Vec<f64>, Arrays, Vec<f32>) {
    let typical = header.features.iter().map(|_| bytes.get_f64_le()).collect();
    let sizes = (0..header.trees).map(|_| bytes.get_u32_le()).collect();
    let features = bytes[..header.nodes].to_vec();
    bytes.advance(header.nodes);
    let mut column = |length: usize| (0..length).map(|_| bytes.get_f32_le()).collect();
    let arrays = Arrays {
        sizes,
        features,
        thresholds: column(header.nodes),
        covers: column(header.nodes),
        shares: column(header.leaves * header.classes.len()),
        is_divided: header.is_divided,
    };
    let rest = bytes.remaining() / size_of::<f32>();
    let calibration = (0..rest).map(|_| bytes.get_f32_le()).collect();
    (typical, arrays, calibration)
}
