//! Which of the processor's instructions walk the trees. All give the same bits.

/// Walks in step by gathers: fewer wait for memory.
pub(super) const GATHERED: usize = 64;

/// A way to walk trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instructions {
    /// What every processor has.
    Portable,
    /// 8 walks a register (x86-64 of 2013 and later).
    Avx2,
    /// 16 walks a register.
    Avx512,
}

impl Instructions {
    /// Every way, the widest last.
    pub const ALL: [Self; 3] = [Self::Portable, Self::Avx2, Self::Avx512];

    /// The widest that this processor has.
    #[must_use]
    pub fn best() -> Self {
        let widest = Self::ALL.into_iter().rev().find(|ways| ways.are_here());
        widest.unwrap_or(Self::Portable)
    }

    /// Whether this processor has them. The answer is kept, so asking costs nothing.
    #[must_use]
    pub fn are_here(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => is_x86_feature_detected!("avx512f"),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => false,
        }
    }

    /// Rows that are walked in step, so that the memory latency of one hides behind the others. 16 fit the ordinary
    /// registers of a core; gathers need 64.
    pub(super) fn lanes(self) -> usize {
        match self {
            Self::Portable => 16,
            Self::Avx2 | Self::Avx512 => GATHERED,
        }
    }

    /// Rows whose values lie side by side, feature after feature: where gathers find those of neighbours near each
    /// other. Ordinary instructions take a row as it is.
    pub(super) fn side_by_side(self) -> usize {
        match self {
            Self::Portable => 1,
            Self::Avx2 | Self::Avx512 => GATHERED,
        }
    }

    /// Rows at the end that are judged one by one rather than together: a block costs as much as a full one.
    pub(super) fn few(self) -> usize {
        match self {
            Self::Portable => 11,
            Self::Avx2 => 46,
            Self::Avx512 => 52,
        }
    }
}

/// Other processors have no gathers that we know.
#[cfg(not(target_arch = "x86_64"))]
impl super::Forest {
    pub(super) fn gather_tile(&self, _: Instructions, _: &[f32], _: &mut [f32]) -> bool {
        false
    }

    pub(super) fn gather_row(
        &self,
        _: Instructions,
        _: &[f32; super::MAX_FEATURES],
        _: &mut [f32],
    ) -> bool {
        false
    }
}
