//! The way between clients and sequencer: messages may come twice, late, in another order, or not at all.

use crate::draw::Draw;
use crate::swarm::{Fault, Swarm};
use keepwhole_core::answer::Answer;

/// A message under way.
#[derive(Clone, Debug)]
pub enum Message {
    /// The client's command, by its place in the client's list.
    Request(usize),
    /// The answer to it.
    Answer(usize, Answer),
}

/// Messages that are still under way.
#[derive(Debug, Default)]
pub struct Network {
    under_way: Vec<(u64, Message)>,
    /// Messages lost, doubled or delayed so far.
    pub disturbed: u64,
}

impl Network {
    /// Sends a message at `step`; what becomes of it is drawn.
    pub fn send(&mut self, message: Message, step: u64, swarm: &Swarm, draw: &mut Draw) {
        if swarm.has(Fault::Drop) && draw.once_in(25) {
            self.disturbed += 1;
            return;
        }
        let late = if swarm.has(Fault::Reorder) { 3 } else { 0 };
        let mut due = step + draw.below(late);
        if swarm.has(Fault::Delay) && draw.once_in(12) {
            self.disturbed += 1;
            due += draw.below(30);
        }
        if swarm.has(Fault::Duplicate) && draw.once_in(20) {
            self.disturbed += 1;
            self.under_way.push((due + draw.below(10), message.clone()));
        }
        self.under_way.push((due, message));
    }

    /// What arrives by `step`, in the order in which it arrives.
    pub fn arrivals(&mut self, step: u64, swarm: &Swarm, draw: &mut Draw) -> Vec<Message> {
        let mut arrived = Vec::new();
        let mut rest = Vec::new();
        for (due, message) in self.under_way.drain(..) {
            if due <= step {
                arrived.push(message);
            } else {
                rest.push((due, message));
            }
        }
        self.under_way = rest;
        if swarm.has(Fault::Reorder) && arrived.len() > 1 {
            self.disturbed += 1;
            for place in (1..arrived.len()).rev() {
                let other = draw.below(place as u64 + 1);
                arrived.swap(place, usize::try_from(other).unwrap_or(place));
            }
        }
        arrived
    }

    /// Everything still under way arrives now.
    pub fn drain(&mut self) -> Vec<Message> {
        self.under_way
            .drain(..)
            .map(|(_, message)| message)
            .collect()
    }
}
