//! SUM-1: received = accepted + duplicate + rejected.

use domain::Reason;
use serde::{Deserialize, Serialize};

/// Counts of elements.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub received: u64,
    pub accepted: u64,
    pub duplicate: u64,
    /// By `Reason as usize`.
    pub rejected: [u64; Reason::ALL.len()],
    /// Elements with an accepted and a refused quantity: outside the sum.
    pub partial: u64,
}

impl Counts {
    pub fn rejected_total(&self) -> u64 {
        self.rejected.iter().sum()
    }

    pub fn adds_up(&self) -> bool {
        self.received == self.accepted + self.duplicate + self.rejected_total()
    }
}

/// One line of the ledger at one position.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerView {
    pub counts: Counts,
    /// Publishes that are no readings; 0 for a single sensor.
    pub foreign: u64,
    /// Accepted readings that were erased on request since; they stay counted as accepted.
    pub erased: u64,
    pub head: u64,
}
