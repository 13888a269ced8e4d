//! Reads the events of a Peatio exchange from its message broker (RabbitMQ) into the books.
//!
//! A message is a JWT with one or more signatures ([`jws`]); its event says that a deposit was accepted, a withdrawal
//! left or a trade was made ([`events`]); [`consumer`] books it and acknowledges the message only after that is durable.
//! What can't be booked goes, with its reason, to a queue of its own, so that nothing is lost and nothing blocks.
//! The form of the messages is that of Peatio's own document "RabbitMQ Peatio Event API".

pub mod consumer;
pub mod events;
pub mod jws;
