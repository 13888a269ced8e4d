//! Assertions: recorded ones of other implementations, and everything that a stricter reader refuses.
