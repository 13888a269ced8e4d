//! What a person asks a signer: what can be lost at most, what is left, what is weak.

use crate::caps::Window;
use crate::refusal::Refusal;
use crate::settings::Redemption;
use crate::signer::Signer;
use core::fmt;

/// One cap of an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapStatus {
    /// Which.
    pub window: Window,
    /// Its value, minor units.
    pub cap: u128,
    /// Counted in it now.
    pub used: u128,
    /// Left of it now.
    pub left: u128,
}

/// One asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetStatus {
    /// CAIP-19.
    pub asset: String,
    /// Up to it no person is asked.
    pub automatic_limit: u128,
    /// Its caps.
    pub caps: Vec<CapStatus>,
}

/// The state of a signer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// Seconds since the epoch.
    pub now: u64,
    /// Per asset, ascending.
    pub assets: Vec<AssetStatus>,
    /// Everything that is weaker than it could be, in words.
    pub weaker: Vec<String>,
    /// Whether two heads of the log contradict each other, so that nothing is signed.
    pub forked: bool,
    /// Intents that are remembered.
    pub intents: usize,
}

impl Signer {
    /// The state now.
    ///
    /// # Errors
    /// [`Refusal::StoreFailed`], [`Refusal::ClockBehind`].
    pub fn status(&self) -> Result<Status, Refusal> {
        let store = self.store()?;
        let (now, state, settings) = (self.now(&store)?, store.state(), self.settings());
        let assets = settings.assets.iter().map(|(asset, limits)| {
            let caps = Window::ALL.into_iter().map(|window| {
                let (cap, used) = (limits.caps.of(window), state.used(asset, window, now));
                CapStatus {
                    window,
                    cap,
                    used,
                    left: cap.saturating_sub(used),
                }
            });
            AssetStatus {
                asset: asset.clone(),
                automatic_limit: limits.automatic_limit,
                caps: caps.collect(),
            }
        });
        let weak = [
            (
                matches!(settings.redemption, Redemption::Offline { .. }),
                "offline: a clearance that is out cannot be stopped",
            ),
            (
                settings.guard.policies.is_none(),
                "any policy is taken: the host chooses it",
            ),
            (
                settings.guard.builds.is_none(),
                "any build is taken; a listed one detects mistakes, not attackers",
            ),
            (
                settings.approvals.client.is_none(),
                "no program of the approvers is pinned: a false page could show A and have B approved",
            ),
        ];
        let weaker = weak.into_iter().filter(|(is, _)| *is);
        Ok(Status {
            name: settings.name.clone(),
            now,
            assets: assets.collect(),
            weaker: weaker.map(|(_, words)| words.to_owned()).collect(),
            forked: state.fork().is_some(),
            intents: state.intents(),
        })
    }
}

/// Digits in groups of three.
fn grouped(amount: u128) -> String {
    let digits = amount.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && digits.len().saturating_sub(place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "signer {}", self.name)?;
        writeln!(
            f,
            "greatest loss with the keepwhole host stolen = this signer's own caps, in minor units:"
        )?;
        for asset in &self.assets {
            writeln!(
                f,
                "  {} (without people up to {} each)",
                asset.asset,
                grouped(asset.automatic_limit)
            )?;
            for cap in &asset.caps {
                let says = match cap.window {
                    Window::AutomaticHour => "without people, in any hour",
                    Window::AutomaticDay => "without people, in any day",
                    Window::Hour => "approved ones included, in any hour",
                };
                writeln!(
                    f,
                    "    {says}: {} (counted {}, left {})",
                    grouped(cap.cap),
                    grouped(cap.used),
                    grouped(cap.left)
                )?;
            }
        }
        for weaker in &self.weaker {
            writeln!(f, "weaker than it could be: {weaker}")?;
        }
        if self.forked {
            writeln!(
                f,
                "the log forked: nothing is signed until people settle it"
            )?;
        }
        writeln!(f, "intents remembered: {}", self.intents)
    }
}
