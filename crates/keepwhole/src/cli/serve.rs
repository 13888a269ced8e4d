//! The verb `serve`: runs the installation and its console until SIGINT or SIGTERM.

use super::DataArgs;
use super::exit::{Exit, Failure};
use super::output::{Output, note};
use crate::authority::{self, StaffDesk};
use crate::console::{
    ConsoleError, ConsoleSource, Staff, refuse_unless_loopback, serve_staff, serve_until,
};
use crate::edges::{Desk, EdgeError, Edges, Sequenced, read_settings};
use crate::installation::{
    Care, ConsoleFeed, Feed, Installation, InstallationError, Reading, Running, log_policy,
    read_origin, verifier_key,
};
use crate::journal::keys::{self, KeyFile};
use crate::journal::layout;
use crate::journal::{Alarm as JournalAlarm, JournalError};
use crate::outside::rounds::{remember, remembered};
use crate::outside::{Alarm, PublicLog, PublicServer, Pusher, Rounds, WitnessPolicy};
use crate::sequencer::{Clock as _, Condition, Folded, ServiceError, SystemClock, Until};
use crate::text::{Lang, span};
use clap::Args;
use keepwhole_core::authority::people;
use keepwhole_core::command::{Body, Command};
use keepwhole_core::state::State;
use keepwhole_verify::note::NoteSigner as _;
use serde_json::json;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A pause between two entries that counts as the service having been down, ms.
const DOWNTIME_MS: u64 = 60_000;
/// The epoch of the first start after `init`, which has the first epoch itself.
const FIRST_START: u64 = 2;
/// Where the console listens if nobody says otherwise.
const CONSOLE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8650);
/// Ports tried for the console of a demo.
const NEXT_PORTS: u16 = 32;
/// How often it is looked whether the sequencer still runs.
const LOOK: Duration = Duration::from_millis(200);

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The folder and the form of the answer.
    #[command(flatten)]
    pub data: DataArgs,
    /// Loopback address and port of the console; port 0 takes any free one. Without it that of `keepwhole.toml` in the
    /// folder, else 127.0.0.1:8650.
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    pub listen: Option<SocketAddr>,
    /// Only show what is there, changing nothing: of a damaged journal the part before the damage.
    #[arg(long)]
    pub read_only: bool,
    /// A checkpoint that a witness holds of this log; what it names must be in the journal. May be given several times,
    /// besides the files in the folder `witness`.
    #[arg(long, value_name = "FILE")]
    pub witness_checkpoint: Vec<PathBuf>,
    /// C2SP tlog-policy with the witnesses' addresses: each head is published once their quorum co-signed it.
    #[arg(long, value_name = "FILE", conflicts_with = "read_only")]
    pub witness_policy: Option<PathBuf>,
    /// Address and port on which everybody may read the log below `/log/`, and nothing else.
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    pub log_listen: Option<SocketAddr>,
    /// Also publish entry bundles, which hold every entry in full. Meant for an auditor's network.
    #[arg(long)]
    pub publish_entries: bool,
}

impl ServeArgs {
    fn care(&self) -> Care {
        Care {
            witness: self.witness_checkpoint.clone(),
            pending: self.witness_policy.is_some(),
            ..Care::default()
        }
    }
}

fn parse_address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| String::from("not an address with a port, such as 127.0.0.1:8650"))
}

/// Runs until a signal to stop.
///
/// # Errors
/// [`Failure`] with exit 1 for an address that others reach, a port in use or a lock that is held, 2 for a folder that is
/// no installation, 3 for a damaged journal or one that fails while it runs.
pub fn run(args: &ServeArgs) -> Result<Exit, Failure> {
    let dir = &args.data.dir;
    let failed = |error: InstallationError| failed_in(dir, &error);
    if let Some(listen) = args.listen {
        refuse_unless_loopback(listen)
            .map_err(|error| Failure::refused("not_loopback", error.to_string()))?;
    }
    read_origin(dir).map_err(failed)?;
    let settings = read_settings(dir).map_err(|error| of_edges(&error))?;
    let listener = bind(args.listen.or(settings.console.listen).unwrap_or(CONSOLE))?;
    let _public = public_log(args)?;
    if args.read_only {
        if settings.console.sign_in_required {
            note("read-only: nobody signs in, and whoever reaches the address reads every page");
        }
        let opened = Reading::open_at(dir, Until::End, &args.care()).map_err(failed)?;
        return serve_reading(&args.data, told_beside(dir), opened, listener);
    }
    let (installation, rounds) = open(args)?;
    say_recovery(&installation);
    let last = installation.sequencer.state().at;
    let clock = SystemClock::start(last);
    let down = downtime(&installation, clock.now());
    let (dir, log_key) = (installation.dir.clone(), installation.log_key.clone());
    let running = installation.run(Box::new(clock), Box::new(say_condition));
    let mut edges = None;
    let pusher = rounds.map(|rounds| Pusher::start(rounds, running.ended()));
    let demanded = start(&running, down).and_then(|()| demand(&running, settings.api.is_some()));
    let served = demanded.and_then(|()| {
        let mut feed = ConsoleFeed::new(dir.clone(), log_key, Feed::Live(running.reader()))
            .with_entries(args.publish_entries);
        if let Some(folder) = told_beside(&dir) {
            feed = feed.beside(folder);
        }
        let intake = Arc::new(Sequenced::new(running.handle(), running.reader()));
        let desk = guard_desk(&dir, &running)?;
        let opened = Edges::start(&dir, &settings, intake, Some(desk), Arc::new(note));
        let opened = edges.insert(opened.map_err(|error| of_edges(&error))?);
        if opened.api.is_some() {
            say_bootstrap(&running)?;
        }
        let also = Also {
            api: opened.api_url(),
            feed: opened.feed.clone(),
        };
        let clock = SystemClock::start(last);
        let now = Box::new(move || clock.now());
        let desk = StaffDesk::new(running.reader(), running.handle(), now);
        let no_random = |error| Failure::fault("random", format!("no random numbers: {error}"));
        let staff = Staff::new(desk, settings.console.clone()).map_err(no_random)?;
        let staff = Arc::new(staff.counting(Arc::clone(&opened.refusals)));
        let pages = (Arc::new(feed) as Arc<dyn ConsoleSource>, Some(staff));
        serve(&args.data, listener, pages, running.ended(), &also)
    });
    if let Some(edges) = edges {
        edges.stop();
    }
    // What stopped the sequencer says more than what the console said after it, and proof of a fork more than that.
    let stopped = running.stop().map_err(failed);
    if let Some(alarm) = pusher.and_then(Pusher::stop) {
        return Err(alarmed(&alarm));
    }
    stopped?;
    served?;
    Ok(Exit::Done)
}

/// The guard with its key; an installation made before there was one gets it now.
fn guard_desk(dir: &Path, running: &Running) -> Result<Arc<Desk>, Failure> {
    let failed = |error: JournalError| Failure::fault(error.code(), error.to_string());
    let origin = read_origin(dir).map_err(|error| failed_in(dir, &error))?;
    let key = if dir.join(layout::GUARD_KEY).exists() {
        keys::load(dir, KeyFile::Guard, &origin).map_err(failed)?
    } else {
        let key = keys::create(dir, KeyFile::Guard, &origin).map_err(failed)?;
        note(&format!(
            "made the guard's key; signers pin `{}`",
            key.key()
        ));
        key
    };
    let desk = Desk::new(running.reader(), key);
    let desk = desk.map_err(|error| {
        Failure::fault(
            "own_program",
            format!("can't read the program's own file: {error}"),
        )
    })?;
    Ok(Arc::new(desk))
}

/// Opens for writing: alone, or with witnesses, who are asked first whether this is the journal that they saw.
fn open(args: &ServeArgs) -> Result<(Installation, Option<Rounds>), Failure> {
    let dir = &args.data.dir;
    let failed = |error: InstallationError| failed_in(dir, &error);
    let before = remembered(dir);
    let Some(path) = &args.witness_policy else {
        return match before {
            Some(alarm) => Err(still_alarmed(dir, &alarm)),
            None => {
                let alone = Installation::open_with(dir, args.care()).map_err(failed)?;
                Ok((alone, None))
            }
        };
    };
    let wrong = |cause: String| {
        Failure::usage(
            "witness_policy",
            format!("witness policy `{}`: {cause}", path.display()),
        )
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let key = verifier_key(dir, KeyFile::Log).map_err(failed)?;
    let policy = WitnessPolicy::parse(&text, &key).map_err(wrong)?;
    let installation = Installation::open_with(dir, args.care()).map_err(failed)?;
    let mut rounds = Rounds::new(dir, policy, log_policy(dir, &key).map_err(failed)?);
    if let Err(alarm) = rounds.run() {
        if alarm.theirs.is_some() {
            remember(dir, &alarm).map_err(|error| Failure::of_journal(dir, &error))?;
        }
        return Err(alarmed(&alarm));
    }
    let met = rounds.standing().quorum_size == Some(installation.sequencer.head().size);
    match before {
        Some(alarm) if !met => return Err(still_alarmed(dir, &alarm)),
        Some(_) => {
            note("the quorum of witnesses saw this journal: the alarm of an earlier run is over");
            std::fs::remove_file(dir.join(layout::ALARM)).map_err(|error| {
                Failure::fault(
                    "io_error",
                    format!("can't remove `{}`: {error}", layout::ALARM),
                )
            })?;
        }
        None if !met => {
            note("the quorum of witnesses is not met yet; `keepwhole status` says who lags")
        }
        None => {}
    }
    Ok((installation, Some(rounds)))
}

fn alarmed(alarm: &Alarm) -> Failure {
    let fix = if alarm.theirs.is_some() {
        "nothing is written any more; find the other journal before anything else, `keepwhole serve --read-only` shows this one"
    } else {
        "if the witness is wrong, take it out of the policy"
    };
    Failure::fault(alarm.code(), format!("{alarm}; {fix}"))
}

fn still_alarmed(dir: &Path, alarm: &str) -> Failure {
    let message = format!(
        "an earlier run found: {alarm}; restore the right journal and start with `--witness-policy`, whose quorum ends the \
         alarm (it stands in `{}/{}`)",
        dir.display(),
        layout::ALARM
    );
    Failure::fault("witness_alarm", message)
}

/// The public log on an address of its own, where one was given.
fn public_log(args: &ServeArgs) -> Result<Option<PublicServer>, Failure> {
    if args.publish_entries {
        note("entry bundles are published: whoever reaches the log reads every entry in full");
    }
    let Some(address) = args.log_listen else {
        return Ok(None);
    };
    let log = PublicLog::new(&args.data.dir, args.publish_entries);
    let server = PublicServer::start(bind(address)?, log)
        .map_err(|error| Failure::fault("public_log", format!("can't serve the log: {error}")))?;
    note(&format!(
        "the log is public on http://{}/log/",
        server.address()
    ));
    Ok(Some(server))
}

/// How the program ends, with the alarm that the error is, if it is one.
fn failed_in(dir: &Path, error: &InstallationError) -> Failure {
    let mut failure = Failure::of_installation(dir, error);
    if let Some(alarm) = error.journal().and_then(JournalAlarm::of) {
        failure.message = format!("{}; {alarm}", failure.message);
    }
    failure
}

/// The folder around the installation of an exercise, where its report and packages lie.
fn told_beside(dir: &Path) -> Option<&Path> {
    let around = dir.parent()?;
    let told = dir.join(crate::demo::EXERCISE).is_file() && around.join("report.html").is_file();
    told.then_some(around)
}

fn say_condition(condition: &Condition) {
    match condition {
        Condition::Working => note("entries are taken and published again"),
        Condition::Slow(since) => note(&format!(
            "the disk is slow: entries have waited {} ms to become durable",
            since.as_millis()
        )),
        Condition::DiskFull(full) => note(&full.to_string()),
        Condition::Unsigned(fault) => note(fault),
        // What stopped it is said at the end.
        Condition::Stopped => {}
    }
}

fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => Failure::refused(
            "port_in_use",
            format!(
                "port `{}` of `{}` is in use; stop the program that has it, or take any free port with `--listen {}:0`",
                address.port(),
                address.ip(),
                address.ip()
            ),
        ),
        _ => Failure::refused("not_bound", format!("can't listen on `{address}`: {error}; choose another with `--listen`")),
    })
}

fn say_recovery(installation: &Installation) {
    let recovery = &installation.recovery;
    if let Some(torn) = &recovery.torn_tail {
        note(&format!(
            "cut {} bytes of an unfinished frame that was never acknowledged (segment `{}`, frame `{}`, byte offset `{}`)",
            torn.bytes, torn.segment, torn.frame, torn.offset
        ));
    }
    for ignored in &installation.ignored {
        note(&ignored.to_string());
    }
    if let Some(fault) = &recovery.checkpoint_fault {
        note(&format!(
            "the published checkpoint could not be read and was written anew: {fault}"
        ));
    }
}

/// Since when the service was down, where that is to be recorded: from the second start on, after a minute without entry.
fn downtime(installation: &Installation, now: u64) -> Option<u64> {
    let state = installation.sequencer.state();
    let long = now.saturating_sub(state.at) > DOWNTIME_MS;
    (state.position > 0 && installation.recovery.epoch > FIRST_START && long).then_some(state.at)
}

fn start(running: &Running, down: Option<u64>) -> Result<(), Failure> {
    let Some(since) = down else { return Ok(()) };
    let command = Command {
        id: None,
        actor: None,
        body: Body::RecordDowntime { since },
    };
    running
        .handle()
        .submit(command)
        .map_err(|error| Failure::fault("stopped", error.to_string()))?;
    let now = running
        .reader()
        .read(|state| state.at)
        .map_err(|error| Failure::fault("stopped", error.to_string()))?;
    note(&format!(
        "no entry for {}; recorded as downtime",
        span(now.saturating_sub(since), Lang::En)
    ));
    Ok(())
}

/// Who can ask over the interface is outside: from then on nothing is cleared without rules of authority.
fn demand(running: &Running, asked: bool) -> Result<(), Failure> {
    let stopped = |error: ServiceError| Failure::fault("stopped", error.to_string());
    let missing = running.reader().read(authority::demand).map_err(stopped)?;
    if let Some(command) = missing.filter(|_| asked) {
        running.handle().submit(command).map_err(stopped)?;
    }
    Ok(())
}

/// What is lacking before anything that is asked over the interface can be cleared.
fn say_bootstrap(running: &Running) -> Result<(), Failure> {
    let stopped = |error: ServiceError| Failure::fault("stopped", error.to_string());
    let look = |state: &State| people::standing(state, state.at).err();
    if let Some((class, lack)) = running.reader().read(look).map_err(stopped)? {
        let roles = match lack.missing.as_str() {
            "" => String::new(),
            missing => format!(", nobody for {missing}"),
        };
        note(&format!(
            "nothing is cleared before the bootstrap is over (docs/authority.md): `{class}` has {} of {} people{roles}",
            lack.valid, lack.needs
        ));
    }
    Ok(())
}

fn serve_reading(
    data: &DataArgs,
    beside: Option<&Path>,
    (reading, folded): (Reading, Folded),
    listener: TcpListener,
) -> Result<Exit, Failure> {
    for ignored in &folded.ignored {
        note(&ignored.to_string());
    }
    if let Some(damage) = &reading.damage {
        let alarm = JournalAlarm::of(damage).map(|alarm| format!("; {alarm}"));
        note(&format!(
            "read-only: the journal is damaged ({damage}); shown are the {} entries before that{}",
            reading.journal.head().size,
            alarm.unwrap_or_default()
        ));
    }
    let feed = Feed::Fixed(Box::new((folded.state, reading.journal)));
    let mut feed = ConsoleFeed::new(reading.dir, reading.log_key, feed);
    if let Some(folder) = beside {
        feed = feed.beside(folder);
    }
    serve(
        data,
        listener,
        (Arc::new(feed), None),
        Arc::new(AtomicBool::new(false)),
        &Also::default(),
    )?;
    Ok(Exit::Done)
}

/// Shows the console of a finished demo: its journal read-only, with report and packages of `out`, on the first free of
/// the next ports.
///
/// # Errors
/// As [`run`].
pub fn show_demo(out: &Path, listen: &str) -> Result<Exit, Failure> {
    let dir = out.join("journal");
    let wanted = parse_address(listen)
        .map_err(|cause| Failure::usage("address", format!("`--listen {listen}`: {cause}")))?;
    refuse_unless_loopback(wanted)
        .map_err(|error| Failure::refused("not_loopback", error.to_string()))?;
    let ports = (0..NEXT_PORTS).filter_map(|more| wanted.port().checked_add(more));
    let mut free =
        ports.filter_map(|port| TcpListener::bind(SocketAddr::new(wanted.ip(), port)).ok());
    let listener = match free.next() {
        Some(listener) => listener,
        None => bind(wanted)?,
    };
    let opened = Reading::open_at(&dir, Until::End, &Care::default())
        .map_err(|error| Failure::of_installation(&dir, &error))?;
    serve_reading(&DataArgs { dir, json: false }, Some(out), opened, listener)
}

/// Serves until a signal, or until `ended`. The address is printed once the signals are heard, so that whoever waits for
/// the line may stop the program at once.
fn serve(
    data: &DataArgs,
    listener: TcpListener,
    (source, staff): (Arc<dyn ConsoleSource>, Option<Arc<Staff>>),
    ended: Arc<AtomicBool>,
    also: &Also,
) -> Result<(), Failure> {
    let address = listener
        .local_addr()
        .map_err(|error| of_console(&ConsoleError::System(error)))?;
    let (dir, json, also) = (data.dir.clone(), data.json, also.clone());
    let fault: Arc<Mutex<Option<Failure>>> = Arc::default();
    let said = Arc::clone(&fault);
    let stop = async move {
        let heard = match Signals::listen() {
            Ok(signals) => announce(&dir, address, json, &also).map(|()| signals),
            Err(error) => Err(of_console(&ConsoleError::System(error))),
        };
        match heard {
            Ok(mut signals) => signals.wait(&ended).await,
            Err(failure) => *said.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure),
        }
    };
    let served = match staff {
        Some(staff) => serve_staff(listener, source, staff, stop),
        None => serve_until(listener, source, stop),
    };
    served.map_err(|error| of_console(&error))?;
    let failure = fault.lock().unwrap_or_else(PoisonError::into_inner).take();
    failure.map_or(Ok(()), Err)
}

fn of_console(error: &ConsoleError) -> Failure {
    match error {
        ConsoleError::NotLoopback { .. } => Failure::refused("not_loopback", error.to_string()),
        ConsoleError::System(_) => Failure::fault("console", error.to_string()),
    }
}

/// What is open beside the console.
#[derive(Clone, Debug, Default)]
struct Also {
    api: Option<String>,
    feed: Option<PathBuf>,
}

fn announce(dir: &Path, address: SocketAddr, json: bool, also: &Also) -> Result<(), Failure> {
    let mut output = Output::new(false);
    if json {
        let mut told =
            json!({ "listening": format!("http://{address}"), "data": dir.display().to_string() });
        if let Some(api) = &also.api {
            told["api"] = json!(api);
        }
        if let Some(feed) = &also.feed {
            told["feed"] = json!(feed.display().to_string());
        }
        output.line(&told.to_string())?;
    } else {
        output.line(&format!("listening on http://{address}"))?;
        if let Some(api) = &also.api {
            output.line(&format!("taking batches on {api}"))?;
        }
        if let Some(feed) = &also.feed {
            output.line(&format!("taking the feed on {}", feed.display()))?;
        }
    }
    output.flush()
}

fn of_edges(error: &EdgeError) -> Failure {
    let message = error.to_string();
    match error {
        EdgeError::Settings { .. } | EdgeError::Key { .. } | EdgeError::File { .. } => {
            Failure::usage("settings", message)
        }
        EdgeError::Tls { .. } => Failure::usage("certificates", message),
        EdgeError::Tokens(_) | EdgeError::Identities { .. } => Failure::usage("tokens", message),
        EdgeError::Api(_) | EdgeError::Bind { .. } | EdgeError::Feed(_) => {
            Failure::refused("not_bound", message)
        }
        EdgeError::System(_) => Failure::fault("edges", message),
    }
}

/// The signals that end the program.
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Until one of them comes, or `ended` is true.
    async fn wait(&mut self, ended: &AtomicBool) {
        let mut look = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
                _ = look.tick() => if ended.load(Ordering::SeqCst) { return },
            }
        }
    }
}
