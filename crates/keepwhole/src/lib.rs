//! The keepwhole library: everything that touches the world around the pure core.
//!
//! Read in this order: [`journal`] (what is durable), [`sequencer`] (decide, append, fold, answer), [`installation`] (the
//! one folder of all that), [`law`] (rules as dated data), [`redress`] (proofs for customers), [`bundle`] (proof for
//! auditors), [`drill`] (scenario files on simulated time), [`demo`], [`views`] (questions answered from the state),
//! [`authority`] (files of people and approvals), [`console`], [`outside`] (the log for outsiders and their witnesses), [`report`], [`cli`].

pub mod authority;
pub mod bench;
pub mod books;
pub mod bundle;
pub mod cli;
pub mod console;
pub mod demo;
pub mod drill;
pub mod edges;
pub mod installation;
pub mod journal;
pub mod law;
pub mod outside;
pub mod policy;
pub mod redress;
pub mod report;
pub mod sequencer;
pub mod text;
pub mod views;
