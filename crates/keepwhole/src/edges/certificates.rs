//! The files of `[api.tls]`: read with their modes, and looked at again while the edges run.

use super::{EdgeError, LOOK, Note, until};
use jiff::Timestamp;
use keepwhole_edge::tls::{
    CERTIFICATE, CLIENT_CA, CertificateFacts, KEY, Pems, Tls, TlsFault, TlsIdentity, TlsSettings,
};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;
use zeroize::Zeroizing;

/// What tells a file from the one that stood there before: its number, length and time of change; none where it is gone.
type Stamp = [Option<(u64, u64, i64, i64)>; 3];

/// How the certificate in force stands with its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Fresh,
    /// Less than a third of its time is left.
    Late,
    Ended,
}

fn standing(own: &CertificateFacts, now: Timestamp) -> Standing {
    let whole = own.until.as_second().saturating_sub(own.from.as_second());
    let left = own.until.as_second().saturating_sub(now.as_second());
    if left < 0 {
        Standing::Ended
    } else if left < whole / 3 {
        Standing::Late
    } else {
        Standing::Fresh
    }
}

/// The certificates of the HTTP interface, as the files held them when they were read last.
pub(super) struct Certificates {
    settings: TlsSettings,
    paths: [PathBuf; 3],
    seen: Stamp,
    own: CertificateFacts,
    /// What connections are greeted with.
    pub(super) tls: Arc<Tls>,
}

impl Certificates {
    /// Reads the files of the installation in `dir`.
    pub(super) fn open(dir: &Path, settings: &TlsSettings) -> Result<Self, EdgeError> {
        let names = [&settings.certificate, &settings.key, &settings.client_ca];
        let paths = names.map(|name| dir.join(name));
        let seen = stamp(&paths);
        let identity = read(&paths, settings).map_err(|faults| EdgeError::Tls { faults })?;
        Ok(Self {
            settings: settings.clone(),
            paths,
            seen,
            own: identity.own,
            tls: Tls::new(&identity),
        })
    }

    /// Takes changed files into use; wrong ones leave the last good ones in force and are told once.
    pub(super) async fn watch(mut self, note: &Note, stopped: watch::Receiver<bool>) {
        let stop = until(stopped);
        tokio::pin!(stop);
        let mut before = self.seen;
        let mut told = Standing::Fresh;
        loop {
            let now = standing(&self.own, Timestamp::now());
            if now != told {
                self.remind(now, note);
                told = now;
            }
            tokio::select! {
                () = &mut stop => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            let found = stamp(&self.paths);
            // Certificate and key are two files: they are read once both lie still.
            if found != self.seen && found == before {
                self.seen = found;
                self.reload(note);
            }
            before = found;
        }
    }

    fn reload(&mut self, note: &Note) {
        match read(&self.paths, &self.settings) {
            Ok(identity) => {
                self.tls.replace(&identity);
                self.own = identity.own;
                let until = identity.own.until;
                note(&format!(
                    "`{CERTIFICATE}`: read anew; new connections see the certificate that ends on `{until}`"
                ));
            }
            Err(faults) => {
                let faults = told(&faults);
                note(&format!(
                    "the certificates in force stay as they are: {faults}"
                ));
            }
        }
    }

    fn remind(&self, standing: Standing, note: &Note) {
        let (path, until) = (self.paths[0].display(), self.own.until);
        match standing {
            Standing::Fresh => {}
            Standing::Late => note(&format!(
                "`{CERTIFICATE}`: `{path}` ends on `{until}`, soon; renew it, and the new file is taken as it comes"
            )),
            Standing::Ended => note(&format!(
                "`{CERTIFICATE}`: `{path}` ended on `{until}`; callers refuse it: renew it"
            )),
        }
    }
}

/// The faults of the files, one a line.
pub(super) fn told(faults: &[TlsFault]) -> String {
    let lines: Vec<String> = faults
        .iter()
        .map(|fault| format!("`{}`: {}", fault.key, fault.what))
        .collect();
    lines.join("\n")
}

fn stamp(paths: &[PathBuf; 3]) -> Stamp {
    [&paths[0], &paths[1], &paths[2]].map(|path| {
        let about = fs::metadata(path).ok()?;
        Some((about.ino(), about.len(), about.mtime(), about.mtime_nsec()))
    })
}

fn read(paths: &[PathBuf; 3], settings: &TlsSettings) -> Result<TlsIdentity, Vec<TlsFault>> {
    let [certificate, key, client_ca] = paths;
    let files = [
        (CERTIFICATE, certificate),
        (KEY, key),
        (CLIENT_CA, client_ca),
    ];
    let mut faults = Vec::new();
    let [certificate, key, client_ca] = files.map(|(name, path)| {
        let text = match name {
            KEY => read_key(path),
            _ => read_file(path),
        };
        text.unwrap_or_else(|what| {
            faults.push(TlsFault::new(name, what));
            Zeroizing::default()
        })
    });
    let pems = Pems {
        certificate: &certificate,
        key: &key,
        client_ca: &client_ca,
        clients: settings.clients,
    };
    let identity = TlsIdentity::read(&pems, Timestamp::now());
    let unread: Vec<&str> = faults.iter().map(|fault| fault.key).collect();
    let more = match identity {
        Ok(identity) if faults.is_empty() => return Ok(identity),
        Ok(_) => Vec::new(),
        Err(more) => more,
    };
    // A file that could not be read holds nothing; that is told already.
    let more: Vec<TlsFault> = more
        .into_iter()
        .filter(|fault| !unread.contains(&fault.key))
        .map(|fault| {
            let path = files.iter().find(|(name, _)| *name == fault.key);
            let path = path.map_or_else(String::new, |(_, path)| path.display().to_string());
            TlsFault::new(fault.key, format!("`{path}` {}", fault.what))
        })
        .collect();
    faults.extend(more);
    Err(faults)
}

fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let read = fs::read(path).map(Zeroizing::new);
    read.map_err(|error| format!("can't read `{}`: {error}", path.display()))
}

fn read_key(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    if let Ok(about) = fs::metadata(path) {
        let mode = about.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let path = path.display();
            return Err(format!(
                "`{path}` can be read by others (mode {mode:o}); `chmod 600 {path}`, and replace the key if others could sign in"
            ));
        }
    }
    read_file(path)
}
