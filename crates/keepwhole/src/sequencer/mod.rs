//! The one writer: decide, append, fold, answer.
