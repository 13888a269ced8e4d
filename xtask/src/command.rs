//! Runs other programs: with their output passed through, or captured, always without input and with a time limit.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How a program ended, and what it printed on both outputs if that was captured.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) success: bool,
    pub(crate) text: String,
}

/// A command that starts in `folder` and reads no input.
pub(crate) fn command(folder: &Path, program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

/// Runs a program with its output passed through. True if it exited with 0.
pub(crate) fn pass_through(folder: &Path, program: &str, arguments: &[&str]) -> bool {
    println!("$ {program} {}", arguments.join(" "));
    match command(folder, program, arguments).status() {
        Ok(status) => status.success(),
        Err(error) => {
            println!("cannot start `{program}`: {error}");
            false
        }
    }
}

/// Runs a program and returns what it printed, its errors after its output; ends it after `limit`.
pub(crate) fn capture(mut command: Command, limit: Duration) -> Ended {
    let started = Instant::now();
    let spawned = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            return Ended {
                success: false,
                text: format!("cannot start it: {error}"),
            };
        }
    };
    let output = child.stdout.take().map(read_aside);
    let errors = child.stderr.take().map(read_aside);
    let ended = wait(&mut child, started, limit);
    let mut text = String::new();
    for reader in [output, errors].into_iter().flatten() {
        text.push_str(&reader.join().unwrap_or_default());
    }
    if ended.is_none() {
        text.push_str(&format!(
            "\nended after its limit of {} s\n",
            limit.as_secs()
        ));
    }
    Ended {
        success: ended == Some(true),
        text,
    }
}

/// True if `program` can be found on the path.
pub(crate) fn found(program: &str) -> bool {
    place(program).is_some()
}

/// Where a program lies on the path.
pub(crate) fn place(program: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// True in continuous integration, where what can't be run is a failure and not a wish.
pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

fn read_aside(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // A pipe that breaks ends the text; what was read until then is still shown.
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Some(success) once it ended, None if it had to be ended at the limit.
fn wait(child: &mut Child, started: Instant, limit: Duration) -> Option<bool> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status.success()),
            Ok(None) if started.elapsed() < limit => thread::sleep(Duration::from_millis(20)),
            Ok(None) | Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    }
}
