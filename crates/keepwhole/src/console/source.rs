//! Where the console's pages come from: one method per page.

use crate::views::{
    BacktestAsked, BacktestView, Banner, Compared, CustomerView, GuardView, Head, IncidentLine,
    IncidentView, JournalView, Overview, PeopleView, PolicyView, RequestState, RequestView,
};

/// Answers with views, each taken at one head of the journal. Methods may block; the console calls them off its
/// network threads.
pub trait ConsoleSource: Send + Sync {
    /// The first page.
    ///
    /// # Errors
    /// Where the journal cannot be read now.
    fn overview(&self) -> Result<Overview, SourceError>;

    /// The mode line and the head that pages rest on: every page asks for them. A source whose overview costs more than
    /// a look at the head answers this by itself.
    ///
    /// # Errors
    /// Where the journal cannot be read now.
    fn frame(&self) -> Result<(Banner, Head), SourceError> {
        self.overview().map(|view| (view.banner, view.head))
    }

    /// All incidents, the newest first.
    ///
    /// # Errors
    /// Where the journal cannot be read now.
    fn incidents(&self) -> Result<Vec<IncidentLine>, SourceError>;

    /// One incident; `None` where there is none of that id.
    ///
    /// # Errors
    /// Where the journal cannot be read now.
    fn incident(&self, id: &str) -> Result<Option<IncidentView>, SourceError>;

    /// One customer; `None` where there is none of that id.
    ///
    /// # Errors
    /// Where the journal cannot be read now.
    fn customer(&self, id: &str) -> Result<Option<CustomerView>, SourceError>;

    /// One page of the journal from entry `from` on; without it, the last page.
    ///
    /// # Errors
    /// Where the journal cannot be read now.
    fn journal(&self, from: Option<u64>) -> Result<JournalView, SourceError>;

    /// Requests to the guard: those that stand as `only` says, without the newest `from`.
    ///
    /// # Errors
    /// Where the journal cannot be read now.
    fn guard(&self, only: Option<RequestState>, from: u64) -> Result<GuardView, SourceError>;

    /// One request; `None` where there is none of that id.
    ///
    /// # Errors
    /// Where the journal cannot be read now.
    fn request(&self, id: &str) -> Result<Option<RequestView>, SourceError>;

    /// The policy, and the difference between two policies where two are given.
    ///
    /// # Errors
    /// Where the journal cannot be read now.
    fn policy(&self, between: Option<&Compared>) -> Result<PolicyView, SourceError>;

    /// Requests of some days before another policy. The work is bounded: where it would take longer than a page may, or
    /// another reader's is being done, the view says so.
    ///
    /// # Errors
    /// Where the journal cannot be read now.
    fn backtest(&self, asked: &BacktestAsked) -> Result<BacktestView, SourceError>;

    /// The people and the classes of action.
    ///
    /// # Errors
    /// Where the journal cannot be read now.
    fn people(&self) -> Result<PeopleView, SourceError>;

    /// A file of the public log by its C2SP path: `checkpoint`, `tile/0/x001/067`. Only paths of that form are asked for.
    /// Entry bundles (`tile/entries/...`) are given out only where the operator said so: they hold every entry in full.
    fn log_file(&self, path: &str) -> Option<Vec<u8>>;

    /// The report of the installation (`report.html`), where it holds one.
    fn report(&self) -> Option<Vec<u8>>;
}

/// Why a source could not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// It cannot be read now; the reason is shown to the reader.
    #[error("{0}")]
    Unavailable(String),
}
