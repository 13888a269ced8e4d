//! What is promised, and how a broken promise is told.

/// A promise that the simulator checks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Promise {
    /// What was acknowledged is in the journal, once, with the same bytes.
    Kept,
    /// What was acknowledged stands in the order in which it was.
    Order,
    /// The same command gets the same answer.
    SameAnswer,
    /// Every command is answered once the faults stop.
    Answered,
    /// The answer is the one that the second model gives.
    Verdict,
    /// Balances, holdings and halts are those of the second model.
    Books,
    /// Sums, parts of losses, time, coverage.
    Invariant,
    /// Folding the journal again gives the same state.
    Refold,
    /// The program starts again after what may happen to it.
    Start,
    /// Every head continues every head published before.
    Grows,
    /// What somebody changed or the disk lost is found, with the right numbers.
    Found,
    /// One process writes at a time.
    OneWriter,
}

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub promise: Promise,
    /// In words, with the numbers.
    pub what: String,
}

impl Promise {
    /// The promise is broken, for the reason given.
    ///
    /// # Errors
    /// Always.
    pub const fn broken<T>(self, what: String) -> Result<T, Broken> {
        Err(Broken {
            promise: self,
            what,
        })
    }

    /// The promise, broken for the reason given.
    #[must_use]
    pub const fn told(self, what: String) -> Broken {
        Broken {
            promise: self,
            what,
        }
    }

    /// An error of the program at a place where none may come.
    pub fn failed(self, doing: &str, error: &dyn std::fmt::Display) -> Broken {
        Broken {
            promise: self,
            what: format!("{doing}: {error}"),
        }
    }
}
