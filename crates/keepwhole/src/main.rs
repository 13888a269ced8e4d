//! The keepwhole program.
fn main() {}
