//! The server-rendered console: loopback, Korean and English, every page readable without JavaScript.
//!
//! [`serve`] answers on a loopback address only, since it speaks plain HTTP; a proxy of the operator's brings TLS. Over a
//! running installation [`Staff`] signs in and approves with passkeys, the one thing that needs a script. A page is a pure function of a view and a
//! [`Reader`]; a [`ConsoleSource`] answers with views, so that the console itself reads neither state nor journal.

mod ceremony;
mod cookies;
mod files;
mod fragment;
mod frame;
mod listener;
mod pages;
mod passkey;
pub(crate) mod picture;
mod proposing;
mod reader;
mod refusal;
mod request;
mod routes;
mod server;
mod session;
mod source;
mod staff;
mod staff_routes;
mod ticket;
mod upload;
mod visit;

pub(crate) use fragment::{
    Table, amount, clock_table, columns, confidence_key, figures, freeze_table, law_tag,
    mark_legend, mark_tag, marked_amount, ten_answers, time, time_or, timeline_list, value,
};
pub(crate) use pages::{backtest_section, backtest_title};
pub use reader::Reader;
pub use server::{ConsoleError, refuse_unless_loopback, serve, serve_staff, serve_until};
pub use source::{ConsoleSource, SourceError};
pub use staff::Staff;

/// The stylesheet of the console; the report carries the same one inside.
pub(crate) const STYLE: &str = include_str!("style.css");
