//! Who may ask: a file with one line per identity, which holds the digest of a token and never the token.
//!
//! A line is `name scope sha256 until`: the name of an identity, what it may do, SHA-256 of its token in hex, and the
//! first day (UTC) on which the token no longer counts. Empty lines and lines that start with `#` are skipped.
//!
//! Up to two fields `cert:sha256` may follow: SHA-256 of a client certificate (DER) in hex. Such an identity is heard only
//! over a TLS connection with one of these certificates. Where `-` stands for the token's digest it has no token, and the
//! certificate alone identifies. A line says all that is needed; a caller can't do with less by leaving something out.

use jiff::civil::Date;
use keepwhole_core::door::Identity;
use keepwhole_verify::json::{parse_hex, to_hex};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;
use subtle::{Choice, ConstantTimeEq as _};

/// Longest name of an identity, bytes.
const NAME_MAX: usize = 64;
/// Longest time that a token counts, days.
pub const DAYS_MAX: i64 = 90;
/// Most certificates of one identity: the one in use and the next.
pub const CERTIFICATES_MAX: usize = 2;
/// Stands for the digest of an identity that has no token.
const NO_TOKEN: &str = "-";
/// What a certificate's digest begins with.
const BOUND: &str = "cert:";

/// What an identity may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenScope {
    /// Tell the books: owners and transfers.
    Ledger,
    /// Ask the guard: withdrawals, credits, clearances.
    Guard,
    /// Redeem clearances.
    Signer,
    /// Tell prices, and nothing else.
    Prices,
}

impl TokenScope {
    /// All, by their names.
    pub const ALL: [(&'static str, Self); 4] = [
        ("ledger", Self::Ledger),
        ("guard", Self::Guard),
        ("signer", Self::Signer),
        ("prices", Self::Prices),
    ];
}

/// One identity.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// Its name: part of every command id that it sends.
    pub name: String,
    /// What it may do.
    pub scope: TokenScope,
    /// SHA-256 of its token; none where its certificate alone identifies.
    digest: Option<[u8; 32]>,
    /// First day, UTC, on which it no longer counts.
    pub until: Date,
    /// SHA-256 of each certificate that it is bound to; empty where it is bound to none.
    certificates: Vec<[u8; 32]>,
}

impl Token {
    /// SHA-256 of each certificate that it is bound to, the newest last; empty where it is bound to none.
    #[must_use]
    pub fn certificates(&self) -> &[[u8; 32]] {
        &self.certificates
    }

    /// Whether it has a token; without one its certificate alone identifies.
    #[must_use]
    pub const fn has_token(&self) -> bool {
        self.digest.is_some()
    }

    /// What the journal keeps of it: nothing secret, and another fingerprint where anything of its line is another.
    #[must_use]
    pub fn identity(&self) -> Identity {
        let scope = TokenScope::ALL
            .iter()
            .find(|(_, scope)| *scope == self.scope);
        let line = self.line_with(&self.certificates);
        Identity {
            name: self.name.clone(),
            scope: scope.map_or("", |(word, _)| word).to_owned(),
            until: self.until.to_string(),
            fingerprint: Sha256::digest(line.as_bytes()).into(),
        }
    }

    /// Its line with other certificates.
    #[must_use]
    pub fn line_with(&self, certificates: &[[u8; 32]]) -> String {
        let word = TokenScope::ALL
            .iter()
            .find(|(_, scope)| *scope == self.scope);
        let word = word.map_or("", |(word, _)| word);
        line_text(
            &self.name,
            word,
            self.digest.as_ref(),
            self.until,
            certificates,
        )
    }

    /// Whether what was shown is what its line wants, in constant time.
    fn fits(&self, digest: Option<&[u8; 32]>, certificate: Option<&[u8; 32]>) -> Choice {
        let secret = match (&self.digest, digest) {
            (Some(known), Some(shown)) => known.ct_eq(shown),
            (None, None) => Choice::from(1),
            _ => Choice::from(0),
        };
        let bound = match certificate {
            _ if self.certificates.is_empty() => Choice::from(1),
            None => Choice::from(0),
            Some(shown) => {
                let each = self.certificates.iter().map(|known| known.ct_eq(shown));
                each.fold(Choice::from(0), |any, one| any | one)
            }
        };
        secret & bound
    }
}

fn line_text(
    name: &str,
    scope: &str,
    digest: Option<&[u8; 32]>,
    until: Date,
    certificates: &[[u8; 32]],
) -> String {
    let digest = digest.map_or_else(|| NO_TOKEN.to_owned(), |digest| to_hex(digest));
    let bound: String = certificates
        .iter()
        .map(|certificate| format!(" {BOUND}{}", to_hex(certificate)))
        .collect();
    format!("{name} {scope} {digest} {until}{bound}\n")
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("name", &self.name)
            .field("scope", &self.scope)
            .field("until", &self.until)
            .field("certificates", &self.certificates.len())
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

/// True for a name of lower-case letters, digits and hyphens.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(fits)
}

fn line_of(text: &str) -> Result<Token, String> {
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    let [name, scope, digest, until, bound @ ..] = fields.as_slice() else {
        let have = fields.len();
        return Err(format!(
            "`{have}` fields where four or more are needed: `name scope sha256 until`, then `cert:sha256`; add tokens with `keepwhole token add`"
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
    let digest = match parse_hex(digest) {
        Some(digest) => Some(digest),
        None if *digest == NO_TOKEN && !bound.is_empty() => None,
        None if *digest == NO_TOKEN => {
            return Err(
                "neither a token nor a certificate; bind one with a field `cert:sha256`".into(),
            );
        }
        None => {
            return Err("the third field is not 64 lower-case hex digits; write the token's SHA-256, never the token".into());
        }
    };
    let Ok(until) = Date::from_str(until) else {
        return Err(format!("`{until}` is not a day such as 2026-12-31"));
    };
    Ok(Token {
        name: (*name).to_owned(),
        scope: *scope,
        digest,
        until,
        certificates: certificates_of(bound)?,
    })
}

fn certificates_of(fields: &[&str]) -> Result<Vec<[u8; 32]>, String> {
    if fields.len() > CERTIFICATES_MAX {
        let have = fields.len();
        return Err(format!(
            "`{have}` certificates; an identity has at most {CERTIFICATES_MAX}, the one in use and the next"
        ));
    }
    let read = |field: &&str| {
        let digest = field.strip_prefix(BOUND).and_then(parse_hex);
        digest.ok_or_else(|| {
            format!("after the day stands `{BOUND}` with 64 lower-case hex digits, the certificate's SHA-256, or nothing")
        })
    };
    fields.iter().map(read).collect()
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
            let alike = |known: &Token| match (&known.digest, &token.digest) {
                (Some(known), Some(digest)) => known == digest,
                (None, None) => {
                    let mut certificates = known.certificates.iter();
                    certificates.any(|one| token.certificates.contains(one))
                }
                _ => false,
            };
            if all.iter().any(alike) {
                let what = match token.digest {
                    Some(_) => "the token of another line; give each identity its own",
                    None => {
                        "a certificate that identifies another line alone; give each identity its own"
                    }
                };
                let what = what.to_owned();
                return Err(TokenFault { line, what });
            }
            all.push(token);
        }
        Ok(Self(all))
    }

    /// The line that keeps a new token.
    #[must_use]
    pub fn line(name: &str, scope: &str, token: &str, until: Date) -> String {
        Self::bound_line(name, scope, Some(token), until, &[])
    }

    /// The line of a new identity that is bound to certificates; without a token they alone identify.
    #[must_use]
    pub fn bound_line(
        name: &str,
        scope: &str,
        token: Option<&str>,
        until: Date,
        certificates: &[[u8; 32]],
    ) -> String {
        let digest = token.map(digest_of);
        line_text(name, scope, digest.as_ref(), until, certificates)
    }

    /// The identity of what a caller shows, a token and the SHA-256 of the certificate of its connection, if it counts on
    /// `today` (UTC). Every line is compared, in constant time.
    #[must_use]
    pub fn find(
        &self,
        token: Option<&str>,
        certificate: Option<&[u8; 32]>,
        today: Date,
    ) -> Option<&Token> {
        let digest = token.map(digest_of);
        let mut found = None;
        for known in &self.0 {
            if bool::from(known.fits(digest.as_ref(), certificate)) {
                found = Some(known);
            }
        }
        found.filter(|known| today < known.until)
    }

    /// The lines that `other` has too, letter by letter.
    #[must_use]
    pub fn within(&self, other: &Self) -> Self {
        let both = self.0.iter().filter(|known| other.0.contains(known));
        Self(both.cloned().collect())
    }

    /// All, in the file's order.
    #[must_use]
    pub fn all(&self) -> &[Token] {
        &self.0
    }
}
