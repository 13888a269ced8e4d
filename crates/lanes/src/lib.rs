//! SHA-256 of many short messages at once, in two interleaved lanes where the machine can, else one by one.
