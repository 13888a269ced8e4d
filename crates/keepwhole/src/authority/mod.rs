//! Files of authority: what people bring (credentials, rules) and what anybody may check (roster, approvals); and the desk
//! at which the console serves staff.
//!
//! The rules themselves are the core's; formats stand in `docs/authority.md` and `docs/approvals.md`.

mod desk;
mod export;
mod files;
mod matters;
mod rules_file;

use keepwhole_core::authority::command::AuthorityCommand;
use keepwhole_core::command::{Body, Command};
use keepwhole_core::state::State;

pub use desk::{Holder, NoHolder, Now, Offer, StaffDesk, Told};
pub use export::{ExportError, Recorded, approvals, roster};
pub use files::{
    FileFault, Unbrought, answer, brought, credential, credential_text, proof, request_text,
};
pub use matters::{Behind, MatterView, OfferedKey, Said, Stands, Waiting, matter};
pub use rules_file::{RulesRefused, rules, rules_text};

pub use keepwhole_verify::words::of_credential as credential_words;

/// What is told to the journal before anybody outside is heard: nothing is cleared without rules of authority from then
/// on. `None` where that was told before. Drills and the simulator, which play exchanges without people, never tell it.
#[must_use]
pub fn demand(state: &State) -> Option<Command> {
    state.authority.demanded.is_none().then_some(Command {
        id: None,
        actor: None,
        body: Body::OfAuthority(AuthorityCommand::Demand),
    })
}
