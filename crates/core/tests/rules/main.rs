//! Tests of the rules of the core: each module is one part.

mod law;
