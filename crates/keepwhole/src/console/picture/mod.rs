//! Pictures drawn by the server: a pure function from a view to an SVG with a title and a description. The table or list
//! that follows each one says the same in words; no meaning rests on colour alone.

mod bars;
mod course;
mod coverage;
mod scale;
mod timeline;
mod verdicts;

pub(crate) use bars::{hatch, token_bars};
pub(crate) use course::courses;
pub(crate) use coverage::coverage_bars;
pub(crate) use scale::place;
pub(crate) use timeline::timeline;
pub(crate) use verdicts::{sum_words, verdict_columns};
