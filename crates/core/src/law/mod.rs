//! Law as dated data, pure: which rule stands how on which day, when a duty falls due, what an amount comes to.
//!
//! Nothing here names an article, a number of hours or a rate: every one is read from a [`RuleRecord`], whose format
//! `law/README.md` of this project describes. Start with [`LawSet::on`] (rules of a day), then [`clock_of`] and
//! [`due_at`] (duty clocks), [`exposure`] (fines and liability) and [`required_reserve`].

mod clock;
mod day;
mod holds;
mod penalty;
mod record;
mod reserve;
mod set;

pub use clock::{
    Assumption, Calendar, ClockSpec, Due, Limit, NotComputable, Span, clock_of, due_at,
    never_starts,
};
pub use day::{DAY_MS, Day, Weekday, day_at, end_of_day, start_of_day};
pub use holds::{NotLaw, Standing, binds_vasp, holds_on, standing_on};
pub use penalty::{
    Column, ExposureError, ExposureInputs, Figure, NoAmount, WhyZero, exposure, figure,
};
pub use record::{
    Area, Base, ClockStart, Combine, Confidence, DueForm, Form, Kind, RuleRecord, Status, Value,
    offset_of_zone,
};
pub use reserve::{
    ColdRequirement, FloorApplied, ReserveError, ReserveRequirement, cold_requirement,
    hot_value_covered, required_reserve,
};
pub use set::{DuplicateRule, LawSet};
