//! Korean and English sentences from catalogues.
