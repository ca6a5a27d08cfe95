//! The model file: one file, one version number, nothing to be unpacked or executed.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | magic, `NETANOM` and a zero |
//! | 4 | version of the format |
//! | 4 | length of the header |
//! | 8 | length of the arrays |
//! | … | header: JSON |
//! | … | arrays: medians of normal (f64), tree sizes (u32), node features (u8), thresholds, covers, leaf shares, calibration (f32), those with names |
//! | 4 | CRC-32 of all before |
//!
//! Format 1 has no calibration; format 3 is written only for what older programs would misread: a forest whose nodes ask
//! for columns of its own (`inputs`), or whose leaves hold their share of the whole (`is_divided`); format 4 for other kinds
//! of model, whose arrays have names in the header, and for one with a second model for conversations, whose file ends the
//! arrays. Numbers are little-endian. The arrays carry no positions (see [`Forest`]), so a file
//! cannot name a wrong one. The checksum finds damage, not malice: everything behind it is checked again.

mod arrays;
mod kinds;

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use bytes::{Buf, BufMut};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::arrays::{read_arrays, write_arrays};
use self::kinds::Parts;
use super::anomaly::{NamedArrays, Outline};
use super::forest::{Arrays, Input, Inputs};
use super::{CALIBRATION_POINTS, Calibration, Evidence, Forest, Grouping, Model, ModelError};

/// The newest format that this program reads.
pub const FORMAT: u32 = 4;

/// Largest file that is read: ten times a forest of 2 million nodes and 6 classes (18 MB and 23 MB).
pub const MAX_BYTES: u64 = 512 << 20;

/// The format of a forest that does not.
const DIVIDED: u32 = 3;

/// The format of a forest that asks for its rows as they are.
const PLAIN: u32 = 2;

const MAGIC: &[u8; 8] = b"NETANOM\0";

/// Magic, format, and two lengths.
const PREFIX_BYTES: usize = 8 + 4 + 4 + 8;

const CHECKSUM_BYTES: usize = 4;

/// The JSON part. Numbers that must come back to the last bit are in the arrays.
#[derive(Serialize, Deserialize)]
struct Header {
    name: String,
    version: String,
    trained_at: String,
    classes: Vec<String>,
    features: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    words: BTreeMap<String, Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grouping: Option<Grouping>,
    /// What the nodes ask for, where that is not the features as they are: the place of each feature, and whether its
    /// gaps go right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inputs: Option<Vec<(usize, bool)>>,
    /// The leaves hold their share of the whole forest, not of their tree.
    #[serde(default, skip_serializing_if = "is_false")]
    is_divided: bool,
    /// What judges, where that is no forest alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    /// Its arrays that have names, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    named: Vec<Outline>,
    trees: usize,
    nodes: usize,
    leaves: usize,
    /// How it was calibrated, if it was.
    #[serde(default)]
    calibration: Option<String>,
    /// Older programs do not look at it, and older files do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    evidence: Option<Evidence>,
    /// Bytes at the end of the arrays that are a model file of its own: the one of conversations. Older programs refuse
    /// such a file as longer than its header says, so it is written in a newer format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    conversations: Option<usize>,
    trainer: String,
    settings: Value,
    data_digest: String,
    scores: Value,
    card: String,
}

impl Header {
    /// Bytes of the arrays, or `None` where no memory could hold them.
    fn array_bytes(&self) -> Option<usize> {
        let shares = self.leaves.checked_mul(self.classes.len())?;
        let points = match self.calibration {
            Some(_) => self.classes.len().checked_mul(CALIBRATION_POINTS)?,
            None => 0,
        };
        let parts = [
            points.checked_mul(size_of::<f32>())?,
            self.features.len().checked_mul(size_of::<f64>())?,
            self.trees.checked_mul(size_of::<u32>())?,
            self.nodes
                .checked_mul(size_of::<u8>() + 2 * size_of::<f32>())?,
            shares.checked_mul(size_of::<f32>())?,
            self.named_bytes()?,
            self.conversations.unwrap_or_default(),
        ];
        parts.into_iter().try_fold(0usize, usize::checked_add)
    }

    fn named_bytes(&self) -> Option<usize> {
        let mut named = self.named.iter();
        named.try_fold(0_usize, |sum, one| sum.checked_add(one.bytes()?))
    }

    fn check(&self) -> Result<(), ModelError> {
        let inconsistent = |what: String| Err(ModelError::Inconsistent(what));
        let names: HashSet<_> = self.features.iter().collect();
        if names.len() != self.features.len() || names.iter().any(|name| name.is_empty()) {
            return inconsistent("two of its features have one name, or none".to_owned());
        }
        let classes: HashSet<_> = self.classes.iter().collect();
        if classes.len() != self.classes.len() || classes.iter().any(|name| name.is_empty()) {
            return inconsistent("it names a class twice, or not".to_owned());
        }
        self.evidence.as_ref().map_or(Ok(()), Evidence::check)
    }
}

impl Model {
    /// Reads the model at `path`; one that ends in `.onnx` as [`Model::read_onnx`], with the names of its features from
    /// `.onnx.features` beside it where that exists.
    ///
    /// # Errors
    /// [`ModelError::File`] with the path around what [`Model::read`] or [`Model::read_onnx`] says.
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        let read = || {
            let file = fs::File::open(path).map_err(ModelError::Read)?;
            let mut bytes = Vec::new();
            // One byte over the limit, so that `read` sees that it is passed.
            file.take(MAX_BYTES + 1)
                .read_to_end(&mut bytes)
                .map_err(ModelError::Read)?;
            if path.extension().is_none_or(|extension| extension != "onnx") {
                return Self::read(&bytes);
            }
            let found = bytes.len() as u64;
            if found > MAX_BYTES {
                return Err(ModelError::TooBig { found });
            }
            let names = feature_names(path).map_err(ModelError::Read)?;
            Ok(Self::read_onnx(&bytes, names.as_deref())?)
        };
        read().map_err(|source| ModelError::File {
            path: path.to_owned(),
            source: Box::new(source),
        })
    }

    /// Writes the model to `path`, all of it or nothing, and nothing that could not be read again.
    ///
    /// # Errors
    /// [`ModelError::File`] for a model that contradicts itself, [`ModelError::Write`] where the system refuses.
    pub fn save(&self, path: &Path) -> Result<(), ModelError> {
        let bytes = self.write();
        Self::read(&bytes).map_err(|source| ModelError::File {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        let write = || {
            let mut beside = path.to_owned().into_os_string();
            beside.push(".new");
            let mut file = fs::File::create(&beside)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&beside, path)
        };
        write().map_err(|source| ModelError::Write {
            path: path.to_owned(),
            source,
        })
    }

    /// The file's bytes.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let Parts { kind, trees, named } = Parts::of(&self.scorer);
        let inputs = self.scorer.forest().and_then(Forest::inputs);
        let calibration = self.calibration.as_ref();
        let conversations = self.conversations.as_ref().map(|model| model.write());
        let header = Header {
            name: self.name.clone(),
            version: self.version.clone(),
            trained_at: self.trained_at.clone(),
            classes: self.classes.clone(),
            features: self.features.clone(),
            words: self.words.clone(),
            grouping: self.grouping.clone(),
            inputs: inputs.map(|inputs| {
                let columns = inputs.columns.iter();
                columns.map(|one| (one.feature, one.is_gap_right)).collect()
            }),
            is_divided: trees.is_divided,
            kind,
            named: named.outline(),
            trees: trees.sizes.len(),
            nodes: trees.features.len(),
            leaves: trees.shares.len() / self.classes.len().max(1),
            calibration: calibration.map(|calibration| calibration.method().to_owned()),
            evidence: self.evidence.clone(),
            conversations: conversations.as_ref().map(Vec::len),
            trainer: self.trainer.clone(),
            settings: self.settings.clone(),
            data_digest: self.data_digest.clone(),
            scores: self.scores.clone(),
            card: self.card.clone(),
        };
        let tables = calibration.map_or(&[][..], Calibration::tables);
        let mut arrays = write_arrays(&self.typical, &trees, tables);
        arrays.extend(named.bytes());
        let is_plain = header.inputs.is_none() && !header.is_divided;
        let is_new = header.kind.is_some() || conversations.is_some();
        let format = match (is_new, is_plain) {
            (true, _) => FORMAT,
            (false, true) => PLAIN,
            (false, false) => DIVIDED,
        };
        arrays.extend(conversations.into_iter().flatten());
        let header = serde_json::to_string(&header)
            .expect("strings, numbers and lists always have a JSON form");
        let mut bytes = Vec::with_capacity(PREFIX_BYTES + header.len() + arrays.len() + 4);
        bytes.put_slice(MAGIC);
        bytes.put_u32_le(format);
        bytes.put_u32_le(header.len() as u32);
        bytes.put_u64_le(arrays.len() as u64);
        bytes.put_slice(header.as_bytes());
        bytes.put_slice(&arrays);
        bytes.put_u32_le(crc32fast::hash(&bytes));
        bytes
    }

    /// Reads a file's bytes.
    ///
    /// # Errors
    /// Says whether it is no model, a newer one, incomplete, damaged, too big, or in contradiction with itself.
    pub fn read(bytes: &[u8]) -> Result<Self, ModelError> {
        Self::read_part(bytes, true)
    }

    /// Reads a file, or the part of one that judges conversations, which has no such part itself.
    fn read_part(bytes: &[u8], is_whole: bool) -> Result<Self, ModelError> {
        let (header, arrays) = parts(bytes)?;
        let header: Header = serde_json::from_slice(header).map_err(ModelError::Header)?;
        header.check()?;
        if header.conversations.is_some() && !is_whole {
            return Err(ModelError::Inconsistent(
                "its model of conversations has another one".to_owned(),
            ));
        }
        if header.array_bytes() != Some(arrays.len()) {
            return Err(ModelError::Inconsistent(
                "its arrays are not as long as its header says".to_owned(),
            ));
        }
        let (arrays, conversations) =
            arrays.split_at(arrays.len() - header.conversations.unwrap_or_default());
        let conversations = match header.conversations {
            Some(_) => Some(Box::new(Self::read_part(conversations, false)?)),
            None => None,
        };
        let (arrays, named) =
            arrays.split_at(arrays.len() - header.named_bytes().unwrap_or_default());
        let (typical, trees, tables) = read_arrays(&header, arrays);
        if typical.iter().any(|median| !median.is_finite()) {
            return Err(ModelError::Inconsistent(
                "a feature's typical value is not a number".to_owned(),
            ));
        }
        let features = header.features.len();
        let parts = Parts {
            kind: header.kind,
            trees,
            named: NamedArrays::read(&header.named, named),
        };
        let forest = |trees, columns| lay_out(trees, columns, header.inputs, header.classes.len());
        let scorer = parts.scorer(features, &header.classes, forest)?;
        let calibration = match &header.calibration {
            Some(method) => Some(Calibration::new(method, tables, header.classes.len())?),
            None => None,
        };
        Ok(Self {
            name: header.name,
            version: header.version,
            trained_at: header.trained_at,
            classes: header.classes,
            features: header.features,
            words: header.words,
            grouping: header.grouping,
            typical,
            scorer,
            calibration,
            evidence: header.evidence,
            conversations,
            trainer: header.trainer,
            settings: header.settings,
            data_digest: header.data_digest,
            scores: header.scores,
            card: header.card,
        })
    }
}

/// The forest of these trees, which may ask for columns of its own.
fn lay_out(
    trees: Arrays,
    features: usize,
    inputs: Option<Vec<(usize, bool)>>,
    classes: usize,
) -> Result<Forest, ModelError> {
    let Some(inputs) = inputs else {
        return Ok(Forest::from_arrays(trees, classes, features)?);
    };
    let columns = inputs.into_iter().map(|(feature, is_gap_right)| Input {
        feature,
        is_gap_right,
    });
    let columns: Vec<Input> = columns.collect();
    Forest::from_arrays(trees, classes, columns.len())?
        .with_inputs(Inputs { features, columns })
        .ok_or_else(|| {
            ModelError::Inconsistent("its trees ask for features that it does not have".to_owned())
        })
}

/// serde asks by reference.
fn is_false(value: &bool) -> bool {
    !value
}

/// What is beside an ONNX file that does not name its features.
fn feature_names(path: &Path) -> io::Result<Option<Vec<String>>> {
    let mut beside = path.to_owned().into_os_string();
    beside.push(".features");
    match fs::read_to_string(beside) {
        Ok(text) => Ok(Some(text.split_whitespace().map(str::to_owned).collect())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Header and arrays of an undamaged file.
fn parts(bytes: &[u8]) -> Result<(&[u8], &[u8]), ModelError> {
    let found = bytes.len() as u64;
    if found > MAX_BYTES {
        return Err(ModelError::TooBig { found });
    }
    if !bytes.starts_with(&MAGIC[..MAGIC.len().min(bytes.len())]) || bytes.is_empty() {
        return Err(ModelError::Foreign);
    }
    let Some((mut prefix, rest)) = bytes.split_at_checked(PREFIX_BYTES) else {
        return Err(ModelError::Truncated {
            found,
            expected: PREFIX_BYTES as u64,
        });
    };
    prefix.advance(MAGIC.len());
    let format = prefix.get_u32_le();
    if format > FORMAT {
        return Err(ModelError::Newer { found: format });
    }
    if format == 0 {
        return Err(ModelError::Damaged("its format is 0"));
    }
    let header = u64::from(prefix.get_u32_le());
    let expected = (PREFIX_BYTES + CHECKSUM_BYTES) as u64 + header;
    let expected = expected.saturating_add(prefix.get_u64_le());
    if found < expected {
        return Err(ModelError::Truncated { found, expected });
    }
    if found > expected {
        return Err(ModelError::Damaged("bytes follow its end"));
    }
    let (content, mut checksum) = bytes.split_at(bytes.len() - CHECKSUM_BYTES);
    if crc32fast::hash(content) != checksum.get_u32_le() {
        return Err(ModelError::Damaged("its checksum is wrong"));
    }
    let body = &rest[..rest.len() - CHECKSUM_BYTES];
    Ok(body.split_at(header as usize))
}
