//! Pure projections of the state: the ten questions, a case, a customer, the journal.
