//! The pages, each a pure function of a view: one question, one page.

mod customer;
mod incident;
mod journal;
mod overview;
mod problem;

pub(crate) use customer::{customer_page, customer_search};
pub(crate) use incident::{incident_list, incident_page};
pub(crate) use journal::journal_page;
pub(crate) use overview::overview_page;
pub(crate) use problem::{Problem, problem_page};
