//! A small witness for transparency logs: checks that each checkpoint grows from the last, remembers it, co-signs.
