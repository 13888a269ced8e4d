//! Why a witness could not be made, opened or run, in words for whoever runs it.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a witness could not be made, opened or run.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// There is no witness in the folder.
    #[error(
        "`{}` holds no witness (no file `witness.key`); make one with `init`", dir.display()
    )]
    NoWitness {
        /// The folder.
        dir: PathBuf,
    },
    /// The folder holds something already.
    #[error("`{}` is not empty; a witness is made once, in a new or empty folder", dir.display())]
    NotEmpty {
        /// The folder.
        dir: PathBuf,
    },
    /// Another process runs on this folder.
    #[error(
        "`{}` is in use by another witness; two on one folder could sign two histories, stop the other first", dir.display()
    )]
    InUse {
        /// The folder.
        dir: PathBuf,
    },
    /// A file operation failed.
    #[error("can't {doing} `{}`: {cause}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A file of the witness is not what it should be.
    #[error("file `{}`: {fault}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong and how to repair it.
        fault: String,
    },
    /// The name can't be a key's name.
    #[error(
        "the witness's name `{name}` is empty or holds a space or a plus; an example is `witness.auditor.example`"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// An earlier write failed; whether it reached the disk is not known.
    #[error("stopped by an earlier failure to write; start again so that the folder is read anew")]
    Stopped,
    /// The clock shows no time after 1970.
    #[error("the system clock shows no time after 1970; set it, a cosignature states the time")]
    Clock,
    /// The system refused the socket, the signals or the threads.
    #[error("can't serve on `{address}`: {cause}")]
    Serve {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        cause: io::Error,
    },
}
