//! A signer for EVM networks that signs only with a clearance.
//!
//! ```text
//! evm_signer init   SETTINGS                          makes the memory, once
//! evm_signer status SETTINGS                          greatest loss with the keepwhole host stolen, what is left
//! evm_signer transfer CHAIN NONCE TO WEI              prints an unsigned transfer of Ether, for a node without base fee
//! evm_signer sign   SETTINGS KEY-ID KEY-FILE ANSWER PAYLOAD [NODE]
//! ```
//!
//! `ANSWER` is a file with the guard's answer to `POST /v1/guard/clearances`, `PAYLOAD` one with the unsigned transaction in
//! hexadecimal digits, `KEY-FILE` one with the key in hexadecimal digits. The signed transaction is printed, and sent where a
//! `NODE` is named. Exit status: 0 signed, 1 refused (the name of the refusal is the first word), 2 usage or files.

mod account;

use account::{EvmAccount, send, signed_transaction};
use keepwhole_payload::evm::Address;
use keepwhole_payload::evm::transaction::{Envelope, Transaction};
use keepwhole_signer::clock::{Clock as _, MachineClock};
use keepwhole_signer::request::ClearanceAnswer;
use keepwhole_signer::settings::Account;
use keepwhole_signer::store::Store;
use keepwhole_signer::{Refusal, Settings, Signer, signed_with};
use keepwhole_verify::json::{parse_hex, to_hex};
use std::fs;
use std::path::Path;
use std::process::ExitCode;

enum Failure {
    Refused(Refusal),
    Other(String),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<String> for Failure {
    fn from(why: String) -> Self {
        Self::Other(why)
    }
}

fn read(path: &str) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| Failure::Other(format!("`{path}`: {error}")))
}

fn settings(path: &str) -> Result<Settings, Failure> {
    Settings::parse(&read(path)?).map_err(|faults| {
        let lines: Vec<String> = faults
            .iter()
            .map(|fault| format!("`{path}` {fault}"))
            .collect();
        Failure::Other(lines.join("\n"))
    })
}

fn folder(path: &str) -> &Path {
    Path::new(path).parent().unwrap_or(Path::new("."))
}

fn open(path: &str) -> Result<Signer, Failure> {
    Signer::open(settings(path)?, folder(path)).map_err(|error| Failure::Other(error.to_string()))
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.trim();
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    let byte = |at: usize| {
        let pair = digits.get(at..at.saturating_add(2))?;
        parse_hex::<1>(pair).map(|[byte]| byte)
    };
    (0..digits.len()).step_by(2).map(byte).collect()
}

fn sign(arguments: &[&str]) -> Result<String, Failure> {
    let [settings, key_id, key_file, answer, payload, node @ ..] = arguments else {
        return Err(usage());
    };
    let signer = open(settings)?;
    let key = EvmAccount::new(key_id, &read(key_file)?)?;
    let pinned = signer.settings().keys.get(*key_id).map(|key| &key.account);
    if !matches!(pinned, Some(Account::Evm { address, .. }) if *address == key.address()) {
        let why = format!(
            "`{key_file}` is the key of {}, not of `{key_id}` in the settings",
            key.address()
        );
        return Err(Failure::Other(why));
    }
    let answer = ClearanceAnswer::read(&read(answer)?)?;
    let payload =
        bytes(&read(payload)?).ok_or("the payload is not hexadecimal digits".to_owned())?;
    let Some(request) = answer.request(&payload) else {
        let why = format!(
            "the guard's answer is `{}`: nothing to sign",
            answer.outcome
        );
        return Err(Failure::Other(why));
    };
    let (permit, signatures) = signed_with(&signer, &request, &key)?;
    let signature = signatures.first().map(Vec::as_slice).unwrap_or_default();
    let signed = signed_transaction(&payload, signature)?;
    for effect in &permit.outcome().effects {
        eprintln!("{effect}");
    }
    match node {
        [] => Ok(format!("0x{}", to_hex(&signed))),
        [node] => Ok(send(node, &signed)?),
        _ => Err(usage()),
    }
}

fn transfer(arguments: &[&str]) -> Result<String, Failure> {
    let [chain, nonce, to, wei] = arguments else {
        return Err(usage());
    };
    let number = |text: &str| {
        let told = |_| Failure::Other(format!("`{text}` is no number"));
        text.parse::<u64>().map_err(told)
    };
    let to = Address::parse(to).ok_or_else(|| format!("`{to}` is no address"))?;
    let value = wei.parse::<u128>();
    let transaction = Transaction {
        envelope: Envelope::FeeMarket,
        chain_id: number(chain)?,
        nonce: number(nonce)?,
        priority_fee: 1,
        max_fee: 2,
        gas: 21_000,
        to,
        value: value.map_err(|_| format!("`{wei}` is no amount"))?,
        data: Vec::new(),
        data_at: 0,
        access: Vec::new(),
    };
    Ok(format!("0x{}", to_hex(&transaction.encode())))
}

fn usage() -> Failure {
    let says = "usage: evm_signer init|status SETTINGS, evm_signer transfer CHAIN NONCE TO WEI, or evm_signer sign SETTINGS KEY-ID KEY-FILE ANSWER PAYLOAD [NODE]";
    Failure::Other(says.to_owned())
}

fn run(arguments: &[&str]) -> Result<String, Failure> {
    match arguments {
        ["init", path] => {
            let settings = settings(path)?;
            let dir = folder(path).join(&settings.state);
            Store::create(&dir, &settings.name, MachineClock.now())
                .map_err(|error| Failure::Other(error.to_string()))?;
            Ok(format!("made `{}`", dir.display()))
        }
        ["status", path] => Ok(open(path)?.status()?.to_string()),
        ["transfer", rest @ ..] => transfer(rest),
        ["sign", rest @ ..] => sign(rest),
        _ => Err(usage()),
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(says) => {
            println!("{says}");
            ExitCode::SUCCESS
        }
        Err(Failure::Refused(refusal)) => {
            eprintln!("{}: {refusal}", refusal.name());
            ExitCode::FAILURE
        }
        Err(Failure::Other(why)) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}
