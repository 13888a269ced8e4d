//! Instructions whose meaning is known, decoded into effects; every other program and instruction is refused.

use super::message::{Instruction, Message};
use super::{Context, Key, put_memo, token_account};
use crate::{Effect, Power, Refusal, Word};

/// Programs that are known here.
pub mod ids {
    use super::Key;

    const fn key(text: &str) -> Key {
        Key(bs58::decode(text.as_bytes()).into_array_const_unwrap::<32>())
    }

    /// Accounts, transfers of lamports, nonces.
    pub const SYSTEM: Key = Key([0; 32]);
    /// SPL Token.
    pub const TOKEN: Key = key("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");
    /// Token-2022.
    pub const TOKEN_2022: Key = key("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");
    /// Associated token accounts.
    pub const ASSOCIATED_TOKEN: Key = key("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");
    /// Priority fee and limits.
    pub const COMPUTE_BUDGET: Key = key("ComputeBudget111111111111111111111111111111");
    /// Stake.
    pub const STAKE: Key = key("Stake11111111111111111111111111111111111111");
    /// Programs that can be upgraded.
    pub const LOADER: Key = key("BPFLoaderUpgradeab1e11111111111111111111111");
    /// Memo.
    pub const MEMO: Key = key("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr");
    /// Memo, first version.
    pub const MEMO_1: Key = key("Memo1UhkJRfHyvLMcVucJwxXeuD728EqVddwQDwxFMo");
}

/// Most units of work of one transaction; also the bound where a message sets none.
const MOST_UNITS: u32 = 1_400_000;

/// Runs through the instructions of one message.
pub(crate) struct Run<'m> {
    context: &'m Context<'m>,
    message: &'m Message,
    keys: &'m [Key],
    pub(crate) effects: Vec<Effect>,
    /// Nonce account that the first instruction advances.
    pub(crate) nonce: Option<Key>,
    units: Option<u32>,
    unit_price: Option<u64>,
    memo: Option<(usize, String)>,
}

/// One instruction with its accounts resolved.
struct Step<'m> {
    number: usize,
    at: usize,
    data_at: usize,
    program: Key,
    accounts: Vec<Key>,
    data: &'m [u8],
}

impl Step<'_> {
    fn undecodable(&self) -> Refusal {
        let shown: Vec<u8> = self.data.iter().take(8).copied().collect();
        Refusal::Undecodable {
            at: self.at,
            what: format!(
                "instruction 0x{}… of program {} with {} accounts",
                keepwhole_verify::json::to_hex(&shown),
                self.program,
                self.accounts.len()
            ),
        }
    }

    /// Exactly `N` accounts.
    fn accounts<const N: usize>(&self) -> Result<[Key; N], Refusal> {
        <[Key; N]>::try_from(self.accounts.as_slice()).map_err(|_| self.undecodable())
    }

    /// Data of exactly `N` bytes after a tag that was read.
    fn data<const N: usize>(&self, tag: usize) -> Result<[u8; N], Refusal> {
        let rest = self.data.get(tag..).unwrap_or_default();
        <[u8; N]>::try_from(rest).map_err(|_| self.undecodable())
    }

    fn number(&self, tag: usize) -> Result<u64, Refusal> {
        Ok(u64::from_le_bytes(self.data(tag)?))
    }

    /// The tag of programs whose instructions are numbered in four bytes.
    fn tag(&self) -> Option<u32> {
        self.data.first_chunk().copied().map(u32::from_le_bytes)
    }
}

fn key_at(bytes: &[u8], start: usize) -> Option<Key> {
    let key = bytes.get(start..)?.first_chunk::<32>()?;
    Some(Key(*key))
}

impl<'m> Run<'m> {
    pub(crate) fn new(context: &'m Context<'m>, message: &'m Message, keys: &'m [Key]) -> Self {
        Self {
            context,
            message,
            keys,
            effects: Vec::new(),
            nonce: None,
            units: None,
            unit_price: None,
            memo: None,
        }
    }

    pub(crate) fn instruction(
        &mut self,
        number: usize,
        instruction: &'m Instruction,
    ) -> Result<(), Refusal> {
        let wrong = Refusal::NotCanonical {
            at: instruction.at,
            what: "the instruction names a key that is not there",
        };
        // A program stands in the message itself, and is not who pays.
        let program = usize::from(instruction.program);
        let program = self.message.keys.get(program).filter(|_| program > 0);
        let program = *program.ok_or_else(|| wrong.clone())?;
        let accounts: Option<Vec<Key>> = instruction
            .accounts
            .iter()
            .map(|place| self.keys.get(usize::from(*place)).copied())
            .collect();
        let step = Step {
            number,
            at: instruction.at,
            data_at: instruction.data_at,
            program,
            accounts: accounts.ok_or(wrong)?,
            data: &instruction.data,
        };
        match program {
            ids::SYSTEM => self.system(&step),
            ids::TOKEN | ids::TOKEN_2022 => self.token(&step),
            ids::ASSOCIATED_TOKEN => self.associated(&step),
            ids::COMPUTE_BUDGET => self.budget(&step),
            ids::STAKE => self.stake(&step),
            ids::LOADER => self.loader(&step),
            ids::MEMO | ids::MEMO_1 => self.read_memo(&step),
            _ => Err(step.undecodable()),
        }
    }

    fn transfer(&mut self, asset: String, from: Key, to: Key, amount: u64) {
        self.effects.push(Effect::Transfer {
            asset,
            from: from.to_string(),
            to: to.to_string(),
            amount: u128::from(amount),
            memo: String::new(),
        });
    }

    fn grant(&mut self, power: Power, over: Key, from: Key, to: Option<Key>, amount: u64) {
        self.effects.push(Effect::Grant {
            power,
            over: over.to_string(),
            from: from.to_string(),
            to: to.map(|to| to.to_string()).unwrap_or_default(),
            amount: Word::from(u128::from(amount)),
        });
    }

    fn system(&mut self, step: &Step<'_>) -> Result<(), Refusal> {
        match step.tag() {
            Some(0) => {
                let [from, account] = step.accounts()?;
                let data: [u8; 48] = step.data(4)?;
                let owner = key_at(&data, 16).ok_or_else(|| step.undecodable())?;
                let lamports = data.first_chunk().copied().map(u64::from_le_bytes);
                self.effects.push(Effect::CreateAccount {
                    asset: self.context.coin_asset(),
                    from: from.to_string(),
                    account: account.to_string(),
                    program: owner.to_string(),
                    amount: u128::from(lamports.unwrap_or_default()),
                });
            }
            Some(1) => {
                let [account] = step.accounts()?;
                let program = Key(step.data(4)?);
                self.grant(Power::Assign, account, account, Some(program), 0);
            }
            Some(2) => {
                let [from, to] = step.accounts()?;
                let lamports = step.number(4)?;
                self.transfer(self.context.coin_asset(), from, to, lamports);
            }
            Some(4) if step.number == 0 => {
                let [nonce, _blockhashes, _authority] = step.accounts()?;
                step.data::<0>(4)?;
                self.nonce = Some(nonce);
            }
            Some(5) => {
                let [nonce, to, _blockhashes, _rent, _authority] = step.accounts()?;
                let lamports = step.number(4)?;
                self.transfer(self.context.coin_asset(), nonce, to, lamports);
            }
            Some(7) => {
                let [nonce, authority] = step.accounts()?;
                let to = Key(step.data(4)?);
                self.grant(Power::NonceAuthority, nonce, authority, Some(to), 0);
            }
            _ => return Err(step.undecodable()),
        }
        Ok(())
    }

    fn token(&mut self, step: &Step<'_>) -> Result<(), Refusal> {
        match step.data.first() {
            Some(3) => {
                let [from, to, _owner] = step.accounts()?;
                let amount = step.number(1)?;
                let mint = self.context.mints.get(&from);
                let mint = *mint.ok_or_else(|| Refusal::MintUnknown {
                    at: step.at,
                    account: from.to_string(),
                })?;
                self.transfer(self.context.token_asset(mint), from, to, amount);
            }
            Some(12) => {
                let [from, mint, to, _owner] = step.accounts()?;
                let amount = amount_and_decimals(step)?;
                self.transfer(self.context.token_asset(mint), from, to, amount);
            }
            Some(4) => {
                let [account, to, owner] = step.accounts()?;
                let amount = step.number(1)?;
                self.grant(Power::Allowance, account, owner, Some(to), amount);
            }
            Some(13) => {
                let [account, _mint, to, owner] = step.accounts()?;
                let amount = amount_and_decimals(step)?;
                self.grant(Power::Allowance, account, owner, Some(to), amount);
            }
            Some(5) => {
                let [account, owner] = step.accounts()?;
                step.data::<0>(1)?;
                self.grant(Power::Allowance, account, owner, None, 0);
            }
            Some(6) => {
                let [account, owner] = step.accounts()?;
                let (kind, to) = match step.data {
                    [_, kind, 0] => (*kind, None),
                    [_, kind, 1, key @ ..] if key.len() == 32 => (*kind, key_at(key, 0)),
                    _ => return Err(step.undecodable()),
                };
                self.grant(Power::TokenAuthority, account, owner, to, u64::from(kind));
            }
            _ => return Err(step.undecodable()),
        }
        Ok(())
    }

    /// Creation of the account that everybody derives for owner and mint; of no other one.
    fn associated(&mut self, step: &Step<'_>) -> Result<(), Refusal> {
        if !matches!(step.data, [] | [0] | [1]) {
            return Err(step.undecodable());
        }
        let [payer, account, owner, mint, system, program] = step.accounts()?;
        let token = program == ids::TOKEN || program == ids::TOKEN_2022;
        let derived = token_account(owner, program, mint) == Some(account);
        if !token || !derived || system != ids::SYSTEM {
            return Err(step.undecodable());
        }
        self.effects.push(Effect::OpenTokenAccount {
            asset: self.context.token_asset(mint),
            from: payer.to_string(),
            account: account.to_string(),
            owner: owner.to_string(),
        });
        Ok(())
    }

    fn budget(&mut self, step: &Step<'_>) -> Result<(), Refusal> {
        // Accounts are ignored by the program; some wallets name one.
        match step.data.first() {
            Some(1 | 4) => {
                step.data::<4>(1)?;
            }
            Some(2) if self.units.is_none() => {
                self.units = Some(u32::from_le_bytes(step.data(1)?));
            }
            Some(3) if self.unit_price.is_none() => self.unit_price = Some(step.number(1)?),
            _ => return Err(step.undecodable()),
        }
        Ok(())
    }

    fn stake(&mut self, step: &Step<'_>) -> Result<(), Refusal> {
        let [stake, _clock, authority, ..] = step.accounts.as_slice() else {
            return Err(step.undecodable());
        };
        let (to, role) = match step.tag() {
            Some(1) => {
                let data: [u8; 36] = step.data(4)?;
                (key_at(&data, 0), data.last_chunk::<4>().copied())
            }
            Some(10) => (step.accounts.get(3).copied(), Some(step.data(4)?)),
            _ => return Err(step.undecodable()),
        };
        let role = role.map(u32::from_le_bytes).filter(|role| *role < 2);
        let (Some(to), Some(role)) = (to, role) else {
            return Err(step.undecodable());
        };
        self.grant(
            Power::StakeAuthority,
            *stake,
            *authority,
            Some(to),
            u64::from(role),
        );
        Ok(())
    }

    fn loader(&mut self, step: &Step<'_>) -> Result<(), Refusal> {
        step.data::<0>(4)?;
        match (step.tag(), step.accounts.as_slice()) {
            (Some(3), [_data, program, buffer, _spill, _rent, _clock, authority]) => {
                self.grant(Power::Upgrade, *program, *authority, Some(*buffer), 0);
            }
            (Some(4), [account, authority]) => {
                self.grant(Power::ProgramAuthority, *account, *authority, None, 0);
            }
            (Some(4 | 7), [account, authority, to]) => {
                self.grant(Power::ProgramAuthority, *account, *authority, Some(*to), 0);
            }
            _ => return Err(step.undecodable()),
        }
        Ok(())
    }

    fn read_memo(&mut self, step: &Step<'_>) -> Result<(), Refusal> {
        let text = core::str::from_utf8(step.data).map_err(|_| step.undecodable())?;
        if self.memo.is_some() {
            return Err(step.undecodable());
        }
        self.memo = Some((step.data_at, text.to_owned()));
        Ok(())
    }

    /// Lamports for being taken sooner, rounded up.
    pub(crate) fn priority_fee(&self) -> Result<u128, Refusal> {
        let units = u128::from(self.units.unwrap_or(MOST_UNITS).min(MOST_UNITS));
        let price = u128::from(self.unit_price.unwrap_or_default());
        let micro = units
            .checked_mul(price)
            .ok_or(Refusal::FeeTooLarge { units, price })?;
        Ok(micro.div_ceil(1_000_000))
    }

    pub(crate) fn finish(mut self) -> Result<Vec<Effect>, Refusal> {
        if let Some((at, text)) = self.memo.take() {
            put_memo(&mut self.effects, at, text)?;
        }
        Ok(self.effects)
    }
}

fn amount_and_decimals(step: &Step<'_>) -> Result<u64, Refusal> {
    let data: [u8; 9] = step.data(1)?;
    let amount = data.first_chunk().copied().map(u64::from_le_bytes);
    amount.ok_or_else(|| step.undecodable())
}
