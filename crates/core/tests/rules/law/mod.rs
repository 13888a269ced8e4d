//! Law as data: days, standings, clocks, amounts and reserves, on the shipped law files.

mod clocks;
mod days;
pub(crate) mod files;
mod money;
mod records;
mod standing;
