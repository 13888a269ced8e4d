//! Every rule of keepwhole, pure: no I/O, no clock, no randomness, no floats.
#![no_std]

extern crate alloc;

pub mod law;
