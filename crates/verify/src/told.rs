//! What the log's own records tell of approvals and clearances: questions, answers, effects, credentials, redemptions.
//!
//! Of all event bodies (docs/journal-format.md, borsh) only these few are read here; their numbers stand in docs/events.md
//! and docs/authority.md.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::record::{self, Envelope};

/// What is approved: kind (1 a request, 2 a proposed change, 3 a finding) and number.
pub(crate) type Target = (u8, u32);

/// A person's answer as the log has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer<'a> {
    pub(crate) credential: &'a [u8],
    pub(crate) authenticator_data: &'a [u8],
    pub(crate) client_data_json: &'a [u8],
    pub(crate) signature: &'a [u8],
    pub(crate) nonce: [u8; 16],
    pub(crate) issued: u64,
    pub(crate) expires: u64,
    pub(crate) role: &'a str,
    pub(crate) approves: bool,
}

/// A credential as it was enrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Enrolled<'a> {
    pub(crate) person: &'a str,
    pub(crate) id: &'a [u8],
    pub(crate) public_key: &'a [u8],
}

/// One record that this verifier reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told<'a> {
    Asked {
        target: Target,
        command: [u8; 32],
    },
    Answered {
        target: Target,
        answer: Answer<'a>,
    },
    Effect(Target),
    Enrolled(Enrolled<'a>),
    Issued(&'a str),
    Redeemed {
        clearance: [u8; 32],
        signer: &'a str,
    },
}

/// A question: something asks for approvals.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) index: u64,
    /// Unix seconds.
    pub(crate) at: u64,
    pub(crate) command: [u8; 32],
}

/// An answer with its entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answered<'a> {
    pub(crate) index: u64,
    /// Unix seconds.
    pub(crate) at: u64,
    pub(crate) answer: Answer<'a>,
}

/// A redemption with its entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Redeemed<'a> {
    pub(crate) index: u64,
    /// Unix seconds.
    pub(crate) at: u64,
    pub(crate) signer: &'a str,
}

/// What the entries that a bundle shows tell.
#[derive(Debug, Default)]
pub(crate) struct Log<'a> {
    pub(crate) asked: BTreeMap<Target, Asked>,
    pub(crate) answered: BTreeMap<Target, Vec<Answered<'a>>>,
    /// Index of the last entry by which a target took effect.
    pub(crate) effects: BTreeMap<Target, u64>,
    /// By index.
    pub(crate) enrolled: BTreeMap<u64, Enrolled<'a>>,
    /// Text of a clearance by the entry that issued it.
    pub(crate) issued: BTreeMap<u64, &'a str>,
    /// By the clearance's digest.
    pub(crate) redeemed: BTreeMap<[u8; 32], Redeemed<'a>>,
}

impl<'a> Log<'a> {
    /// Reads entries that are proven to be in the log.
    ///
    /// # Errors
    /// The entry whose body is not of its kind's form, in words.
    pub(crate) fn of(entries: &BTreeMap<u64, &'a [u8]>) -> Result<Self, String> {
        let mut log = Self::default();
        for (&index, entry) in entries {
            let envelope =
                record::read(entry).map_err(|cause| format!("entry {index}: {cause}"))?;
            let told = read(&envelope).map_err(|()| {
                let tag = envelope.tag;
                format!(
                    "entry {index}: the body of its event {tag} is not of the form that is known"
                )
            })?;
            let at = envelope.at.checked_div(1_000).unwrap_or(0);
            if let Some(told) = told {
                log.take(index, at, told);
            }
        }
        Ok(log)
    }

    fn take(&mut self, index: u64, at: u64, told: Told<'a>) {
        match told {
            Told::Asked { target, command } => {
                let asked = Asked { index, at, command };
                self.asked.insert(target, asked);
            }
            Told::Answered { target, answer } => {
                let answered = Answered { index, at, answer };
                self.answered.entry(target).or_default().push(answered);
            }
            Told::Effect(target) => {
                self.effects.insert(target, index);
            }
            Told::Enrolled(enrolled) => {
                self.enrolled.insert(index, enrolled);
            }
            Told::Issued(text) => {
                self.issued.insert(index, text);
            }
            Told::Redeemed { clearance, signer } => {
                let redeemed = Redeemed { index, at, signer };
                self.redeemed.insert(clearance, redeemed);
            }
        }
    }

    /// Answers to a target before an entry.
    pub(crate) fn answers_before(
        &self,
        target: Target,
        end: u64,
    ) -> impl Iterator<Item = &Answered<'a>> {
        let all = self.answered.get(&target);
        all.into_iter().flatten().filter(move |row| row.index < end)
    }
}

/// A request and a proposed change, as kinds of target.
const REQUEST: u8 = 1;
const CHANGE: u8 = 2;

/// Numbers of events, and of the kinds of event 150.
const REQUEST_CLEARED: u8 = 53;
const CHANGE_IN_FORCE: u8 = 60;
const AUTHORITY: u8 = 150;
const APPROVAL_ASKED: u8 = 1;
const APPROVAL_PROVEN: u8 = 2;
const CREDENTIAL_ENROLLED: u8 = 6;
const STOP_KEPT: u8 = 10;
const CLEARANCE_ISSUED: u8 = 171;
const ISSUED_REDEEMED: u8 = 172;

/// The record as far as it is one that is read here; an error where its body is not of that form, or goes on behind it.
fn read<'a>(envelope: &Envelope<'a>) -> Result<Option<Told<'a>>, ()> {
    let mut body = Body(envelope.body);
    let told = match envelope.tag {
        REQUEST_CLEARED => cleared(&mut body),
        CHANGE_IN_FORCE => body.u32().map(|change| Told::Effect((CHANGE, change))),
        AUTHORITY => match body.u8() {
            Some(APPROVAL_ASKED) => asked(&mut body),
            Some(APPROVAL_PROVEN) => answered(&mut body),
            Some(CREDENTIAL_ENROLLED) => enrolled(&mut body),
            Some(STOP_KEPT) => body.u32().map(|change| Told::Effect((CHANGE, change))),
            Some(_) => return Ok(None),
            None => None,
        },
        CLEARANCE_ISSUED => issued(&mut body),
        ISSUED_REDEEMED => redeemed(&mut body),
        _ => return Ok(None),
    };
    match told {
        Some(told) if body.0.is_empty() => Ok(Some(told)),
        _ => Err(()),
    }
}

fn cleared<'a>(body: &mut Body<'a>) -> Option<Told<'a>> {
    let request = body.u32()?;
    let _until = body.option(Body::u64)?;
    let _before = body.array::<16>()?;
    Some(Told::Effect((REQUEST, request)))
}

fn asked<'a>(body: &mut Body<'a>) -> Option<Told<'a>> {
    let target = body.target()?;
    let _class = body.u8()?;
    let _by = body.option(Body::u32)?;
    let command = body.array()?;
    let _policy = body.array::<32>()?;
    Some(Told::Asked { target, command })
}

fn answered<'a>(body: &mut Body<'a>) -> Option<Told<'a>> {
    let target = body.target()?;
    let _person = body.u32()?;
    let answer = Answer {
        credential: body.bytes()?,
        authenticator_data: body.bytes()?,
        client_data_json: body.bytes()?,
        signature: body.bytes()?,
        nonce: body.array()?,
        issued: body.u64()?,
        expires: body.u64()?,
        role: body.text()?,
        approves: match body.u8()? {
            1 => true,
            2 => false,
            _ => return None,
        },
    };
    let _counter = body.u32()?;
    Some(Told::Answered { target, answer })
}

fn enrolled<'a>(body: &mut Body<'a>) -> Option<Told<'a>> {
    let person = body.text()?;
    let (id, public_key) = (body.bytes()?, body.bytes()?);
    let (_kind, _device_bound) = (body.u8()?, body.u8()?);
    Some(Told::Enrolled(Enrolled {
        person,
        id,
        public_key,
    }))
}

fn issued<'a>(body: &mut Body<'a>) -> Option<Told<'a>> {
    let (_request, _attempt) = (body.u32()?, body.u32()?);
    let text = body.text()?;
    let (_digest, _signing) = (body.array::<32>()?, body.array::<32>()?);
    let _conflict_key = body.text()?;
    let _until = body.u64()?;
    Some(Told::Issued(text))
}

fn redeemed<'a>(body: &mut Body<'a>) -> Option<Told<'a>> {
    let _request = body.u32()?;
    let clearance = body.array()?;
    let signer = body.text()?;
    Some(Told::Redeemed { clearance, signer })
}

/// The rest of a body in borsh.
struct Body<'a>(&'a [u8]);

impl<'a> Body<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.u8()? {
            0 => Some(None),
            1 => read(self).map(Some),
            _ => None,
        }
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.u32()?).ok()?;
        let (first, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(first)
    }

    fn text(&mut self) -> Option<&'a str> {
        core::str::from_utf8(self.bytes()?).ok()
    }

    fn target(&mut self) -> Option<Target> {
        let kind = self.u8()?;
        let number = self.u32()?;
        (1..=3).contains(&kind).then_some((kind, number))
    }
}

/// The name of a target for people who read the report.
pub(crate) fn name(target: Target) -> String {
    let (kind, number) = target;
    match kind {
        REQUEST => format!("request {number}"),
        CHANGE => format!("change {number}"),
        _ => format!("finding {number}"),
    }
}
