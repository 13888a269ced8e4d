//! Who may ask: a file with one line per identity, which holds the digest of a token and never the token.
//!
//! A line is `name scope sha256 until`: the name of an identity, what it may do, SHA-256 of its token in hex, and the
//! first day (UTC) on which the token no longer counts. Empty lines and lines that start with `#` are skipped.

use jiff::civil::Date;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;
use subtle::ConstantTimeEq as _;

/// Longest name of an identity, bytes.
const NAME_MAX: usize = 64;
/// Longest time that a token counts, days.
pub const DAYS_MAX: i64 = 90;

/// What an identity may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenScope {
    /// Tell the books: owners and transfers.
    Ledger,
    /// Ask the guard: withdrawals, credits, clearances.
    Guard,
    /// Redeem clearances.
    Signer,
}

impl TokenScope {
    /// All, by their names.
    pub const ALL: [(&'static str, Self); 3] = [
        ("ledger", Self::Ledger),
        ("guard", Self::Guard),
        ("signer", Self::Signer),
    ];
}

/// One identity.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// Its name: part of every command id that it sends.
    pub name: String,
    /// What it may do.
    pub scope: TokenScope,
    /// SHA-256 of its token.
    digest: [u8; 32],
    /// First day, UTC, on which it no longer counts.
    pub until: Date,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("name", &self.name)
            .field("scope", &self.scope)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

/// A line that can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct TokenFault {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong and what to do.
    pub what: String,
}

/// All identities of an installation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens(Vec<Token>);

/// Digest under which a token is kept.
#[must_use]
pub fn digest_of(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let bytes = text.as_bytes();
    let lower = |b: &u8| b.is_ascii_digit() || (b'a'..=b'f').contains(b);
    if bytes.len() != 64 || !bytes.iter().all(lower) {
        return None;
    }
    let mut out = [0; 32];
    for (to, pair) in out.iter_mut().zip(bytes.chunks_exact(2)) {
        *to = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(out)
}

/// True for a name of lower-case letters, digits and hyphens.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(fits)
}

fn line_of(text: &str) -> Result<Token, String> {
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    let [name, scope, digest, until] = fields.as_slice() else {
        let have = fields.len();
        return Err(format!(
            "`{have}` fields where four are needed: `name scope sha256 until`; add tokens with `keepwhole token add`"
        ));
    };
    if !is_name(name) {
        return Err(format!(
            "name `{name}`: 1 to {NAME_MAX} lower-case letters, digits and hyphens"
        ));
    }
    let known = TokenScope::ALL.iter().find(|(word, _)| word == scope);
    let Some((_, scope)) = known else {
        let words = TokenScope::ALL.map(|(word, _)| word).join("`, `");
        return Err(format!(
            "scope `{scope}` is not known; use one of `{words}`"
        ));
    };
    let Some(digest) = unhex(digest) else {
        return Err("the third field is not 64 lower-case hex digits; write the token's SHA-256, never the token".into());
    };
    let Ok(until) = Date::from_str(until) else {
        return Err(format!("`{until}` is not a day such as 2026-12-31"));
    };
    Ok(Token {
        name: (*name).to_owned(),
        scope: *scope,
        digest,
        until,
    })
}

impl Tokens {
    /// Reads the file's text.
    ///
    /// # Errors
    /// The first line that is not one, or repeats a name or a digest.
    pub fn parse(text: &str) -> Result<Self, TokenFault> {
        let mut all: Vec<Token> = Vec::new();
        for (at, row) in text.lines().enumerate() {
            let line = at + 1;
            if row.trim().is_empty() || row.starts_with('#') {
                continue;
            }
            let token = line_of(row).map_err(|what| TokenFault { line, what })?;
            if all.iter().any(|known| known.name == token.name) {
                let what = format!(
                    "name `{}` stands twice; give each identity one line",
                    token.name
                );
                return Err(TokenFault { line, what });
            }
            if all.iter().any(|known| known.digest == token.digest) {
                let what = "the token of another line; give each identity its own".to_owned();
                return Err(TokenFault { line, what });
            }
            all.push(token);
        }
        Ok(Self(all))
    }

    /// The line that keeps a new token.
    #[must_use]
    pub fn line(name: &str, scope: &str, token: &str, until: Date) -> String {
        let hex: String = digest_of(token)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        format!("{name} {scope} {hex} {until}\n")
    }

    /// The identity whose token this is, if it counts on `today` (UTC). Every line is compared, in constant time.
    #[must_use]
    pub fn find(&self, token: &str, today: Date) -> Option<&Token> {
        let digest = digest_of(token);
        let mut found = None;
        for known in &self.0 {
            if bool::from(known.digest.ct_eq(&digest)) {
                found = Some(known);
            }
        }
        found.filter(|known| today < known.until)
    }

    /// All, in the file's order.
    #[must_use]
    pub fn all(&self) -> &[Token] {
        &self.0
    }
}
