//! Writes the audit bundle (proofs 7): the files that an outsider verifies offline.
