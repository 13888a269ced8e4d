//! The program's arguments.

use std::ffi::OsString;
use std::path::PathBuf;

use keepwhole_verify::approval::Decision;

use crate::bytes::Known;
use crate::key::Kind;
use crate::tell::{Language, Unit};

pub(crate) const HELP: &str = "\
The approver's own client: decodes what is to be approved, says in words what would happen, shows the six words, and signs
the challenge that it made itself. It needs no network and trusts no page (docs/approver.md).

Usage: keepwhole-approver key new --out FILE --rp-id ID [--algorithm ES256|EdDSA] [--passphrase-file FILE]
       keepwhole-approver key show FILE [--credential]
       keepwhole-approver show REQUEST [options]
       keepwhole-approver sign REQUEST --key FILE --decision approve|reject [--out FILE] [--yes] [--passphrase-file FILE] [options]

  REQUEST              what the guard asks (keepwhole/approval-request/v1), `-` for standard input
  --credential         the file that an administrator enrols (keepwhole/credential/v1); its six words on standard error
  --out FILE           a new file for the key or the answer
  --payload FILE       the raw bytes to be signed, with --kind; refused where they do not do what the command says
  --kind KIND          evm-tx, safe-tx, psbt, solana-message
  --sender ADDRESS     whose value moves; EVM networks need it
  --coin NUMBER        SLIP-44 number of an EVM network's own coin (default 60)
  --safe ADDRESS       a Safe of 1.3.0 or later; may be given several times
  --multi-send ADDRESS a checked MultiSendCallOnly; may be given several times
  --own-script HEX     a script of the wallet's own, for change (Bitcoin); may be given several times
  --opens-account      the recipient's token account is opened too (Solana)
  --unit ASSET=D:NAME  decimals and name of an asset, such as eip155:1/erc20:0xdac1…=6:USDT; may be given several times
  --words \"SIX WORDS\"  what the other screen shows; refused where they differ
  --lang ko|en|both    language (default both)

Exit codes: 0 done, 1 refused or not done, 3 could not write

Example:
  keepwhole-approver sign request.json --key ana.key --decision approve --payload tx.bin --kind evm-tx \\
    --sender 0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f --words \"habit plastic often amazing melt capital\"
";

/// What the program is asked to do.
pub(crate) enum Asked {
    Help,
    NewKey {
        path: PathBuf,
        kind: Kind,
        rp_id: String,
        passphrase_file: Option<PathBuf>,
    },
    ShowKey {
        path: PathBuf,
    },
    Credential {
        path: PathBuf,
    },
    Show(SignArguments),
    Sign {
        key: PathBuf,
        decision: Decision,
        yes: bool,
        passphrase_file: Option<PathBuf>,
        out: Option<PathBuf>,
        arguments: SignArguments,
    },
}

/// What `show` and `sign` share.
pub(crate) struct SignArguments {
    pub(crate) request: PathBuf,
    pub(crate) payload: Option<PathBuf>,
    pub(crate) known: Known,
    pub(crate) units: Vec<Unit>,
    pub(crate) words: Option<String>,
    pub(crate) language: Language,
}

/// All options as they were given.
#[derive(Default)]
struct Given {
    free: Vec<OsString>,
    algorithm: Option<String>,
    credential: bool,
    decision: Option<String>,
    key: Option<PathBuf>,
    known: Known,
    language: Option<String>,
    out: Option<PathBuf>,
    passphrase_file: Option<PathBuf>,
    payload: Option<PathBuf>,
    rp_id: Option<String>,
    units: Vec<Unit>,
    words: Option<String>,
    yes: bool,
}

pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Asked, String> {
    let all: Vec<OsString> = arguments.collect();
    if all.is_empty() || all.iter().any(|one| one == "--help" || one == "-h") {
        return Ok(Asked::Help);
    }
    let given = read(all.into_iter())?;
    let free: Vec<String> = given
        .free
        .iter()
        .map(|one| one.display().to_string())
        .collect();
    let words: Vec<&str> = free.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["key", "new"] => new_key(given),
        ["key", "show", path] if given.credential => Ok(Asked::Credential { path: path.into() }),
        ["key", "show", path] => Ok(Asked::ShowKey { path: path.into() }),
        ["show", request] => Ok(Asked::Show(shared(request, given)?)),
        ["sign", request] => sign(request, given),
        _ => Err(
            "say `key new`, `key show FILE`, `show REQUEST` or `sign REQUEST`; see --help"
                .to_owned(),
        ),
    }
}

fn new_key(given: Given) -> Result<Asked, String> {
    let algorithm = given.algorithm.as_deref().unwrap_or("ES256");
    Ok(Asked::NewKey {
        path: given.out.ok_or("`key new` needs `--out FILE`")?,
        kind: Kind::from_name(algorithm)
            .ok_or_else(|| format!("`{algorithm}` is neither `ES256` nor `EdDSA`"))?,
        rp_id: given
            .rp_id
            .ok_or("`key new` needs `--rp-id ID`, the relying party of this client alone")?,
        passphrase_file: given.passphrase_file,
    })
}

fn sign(request: &str, mut given: Given) -> Result<Asked, String> {
    let decision = given
        .decision
        .take()
        .ok_or("`sign` needs `--decision approve` or `--decision reject`")?;
    Ok(Asked::Sign {
        key: given.key.take().ok_or("`sign` needs `--key FILE`")?,
        decision: Decision::from_name(&decision)
            .ok_or_else(|| format!("`{decision}` is neither `approve` nor `reject`"))?,
        yes: given.yes,
        passphrase_file: given.passphrase_file.take(),
        out: given.out.take(),
        arguments: shared(request, given)?,
    })
}

fn shared(request: &str, given: Given) -> Result<SignArguments, String> {
    let language = match given.language.as_deref() {
        None | Some("both") => Language::Both,
        Some("ko") => Language::Korean,
        Some("en") => Language::English,
        Some(other) => return Err(format!("`{other}` is no language: `ko`, `en` or `both`")),
    };
    if given.payload.is_some() == given.known.kind.is_empty() {
        return Err("`--payload` and `--kind` stand together".to_owned());
    }
    Ok(SignArguments {
        request: request.into(),
        payload: given.payload,
        known: given.known,
        units: given.units,
        words: given.words,
        language,
    })
}

fn read(mut rest: impl Iterator<Item = OsString>) -> Result<Given, String> {
    let mut given = Given::default();
    while let Some(argument) = rest.next() {
        let name = argument.display().to_string();
        if !name.starts_with("--") {
            given.free.push(argument);
            continue;
        }
        match name.as_str() {
            "--yes" => given.yes = true,
            "--credential" => given.credential = true,
            "--opens-account" => given.known.opens_account = true,
            _ => {
                let value = rest
                    .next()
                    .ok_or_else(|| format!("`{name}` needs a value; see --help"))?;
                take(&mut given, &name, value)?;
            }
        }
    }
    Ok(given)
}

fn take(given: &mut Given, name: &str, value: OsString) -> Result<(), String> {
    let path = PathBuf::from(&value);
    let text = value
        .into_string()
        .map_err(|value| format!("`{}` is not UTF-8", value.display()));
    match name {
        "--key" => given.key = Some(path),
        "--out" => given.out = Some(path),
        "--passphrase-file" => given.passphrase_file = Some(path),
        "--payload" => given.payload = Some(path),
        "--algorithm" => given.algorithm = Some(text?),
        "--decision" => given.decision = Some(text?),
        "--kind" => given.known.kind = text?,
        "--lang" => given.language = Some(text?),
        "--multi-send" => given.known.multi_send.push(text?),
        "--own-script" => given.known.own_scripts.push(text?),
        "--rp-id" => given.rp_id = Some(text?),
        "--safe" => given.known.safes.push(text?),
        "--sender" => given.known.sender = Some(text?),
        "--words" => given.words = Some(text?),
        "--unit" => given.units.push(unit(&text?)?),
        "--coin" => {
            let text = text?;
            let coin = text.parse();
            given.known.coin = Some(coin.map_err(|_| format!("`{text}` is no SLIP-44 number"))?);
        }
        _ => return Err(format!("unknown option `{name}`; see --help")),
    }
    Ok(())
}

/// `ASSET=DECIMALS:NAME`.
fn unit(text: &str) -> Result<Unit, String> {
    let parts = text.split_once('=').and_then(|(asset, rest)| {
        let (decimals, name) = rest.split_once(':')?;
        let decimals = decimals.parse().ok().filter(|decimals| *decimals <= 38)?;
        Some((asset, decimals, name))
    });
    let (asset, decimals, name) =
        parts.ok_or_else(|| format!("`{text}` is no unit: ASSET=DECIMALS:NAME"))?;
    Ok(Unit {
        asset: asset.to_owned(),
        decimals,
        name: name.to_owned(),
    })
}
