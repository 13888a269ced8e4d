//! Staff at the console: passkeys are made, people sign in and give their word. What happens here needs no HTTP.
//!
//! Nothing but a sign-in, an answer or a proposal reaches the journal, each as one command after one assertion made for it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use keepwhole_core::authority::credential::{DeviceKind, NewCredential};
use keepwhole_core::authority::matter::Decision;
use keepwhole_core::authority::proof::Proof;
use keepwhole_core::door::Door;
use keepwhole_edge::console::{ConsoleSettings, PasskeySite};
use keepwhole_edge::refusals::Refusals;
use keepwhole_verify::approval;
use keepwhole_verify::digest::Digest;
use keepwhole_verify::webauthn::{Assertion, Expected, PublicKey, counter_follows, verify};
use serde_json::{Value, json};

use super::ceremony::{Begun, Ceremonies, PATIENCE_MS, Purpose};
use super::files::Files;
use super::passkey::{Given, encoded, new_passkey};
use super::refusal::No;
use super::session::{Session, Sessions, random, random_hex};
use super::ticket::Tickets;
use crate::authority::{Holder, MatterView, NoHolder, StaffDesk, Told, Unbrought};

/// What stands before the random bytes of the challenge of a new passkey.
const ENROL_LABEL: &str = "keepwhole/enrolment/v1\n";
/// Longest use of an answer's challenge, seconds; never more than the rules of authority allow.
const TOUCH_S: u64 = 300;
/// New passkeys kept for whoever made them, and how long, ms.
const MADE_MOST: usize = 64;
const MADE_MS: u64 = 60 * 60_000;
/// Counters of authenticators remembered between two approvals.
const COUNTERS_MOST: usize = 4_096;

/// A passkey that was made or brought here and is enrolled nowhere yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Made {
    /// The name that was given; empty for one that was brought as a file.
    pub(crate) name: String,
    /// What would be enrolled.
    pub(crate) key: NewCredential,
    at: u64,
}

/// Who sits at the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seat {
    /// The session.
    pub(crate) session: Session,
    /// The person with credential and roles, as they stand now.
    pub(crate) holder: Holder,
    /// Until when the session holds without another request, ms.
    pub(crate) until: u64,
}

/// A ceremony that begins: its ticket, and what the browser is asked.
pub(crate) struct Prompt {
    pub(crate) ticket: String,
    pub(crate) options: Value,
}

/// Staff at the console of a running installation.
pub struct Staff {
    pub(crate) desk: StaffDesk,
    settings: ConsoleSettings,
    sessions: Sessions,
    tickets: Tickets,
    /// New passkeys, begun without a session.
    open: Ceremonies,
    /// Begun in a session, so that no stranger pushes them out.
    seated: Ceremonies,
    made: Mutex<VecDeque<(String, Made)>>,
    pub(super) files: Files,
    counters: Mutex<BTreeMap<Vec<u8>, u32>>,
    refusals: Option<Arc<Refusals>>,
}

impl Staff {
    /// Over the desk of a running installation, as `keepwhole.toml` says.
    ///
    /// # Errors
    /// The system gave no random bytes.
    pub fn new(desk: StaffDesk, settings: ConsoleSettings) -> Result<Self, getrandom::Error> {
        Ok(Self {
            desk,
            settings,
            tickets: Tickets::new()?,
            sessions: Sessions::default(),
            open: Ceremonies::default(),
            seated: Ceremonies::default(),
            made: Mutex::default(),
            files: Files::default(),
            counters: Mutex::default(),
            refusals: None,
        })
    }

    /// Counts with `refusals` who is turned away.
    #[must_use]
    pub fn counting(mut self, refusals: Arc<Refusals>) -> Self {
        self.refusals = Some(refusals);
        self
    }

    /// Somebody was turned away at the console's door: whoever is signed in, where anybody is.
    pub(crate) fn turned_away(&self, code: &str, seat: Option<&Seat>) {
        if let Some(refusals) = &self.refusals {
            let who = seat.map_or("", |seat| seat.holder.person.as_str());
            refusals.turned_away(Door::Console, code, who, self.desk.now());
        }
    }

    /// The site that passkeys are made for.
    pub(crate) fn site(&self) -> Option<&PasskeySite> {
        self.settings.site.as_ref()
    }

    /// Whether every page asks for a session.
    pub(crate) fn demands_sign_in(&self) -> bool {
        self.settings.sign_in_required
    }

    /// The header that names the place of a request.
    pub(crate) fn place_header(&self) -> Option<&str> {
        self.settings.place_header.as_deref()
    }

    fn made_for(&self) -> Result<&PasskeySite, No> {
        self.site()
            .ok_or_else(|| No::key(409, "no_site", "staff-no-site"))
    }

    /// Who holds a session token. A session ends with its time, its credential, or its person's last role; where the
    /// journal can't be read now, nobody sits there until it can.
    pub(crate) fn seat(&self, token: &str) -> Option<Seat> {
        let session = self.sessions.of_token(token)?;
        let now = self.desk.now();
        let holder = self.desk.holder(&session.credential);
        let Some((holder, until)) = held(&session, holder, now).ok()? else {
            self.sessions.end(&session.digest);
            return None;
        };
        self.sessions.used(&session, now);
        Some(Seat {
            session,
            holder,
            until,
        })
    }

    /// Ends a session.
    pub(crate) fn sign_out(&self, seat: &Seat) {
        self.sessions.end(&seat.session.digest);
    }

    /// Begins a sign-in. The browser shows whichever passkeys it has for the site, so that no name is asked or told.
    pub(crate) fn begin_sign_in(&self, next: &str) -> Result<Prompt, No> {
        let site = self.made_for()?;
        let (ticket, challenge) = self.tickets.issue(next, self.desk.now())?;
        let options = assertion_options(site, &challenge, &[]);
        Ok(Prompt { ticket, options })
    }

    /// Finishes a sign-in: the token of the session, and where to go on.
    pub(crate) fn finish_sign_in(
        &self,
        ticket: &str,
        given: &Given,
        (device, place): (&str, &str),
    ) -> Result<(String, String), No> {
        let now = self.desk.now();
        let opened = self.tickets.open(ticket, now).ok_or_else(No::over)?;
        let holder = self.desk.holder(&given.credential).map_err(No::of_holder)?;
        self.checked(&holder, &opened.challenge, given)?;
        if !self.tickets.spend(&opened, &holder.credential, now) {
            return Err(No::over());
        }
        match self.desk.signed_in(&holder, device, place)? {
            Told::Done => {}
            Told::Waits(reason) | Told::Refused(reason) => return Err(No::of_reason(reason)),
        }
        let token = self.sessions.begin(&holder.credential, self.desk.now());
        Ok((token?, opened.next))
    }

    /// Begins to make a passkey for `name`.
    pub(crate) fn begin_enrol(&self, name: &str, kind: DeviceKind) -> Result<Prompt, No> {
        let site = self.made_for()?;
        let named = (1..=64).contains(&name.chars().count()) && !name.chars().any(char::is_control);
        if !named || kind == DeviceKind::Sealed {
            return Err(No::key(400, "name", "enrol-bad-name"));
        }
        let challenge = labelled(ENROL_LABEL)?;
        let user: [u8; 16] = random()?;
        let options = json!({
            "challenge": encoded(&challenge),
            "rp": { "id": site.rp_id, "name": "keepwhole" },
            "user": { "id": encoded(&user), "name": name, "displayName": name },
            "pubKeyCredParams": [
                { "type": "public-key", "alg": -7 }, { "type": "public-key", "alg": -8 },
            ],
            "authenticatorSelection": { "residentKey": "required", "userVerification": "required" },
            "attestation": "none",
            "timeout": PATIENCE_MS,
        });
        let purpose = Purpose::Enrol {
            name: name.to_owned(),
            kind,
        };
        self.begin(&self.open, purpose, challenge, None, options)
    }

    /// Finishes a passkey; gives the name under which [`made`](Self::made) finds it.
    pub(crate) fn finish_enrol(
        &self,
        ticket: &str,
        (authenticator_data, client_data): (&[u8], &[u8]),
    ) -> Result<String, No> {
        let site = self.made_for()?;
        let now = self.desk.now();
        let begun = self.open.take(ticket, None, now).ok_or_else(No::over)?;
        let Purpose::Enrol { name, kind } = begun.purpose else {
            return Err(No::over());
        };
        let data = (authenticator_data, client_data);
        let key = new_passkey(data, &begun.challenge, site, kind).map_err(No::of_form)?;
        self.keep_made(&name, key)
    }

    /// Keeps a passkey that was made, or brought as a file without a name; gives the name under which
    /// [`made`](Self::made) finds it.
    pub(super) fn keep_made(&self, name: &str, key: NewCredential) -> Result<String, No> {
        let (under, at) = (random_hex::<16>()?, self.desk.now());
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.retain(|(_, row)| at < row.at.saturating_add(MADE_MS));
        if made.len() >= MADE_MOST {
            made.pop_front();
        }
        let name = name.to_owned();
        made.push_back((under.clone(), Made { name, key, at }));
        Ok(under)
    }

    /// A passkey that was made or brought here within the hour.
    pub(crate) fn made(&self, under: &str) -> Option<Made> {
        let now = self.desk.now();
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let row = made.iter().find(|(name, _)| name == under);
        row.map(|(_, row)| row.clone())
            .filter(|row| now < row.at.saturating_add(MADE_MS))
    }

    /// Begins an answer to a matter. The challenge is that of docs/approvals.md: it binds command, person, role, decision
    /// and end.
    pub(crate) fn begin_answer(
        &self,
        seat: &Seat,
        (target, role): (&str, &str),
        decision: Decision,
    ) -> Result<Prompt, No> {
        let site = self.made_for()?;
        let view = self.desk.matter(target);
        let view = view.ok_or_else(|| No::key(404, "unknown_target", "matter-none"))?;
        let (nonce, issued, expires) = self.nonce_and_times()?;
        let said = match decision {
            Decision::Approve => approval::Decision::Approve,
            Decision::Reject => approval::Decision::Reject,
        };
        let person = &seat.holder.person;
        let command = Digest::from_bytes(view.digest);
        let challenge = approval::challenge(&command, &nonce, person, role, said, expires);
        let challenge = *challenge.ok_or_else(No::malformed)?.as_bytes();
        let options = assertion_options(site, &challenge, &self.desk.credentials(person));
        let purpose = Purpose::Answer {
            target: target.to_owned(),
            role: role.to_owned(),
            decision,
            nonce,
            issued,
            expires,
        };
        let session = Some(seat.session.digest);
        self.begin(&self.seated, purpose, challenge, session, options)
    }

    /// Finishes an answer: one command to the journal, which checks everything anew. Gives the matter's id.
    pub(crate) fn finish_answer(
        &self,
        seat: &Seat,
        ticket: &str,
        given: Given,
    ) -> Result<String, No> {
        let begun = self.of_seat(seat, ticket)?;
        let Purpose::Answer {
            target,
            role,
            decision,
            nonce,
            issued,
            expires,
        } = begun.purpose
        else {
            return Err(No::over());
        };
        let proof = Proof {
            credential: given.credential,
            authenticator_data: given.authenticator_data,
            client_data_json: given.client_data_json,
            signature: given.signature,
            nonce,
            issued,
            expires,
            role,
            decision,
        };
        match self.desk.answered(&seat.holder.account, &target, proof)? {
            Told::Done => Ok(target),
            // An answer is recorded or not; what waits is what it was given to.
            Told::Waits(reason) | Told::Refused(reason) => Err(No::of_reason(reason)),
        }
    }

    /// Records an answer that the approver client made. It counts for the person who signed it, whoever brings it.
    pub(crate) fn brought(&self, target: &str, text: &str) -> Result<(), No> {
        let told = self.desk.brought(target, text)?;
        let told = told.map_err(|why| match why {
            Unbrought::File(fault) => No::of_file(&fault),
            Unbrought::Nobody(_) => No::key(409, "unknown_actor", "matter-nobody"),
        })?;
        match told {
            Told::Done => Ok(()),
            Told::Waits(reason) | Told::Refused(reason) => Err(No::of_reason(reason)),
        }
    }

    /// A request for the approver client: who answers in which role, and a nonce of this moment.
    pub(crate) fn request_file(
        &self,
        view: &MatterView,
        person: &str,
        role: &str,
    ) -> Result<String, No> {
        let (nonce, issued, expires) = self.nonce_and_times()?;
        let matter = (view.line.id.as_str(), view.text.as_str());
        let who = (person, role);
        let times = (issued, expires);
        Ok(crate::authority::request_text(matter, who, &nonce, times))
    }

    fn nonce_and_times(&self) -> Result<([u8; 16], u64, u64), No> {
        let nonce = random()?;
        let issued = self.desk.now() / 1_000;
        let touch = self.desk.touch_seconds().min(TOUCH_S);
        Ok((nonce, issued, issued.saturating_add(touch)))
    }

    /// Begins a ceremony in a session.
    pub(super) fn begin_seated(
        &self,
        seat: &Seat,
        purpose: Purpose,
        challenge: [u8; 32],
    ) -> Result<Prompt, No> {
        let site = self.made_for()?;
        let own = self.desk.credentials(&seat.holder.person);
        let options = assertion_options(site, &challenge, &own);
        let session = Some(seat.session.digest);
        self.begin(&self.seated, purpose, challenge, session, options)
    }

    /// The ceremony that this session began under a ticket.
    pub(super) fn of_seat(&self, seat: &Seat, ticket: &str) -> Result<Begun, No> {
        let now = self.desk.now();
        let begun = self.seated.take(ticket, Some(&seat.session.digest), now);
        begun.ok_or_else(No::over)
    }

    fn begin(
        &self,
        among: &Ceremonies,
        purpose: Purpose,
        challenge: [u8; 32],
        session: Option<[u8; 32]>,
        options: Value,
    ) -> Result<Prompt, No> {
        let ticket = among.begin(Begun {
            purpose,
            challenge,
            session,
            at: self.desk.now(),
        })?;
        Ok(Prompt { ticket, options })
    }

    /// Checks an assertion that the journal does not keep: a sign-in's, or that of whoever proposes.
    pub(super) fn checked(
        &self,
        holder: &Holder,
        challenge: &[u8; 32],
        given: &Given,
    ) -> Result<(), No> {
        let site = self.made_for()?;
        let key =
            PublicKey::from_cose(&holder.public_key).map_err(|_| No::of_form("public_key"))?;
        let expected = Expected {
            challenge,
            rp_ids: std::slice::from_ref(&site.rp_id),
            origins: std::slice::from_ref(&site.origin),
            device_bound: holder.device_bound,
        };
        let assertion = Assertion {
            authenticator_data: given.authenticator_data.clone(),
            client_data_json: given.client_data_json.clone(),
            signature: given.signature.clone(),
        };
        let verified = verify(&assertion, &key, &expected);
        let verified = verified.map_err(|refusal| No::of_assertion(&refusal))?;
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let remembered = counters.get(&holder.credential).copied();
        let last = remembered.unwrap_or_default().max(holder.counter);
        if !counter_follows(last, verified.counter) {
            return Err(No::of_counter(verified.counter, last));
        }
        if counters.len() >= COUNTERS_MOST && remembered.is_none() {
            counters.pop_first();
        }
        counters.insert(holder.credential.clone(), verified.counter);
        Ok(())
    }
}

/// A session's person and its end; nothing where it is over.
///
/// # Errors
/// The journal can't be read, so that nobody knows.
fn held(
    session: &Session,
    holder: Result<Holder, NoHolder>,
    now: u64,
) -> Result<Option<(Holder, u64)>, NoHolder> {
    match holder {
        Ok(holder) => Ok(session
            .holds(holder.sessions, now)
            .map(|until| (holder, until))),
        Err(NoHolder::Unavailable) => Err(NoHolder::Unavailable),
        Err(_) => Ok(None),
    }
}

/// A challenge of 256 random bits, told apart from those of other ceremonies.
pub(super) fn labelled(label: &str) -> Result<[u8; 32], No> {
    let fresh: [u8; 32] = random()?;
    Ok(*Digest::of_parts(&[label.as_bytes(), &fresh]).as_bytes())
}

fn assertion_options(site: &PasskeySite, challenge: &[u8; 32], of: &[Vec<u8>]) -> Value {
    let allowed = of
        .iter()
        .map(|id| json!({ "type": "public-key", "id": encoded(id) }));
    json!({
        "challenge": encoded(challenge),
        "rpId": site.rp_id,
        "allowCredentials": allowed.collect::<Vec<_>>(),
        "userVerification": "required",
        "timeout": PATIENCE_MS,
    })
}

#[cfg(test)]
mod tests {
    use super::{Holder, NoHolder, held};
    use crate::console::session::Session;
    use keepwhole_core::authority::session::SessionRules;

    #[test]
    fn a_journal_that_cant_be_read_ends_nobodys_session() {
        let session = Session {
            digest: [1; 32],
            credential: b"key".to_vec(),
            began: 0,
            used: 0,
        };
        let holder = Holder {
            credential: b"key".to_vec(),
            public_key: Vec::new(),
            device_bound: true,
            counter: 0,
            account: "ada".to_owned(),
            person: "ada".to_owned(),
            roles: Vec::new(),
            sessions: SessionRules::usual(),
            findings: Vec::new(),
        };
        let idle = SessionRules::usual().idle_ms;
        let unknown = held(&session, Err(NoHolder::Unavailable), 1);
        assert_eq!(unknown, Err(NoHolder::Unavailable));
        let whole = held(&session, Ok(holder.clone()), 1);
        assert_eq!(whole, Ok(Some((holder.clone(), idle))));
        assert_eq!(held(&session, Ok(holder), idle), Ok(None));
        for why in [
            NoHolder::NoRules,
            NoHolder::Unknown,
            NoHolder::Ended,
            NoHolder::Sealed,
            NoHolder::Suspended,
            NoHolder::NoRole,
        ] {
            assert_eq!(held(&session, Err(why), 1), Ok(None), "{why}");
        }
    }
}
