//! Figures of things that took turns: minimum, median and maximum over the rounds, and ratios round by round.

use std::time::{Duration, Instant};

/// One measured figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// What was measured.
    pub case: String,
    /// Whose figure it is, with its version.
    pub who: String,
    /// Unit of the figure.
    pub unit: &'static str,
    /// Minimum, median, maximum over the rounds.
    pub spread: (u64, u64, u64),
    /// Keepwhole's figure of the same round divided by this one, in permille: the median over the rounds. `None` where it
    /// is keepwhole's own.
    pub ours_to_it: Option<u64>,
}

/// All figures of one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The subject.
    pub title: String,
    /// The figures in the order of the table.
    pub figures: Vec<Figure>,
    /// What must be known to read them.
    pub notes: Vec<String>,
}

/// Values of one case, of everybody, by round. The first one is keepwhole.
#[derive(Debug)]
pub(super) struct Contest {
    case: String,
    unit: &'static str,
    series: Vec<(String, Vec<u64>)>,
}

impl Contest {
    pub(super) fn new(case: impl Into<String>, unit: &'static str) -> Self {
        Self {
            case: case.into(),
            unit,
            series: Vec::new(),
        }
    }

    /// Adds a value of this round.
    pub(super) fn add(&mut self, who: &str, value: u64) {
        match self.series.iter_mut().find(|(name, _)| name == who) {
            Some((_, values)) => values.push(value),
            None => self.series.push((who.to_owned(), vec![value])),
        }
    }

    pub(super) fn figures(self) -> impl Iterator<Item = Figure> {
        let ours = self
            .series
            .first()
            .map(|(_, values)| values.clone())
            .unwrap_or_default();
        let (case, unit) = (self.case, self.unit);
        let mut first = true;
        self.series.into_iter().map(move |(who, values)| {
            let by_round = ours.iter().zip(&values).map(|(a, b)| permille(*a, *b));
            let ratio = spread(by_round.collect()).1;
            let ours_to_it = if std::mem::take(&mut first) {
                None
            } else {
                Some(ratio)
            };
            Figure {
                case: case.clone(),
                who,
                unit,
                spread: spread(values),
                ours_to_it,
            }
        })
    }
}

/// A second's count of what took so long.
pub(super) fn per_second(count: u64, took: Duration) -> u64 {
    let nanos = took.as_nanos().max(1);
    u64::try_from(u128::from(count) * 1_000_000_000 / nanos).unwrap_or(u64::MAX)
}

/// Minimum, median, maximum.
pub(super) fn spread(mut values: Vec<u64>) -> (u64, u64, u64) {
    values.sort_unstable();
    let at = |place: usize| values.get(place).copied().unwrap_or(0);
    (
        at(0),
        at(values.len() / 2),
        at(values.len().saturating_sub(1)),
    )
}

pub(super) fn permille(part: u64, whole: u64) -> u64 {
    u64::try_from(u128::from(part) * 1000 / u128::from(whole.max(1))).unwrap_or(u64::MAX)
}

/// The time a thing took, with what it gave.
pub(super) fn timed<T, E>(work: impl FnOnce() -> Result<T, E>) -> Result<(T, Duration), E> {
    let began = Instant::now();
    let given = work()?;
    Ok((given, began.elapsed()))
}

/// Times of single answers.
#[derive(Debug, Default)]
pub(super) struct Waits(Vec<u64>);

impl Waits {
    pub(super) fn add(&mut self, took: Duration) {
        self.0
            .push(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Microseconds that this many of a thousand answers did not pass.
    pub(super) fn at(&mut self, permille: usize) -> u64 {
        self.0.sort_unstable();
        let place = self.0.len() * permille / 1000;
        self.0
            .get(place.min(self.0.len().saturating_sub(1)))
            .copied()
            .unwrap_or(0)
    }
}

/// Kilobytes of memory that this process holds now; 0 where the system does not say.
pub(super) fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}
