//! The first page: the ten questions, each answered from the journal as it stands.

use super::{Figure, Head};
use crate::text::Words;

/// What the whole page is about, shown on every page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Banner {
    /// Nothing is stopped.
    Normal,
    /// The breaker is tripped: scopes in words, and since when (milliseconds since the epoch).
    Tripped {
        /// What is stopped.
        scopes: Words,
        /// The earliest of the trips that still stand.
        since: u64,
        /// Requests that are signed for and not seen yet: a halt does not stop these.
        unseen: u64,
    },
    /// A demo or an exercise: nothing here is about real customers.
    Exercise(Words),
}

/// How one of the ten questions stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerState {
    /// Answered, and nothing calls for action.
    Whole,
    /// Answered, and something calls for action.
    Attention,
    /// The journal holds too little to tell.
    Unknown,
    /// This version has no module for the question.
    NotBuilt,
}

impl AnswerState {
    /// The catalogue's key of the state's name.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            AnswerState::Whole => "answer-whole",
            AnswerState::Attention => "answer-attention",
            AnswerState::Unknown => "answer-unknown",
            AnswerState::NotBuilt => "answer-not-built",
        }
    }
}

/// The answer to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The question's number, 1 to 10.
    pub number: u8,
    /// How it stands.
    pub state: AnswerState,
    /// The answer in one sentence.
    pub sentence: Words,
    /// The figures behind the sentence.
    pub figures: Vec<Figure>,
    /// Where more is shown: a path of the console.
    pub link: Option<String>,
    /// Entries of the journal that the answer rests on.
    pub evidence: Vec<u64>,
}

impl Answer {
    /// The catalogue's key of the question's words; question 1 where the number is outside 1 to 10.
    #[must_use]
    pub fn question(&self) -> &'static str {
        match self.number {
            2 => "question-2",
            3 => "question-3",
            4 => "question-4",
            5 => "question-5",
            6 => "question-6",
            7 => "question-7",
            8 => "question-8",
            9 => "question-9",
            10 => "question-10",
            _ => "question-1",
        }
    }
}

/// The overview page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// The journal's time of what is shown (milliseconds since the epoch).
    pub as_of: u64,
    /// The head of the journal at that moment.
    pub head: Head,
    /// Normal, tripped, or an exercise.
    pub banner: Banner,
    /// The answers, question 1 first.
    pub ten: [Answer; 10],
}
