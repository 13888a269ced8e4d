//! Findings: what a sign-in or an approval tells that deserves another person's look, and what it does to quorums.

use super::rules::{DAY_MS, HOUR_MS};
use crate::registry::PersonIx;
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// What was found, with its numbers.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum FindingKind {
    /// A device that the person never used before, where others are known.
    NewDevice {
        /// Its code.
        device: String,
        /// Devices known before.
        known: u32,
    } = 1,
    /// Outside the usual hours.
    UnusualHours {
        /// Minute of the day at the exchange's place.
        minute: u16,
        /// First usual minute.
        from: u16,
        /// First minute after the usual ones.
        until: u16,
    } = 2,
    /// Two places within a time in which nobody gets from one to the other.
    TwoPlaces {
        /// Code of the place before.
        before: String,
        /// Code of this place.
        now: String,
        /// Time between them, ms.
        apart_ms: u64,
    } = 3,
    /// A large action soon after the person's credentials were reset.
    ResetThenLarge {
        /// When they were, ms.
        reset: u64,
        /// What was asked for: id of the request or proposal.
        target: String,
    } = 4,
}

impl FindingKind {
    /// Stable public code, lower snake case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NewDevice { .. } => "new_device",
            Self::UnusualHours { .. } => "unusual_hours",
            Self::TwoPlaces { .. } => "two_places",
            Self::ResetThenLarge { .. } => "reset_then_large",
        }
    }
}

/// What a finding does to quorums while it stands.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, BorshSerialize, BorshDeserialize,
)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum FindingEffect {
    /// It is shown and does nothing.
    Shown = 1,
    /// What the person approves needs one approval more.
    OneMore = 2,
    /// The person's approvals don't count until another person clears it.
    #[default]
    Blocks = 3,
}

/// A finding.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Finding {
    /// About whom.
    pub person: PersonIx,
    /// When, ms.
    pub at: u64,
    /// What.
    pub kind: FindingKind,
    /// What it does.
    pub effect: FindingEffect,
    /// Who cleared it, and when, ms.
    pub cleared: Option<(PersonIx, u64)>,
}

impl Finding {
    /// True while nobody cleared it.
    #[must_use]
    pub const fn stands(&self) -> bool {
        self.cleared.is_none()
    }
    /// True while it keeps the person's approvals from counting.
    #[must_use]
    pub fn blocks(&self) -> bool {
        self.stands() && self.effect == FindingEffect::Blocks
    }
    /// True while what the person approves needs one approval more.
    #[must_use]
    pub fn asks_for_one_more(&self) -> bool {
        self.stands() && self.effect == FindingEffect::OneMore
    }
}

/// What counts as unusual, and what it does.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct FindingRules {
    /// Offset of the exchange's place from UTC, minutes.
    pub utc_offset_minutes: u16,
    /// First usual minute of the day and first after; equal means that any minute is usual.
    pub usual_minutes: (u16, u16),
    /// Two places within this time are one too many, ms.
    pub places_ms: u64,
    /// A large action within this time after a reset of credentials is suspect, ms.
    pub reset_ms: u64,
    /// Effect of a new device.
    pub new_device: FindingEffect,
    /// Effect of unusual hours.
    pub unusual_hours: FindingEffect,
    /// Effect of two places.
    pub two_places: FindingEffect,
    /// Effect of a large action after a reset.
    pub reset_then_large: FindingEffect,
}

impl FindingRules {
    /// Seoul, seven to twenty-two o'clock, an hour between places, three days after a reset. Unusual hours ask for one
    /// approval more, since incidents don't keep hours; all else blocks.
    #[must_use]
    pub const fn usual() -> Self {
        Self {
            utc_offset_minutes: 540,
            usual_minutes: (7 * 60, 22 * 60),
            places_ms: HOUR_MS,
            reset_ms: 3 * DAY_MS,
            new_device: FindingEffect::Blocks,
            unusual_hours: FindingEffect::OneMore,
            two_places: FindingEffect::Blocks,
            reset_then_large: FindingEffect::Blocks,
        }
    }

    /// What a sign-in at `at` (ms) with this device at this place tells, given the person's earlier ones.
    #[must_use]
    pub fn of_sign_in(
        &self,
        seen: &super::SignIns,
        at: u64,
        device: &str,
        place: &str,
    ) -> Vec<(FindingKind, FindingEffect)> {
        let mut found = Vec::new();
        if !seen.devices.is_empty() && !seen.devices.contains(device) {
            let known = u32::try_from(seen.devices.len()).unwrap_or(u32::MAX);
            let device = String::from(device);
            found.push((FindingKind::NewDevice { device, known }, self.new_device));
        }
        if let Some(minute) = self.unusual_minute(at) {
            let (from, until) = self.usual_minutes;
            let kind = FindingKind::UnusualHours {
                minute,
                from,
                until,
            };
            found.push((kind, self.unusual_hours));
        }
        if let Some((before, was)) = &seen.last {
            let apart_ms = at.saturating_sub(*before);
            if was != place && apart_ms < self.places_ms {
                let kind = FindingKind::TwoPlaces {
                    before: was.clone(),
                    now: String::from(place),
                    apart_ms,
                };
                found.push((kind, self.two_places));
            }
        }
        found
    }

    /// The minute of the day at the exchange's place, if it is outside the usual ones.
    fn unusual_minute(&self, at: u64) -> Option<u16> {
        let (from, until) = self.usual_minutes;
        let minutes = (at / 60_000).saturating_add(u64::from(self.utc_offset_minutes));
        let minute = u16::try_from(minutes % 1_440).ok()?;
        let usual = match from.cmp(&until) {
            core::cmp::Ordering::Equal => true,
            core::cmp::Ordering::Less => (from..until).contains(&minute),
            core::cmp::Ordering::Greater => minute >= from || minute < until,
        };
        (!usual).then_some(minute)
    }
}
