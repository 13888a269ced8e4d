//! The journal as outsiders see it: files over HTTP, heads that witnesses co-sign, heads compared.
//!
//! [`public`] serves the log (c2sp.org/tlog-tiles), [`asking`] asks one witness (c2sp.org/tlog-witness), [`rounds`]
//! collects cosignatures until the quorum of a policy is met, [`standing`] is what `status` shows of that, [`heads`] says
//! how two heads fit together.

pub mod asking;
pub mod heads;
pub mod public;
pub mod rounds;
pub mod standing;

pub use asking::{Said, WitnessAt};
pub use heads::{Comparison, compare};
pub use public::{LogFile, PublicLog, PublicServer};
pub use rounds::{Alarm, Pusher, Rounds, WitnessPolicy};
pub use standing::Standing;
