//! Law as data: days, standings, clocks, amounts and reserves, on the shipped law files.

mod clocks;
mod days;
mod files;
mod money;
mod records;
mod standing;
