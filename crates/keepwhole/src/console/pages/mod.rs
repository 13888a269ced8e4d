//! The pages, each a pure function of a view: one question, one page.

mod authority;
mod backtest;
mod customer;
mod doors;
mod enrol;
mod guard;
mod incident;
mod journal;
mod matter;
mod overview;
mod people;
mod policy;
mod prices;
mod problem;
mod propose;
mod rules;
mod sign_in;

pub(crate) use backtest::{backtest_page, backtest_section, title as backtest_title};
pub(crate) use customer::{customer_page, customer_search};
pub(crate) use enrol::{enrol_page, made_page};
pub(crate) use guard::{guard_page, request_page};
pub(crate) use incident::{incident_list, incident_page};
pub(crate) use journal::journal_page;
pub(crate) use matter::matter_page;
pub(crate) use overview::overview_page;
pub(crate) use people::people_page;
pub(crate) use policy::policy_page;
pub(crate) use problem::{Problem, problem_page};
pub(crate) use propose::{file_page, propose_page};
pub(crate) use sign_in::{Guest, sign_in_page, stop_page, waiting_page};
