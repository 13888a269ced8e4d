//! Every rule of keepwhole, and nothing else: no I/O, no clock, no randomness, no threads, no floats, no hash maps.
//!
//! The shape: [`decide::decide`] looks at a [`state::State`], a [`command::Command`] and a time, and answers with an
//! [`answer::Answer`] and the [`event::Event`]s that carry it; [`apply::apply`] is the only thing that changes a state;
//! [`due::next_due`] says when time alone will change something. Whoever holds the events can fold them again and gets
//! the same state to the bit.
//!
//! Read in this order: [`amount`], [`split`], [`names`], [`address`], [`registry`], [`book`], [`transfer`], [`transfer_ids`],
//! [`custody`], [`price`], [`policy`], [`history`], [`guard`], [`authority`], [`breaker`], [`incident`], [`redress`], [`law`], [`door`]; then
//! [`command`], [`event`], [`reason`], [`decide`], [`apply`], [`due`]. [`evm_address`] reads what people write.
//!
//! Absent on purpose: prices of today, law articles, numbers of hours (all of these are dated data that enter through
//! commands), names of people, and any way to ask "would this be allowed?" without a record of the question.

#![no_std]
extern crate alloc;

pub mod address;
pub mod amount;
pub mod answer;
pub mod apply;
pub mod authority;
pub mod book;
pub mod breaker;
pub mod command;
pub mod custody;
pub mod decide;
pub mod door;
pub mod due;
pub mod event;
pub mod evm_address;
pub mod guard;
pub mod history;
pub mod incident;
mod index;
pub mod law;
pub mod log_keys;
mod lookup;
mod moments;
pub mod names;
mod pages;
pub mod policy;
pub mod price;
pub mod reason;
pub mod redress;
pub mod registry;
pub mod split;
pub mod state;
pub mod subject;
pub mod transfer;
pub mod transfer_ids;
mod wide;
