//! The server-rendered console: loopback, no JavaScript needed, Korean and English.
//!
//! [`serve`] answers on a loopback address only: this version has no sign-in. A page is a pure function of a view and a
//! [`Reader`]; a [`ConsoleSource`] answers with views, so that the console itself reads neither state nor journal.

mod fragment;
mod frame;
mod listener;
mod pages;
pub(crate) mod picture;
mod reader;
mod request;
mod routes;
mod server;
mod source;

pub(crate) use fragment::{
    amount, clock_table, confidence_key, figures, freeze_table, law_tag, mark_legend, mark_tag,
    marked_amount, ten_answers, time, time_or, timeline_list, value,
};
pub(crate) use pages::{backtest_section, backtest_title};
pub use reader::Reader;
pub use server::{ConsoleError, refuse_unless_loopback, serve, serve_until};
pub use source::{ConsoleSource, SourceError};

/// The stylesheet of the console; the report carries the same one inside.
pub(crate) const STYLE: &str = include_str!("style.css");
