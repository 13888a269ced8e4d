//! The witness as a log and its operator meet it: exact answers over HTTP, and a memory that survives being killed.

mod answers;
mod log;
mod program;
