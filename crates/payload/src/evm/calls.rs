//! Calls whose meaning is known by their selector, decoded into effects; every other call is refused.

use super::abi::Arguments;
use super::safe::{self, SafeTx};
use super::{Address, Context};
use crate::{Effect, MAX_DEPTH, MAX_EFFECTS, Power, Refusal, Word};

/// Selectors (first four bytes of the Keccak-256 of the signature) that are known here.
pub mod selectors {
    macro_rules! selectors {
        ($($(#[$doc:meta])* $name:ident = $number:literal, $signature:literal;)*) => {
            $($(#[$doc])* pub const $name: u32 = $number;)*
            /// Every one with its signature.
            pub const ALL: &[(u32, &str)] = &[$(($name, $signature)),*];
        };
    }

    selectors! {
        /// ERC-20.
        TRANSFER = 0xa905_9cbb, "transfer(address,uint256)";
        /// ERC-20 and ERC-721.
        TRANSFER_FROM = 0x23b8_72dd, "transferFrom(address,address,uint256)";
        /// ERC-20.
        APPROVE = 0x095e_a7b3, "approve(address,uint256)";
        /// Of many ERC-20 tokens.
        INCREASE_ALLOWANCE = 0x3950_9351, "increaseAllowance(address,uint256)";
        /// ERC-721 and ERC-1155.
        SET_APPROVAL_FOR_ALL = 0xa22c_b465, "setApprovalForAll(address,bool)";
        /// Ownable.
        TRANSFER_OWNERSHIP = 0xf2fd_e38b, "transferOwnership(address)";
        /// Ownable.
        RENOUNCE_OWNERSHIP = 0x7150_18a6, "renounceOwnership()";
        /// Ownable in two steps.
        ACCEPT_OWNERSHIP = 0x79ba_5097, "acceptOwnership()";
        /// ERC-1967 proxies.
        UPGRADE_TO = 0x3659_cfe6, "upgradeTo(address)";
        /// ERC-1967 proxies.
        UPGRADE_TO_AND_CALL = 0x4f1e_f286, "upgradeToAndCall(address,bytes)";
        /// ERC-1967 proxies.
        CHANGE_ADMIN = 0x8f28_3970, "changeAdmin(address)";
        /// `ProxyAdmin`.
        UPGRADE = 0x99a8_8ec4, "upgrade(address,address)";
        /// `ProxyAdmin`.
        CHANGE_PROXY_ADMIN = 0x7eff_275e, "changeProxyAdmin(address,address)";
        /// `AccessControl`.
        GRANT_ROLE = 0x2f2f_f15d, "grantRole(bytes32,address)";
        /// Safe.
        ADD_OWNER = 0x0d58_2f13, "addOwnerWithThreshold(address,uint256)";
        /// Safe.
        REMOVE_OWNER = 0xf8dc_5dd9, "removeOwner(address,address,uint256)";
        /// Safe.
        SWAP_OWNER = 0xe318_b52b, "swapOwner(address,address,address)";
        /// Safe.
        CHANGE_THRESHOLD = 0x694e_80c3, "changeThreshold(uint256)";
        /// Safe.
        ENABLE_MODULE = 0x610b_5925, "enableModule(address)";
        /// Safe.
        SET_GUARD = 0xe19a_9dd9, "setGuard(address)";
        /// Safe.
        SET_FALLBACK_HANDLER = 0xf08a_0323, "setFallbackHandler(address)";
        /// Safe.
        EXEC_TRANSACTION = 0x6a76_1202, "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)";
        /// Safe: allows the transaction of a hash that the bytes do not show.
        APPROVE_HASH = 0xd4d9_bdcd, "approveHash(bytes32)";
        /// Safe's library that signs messages for it.
        SIGN_MESSAGE = 0x85a5_affe, "signMessage(bytes)";
        /// `MultiSendCallOnly`.
        MULTI_SEND = 0x8d80_ff0a, "multiSend(bytes)";
        /// EIP-2612.
        PERMIT = 0xd505_accf, "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)";
        /// Dai.
        PERMIT_DAI = 0x8fcb_af0c, "permit(address,address,uint256,uint256,bool,uint8,bytes32,bytes32)";
        /// Permit2.
        PERMIT2_APPROVE = 0x8751_7c45, "approve(address,address,uint160,uint48)";
        /// Permit2.
        PERMIT2_SINGLE = 0x2b67_b570, "permit(address,((address,uint160,uint48,uint48),address,uint256),bytes)";
        /// Permit2.
        PERMIT2_BATCH = 0x2a2d_80d1, "permit(address,((address,uint160,uint48,uint48)[],address,uint256),bytes)";
        /// Permit2.
        PERMIT2_TRANSFER = 0x30f2_8b7a, "permitTransferFrom(((address,uint256),uint256,uint256),(address,uint256),address,bytes)";
        /// EIP-3009.
        TRANSFER_AUTHORIZED = 0xe3ee_160e, "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)";
        /// EIP-3009.
        RECEIVE_AUTHORIZED = 0xef55_bec6, "receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)";
        /// ERC-4337, entry point 0.6.
        HANDLE_OPS_6 = 0x1fad_948c, "handleOps((address,uint256,bytes,bytes,uint256,uint256,uint256,uint256,uint256,bytes,bytes)[],address)";
        /// ERC-4337, entry point 0.7.
        HANDLE_OPS_7 = 0x765e_827f, "handleOps((address,uint256,bytes,bytes,bytes32,uint256,bytes32,bytes,bytes)[],address)";
        /// A batch.
        MULTICALL = 0xac96_50d8, "multicall(bytes[])";
        /// A batch with a deadline.
        MULTICALL_DEADLINE = 0x5ae4_01dc, "multicall(uint256,bytes[])";
        /// A batch with a block.
        MULTICALL_BLOCK = 0x1f04_64d1, "multicall(bytes32,bytes[])";
        /// Multicall3.
        AGGREGATE = 0x252d_ba42, "aggregate((address,bytes)[])";
        /// Multicall3.
        AGGREGATE3 = 0x82ad_56cb, "aggregate3((address,bool,bytes)[])";
        /// Multicall3.
        AGGREGATE3_VALUE = 0x174d_ea71, "aggregate3Value((address,bool,uint256,bytes)[])";
        /// Smart accounts.
        EXECUTE = 0xb61d_27f6, "execute(address,uint256,bytes)";
        /// Smart accounts.
        EXECUTE_BATCH = 0x47e1_da2a, "executeBatch(address[],uint256[],bytes[])";
    }
}

/// One call, and where its input begins in the payload.
pub(crate) struct Call<'a> {
    pub(crate) from: Address,
    pub(crate) to: Address,
    pub(crate) value: u128,
    pub(crate) data: &'a [u8],
    pub(crate) at: usize,
    pub(crate) depth: usize,
}

/// Collects the effects of calls.
pub(crate) struct Calls<'c> {
    context: &'c Context<'c>,
    pub(crate) effects: Vec<Effect>,
}

impl<'c> Calls<'c> {
    pub(crate) fn new(context: &'c Context<'c>) -> Self {
        Self {
            context,
            effects: Vec::new(),
        }
    }

    fn add(&mut self, effect: Effect) -> Result<(), Refusal> {
        if self.effects.len() >= MAX_EFFECTS {
            return Err(Refusal::TooManyEffects { limit: MAX_EFFECTS });
        }
        self.effects.push(effect);
        Ok(())
    }

    pub(crate) fn call(&mut self, call: &Call<'_>) -> Result<(), Refusal> {
        if call.depth > MAX_DEPTH {
            return Err(Refusal::TooDeep {
                at: call.at,
                limit: MAX_DEPTH,
            });
        }
        if call.value > 0 || call.data.is_empty() {
            self.add(Effect::Transfer {
                asset: self.context.coin_asset(),
                from: call.from.to_string(),
                to: call.to.to_string(),
                amount: call.value,
                memo: String::new(),
            })?;
        }
        if call.data.is_empty() {
            return Ok(());
        }
        let Some((selector, arguments)) = call.data.split_first_chunk::<4>() else {
            return Err(Refusal::Undecodable {
                at: call.at,
                what: hex(call.data),
            });
        };
        let at = call.at.saturating_add(4);
        self.known(call, u32::from_be_bytes(*selector), arguments, at)
    }

    fn known(
        &mut self,
        call: &Call<'_>,
        selector: u32,
        arguments: &[u8],
        at: usize,
    ) -> Result<(), Refusal> {
        use selectors::{
            APPROVE, EXEC_TRANSACTION, INCREASE_ALLOWANCE, SET_APPROVAL_FOR_ALL, TRANSFER,
            TRANSFER_FROM,
        };
        let words = |words| Arguments::new(arguments, at, words);
        match selector {
            TRANSFER => {
                let mut arguments = words(2);
                let (to, amount) = (arguments.address()?, arguments.amount()?);
                arguments.done()?;
                self.token(call, call.from, to, amount)
            }
            TRANSFER_FROM => {
                let mut arguments = words(3);
                let from = arguments.address()?;
                let (to, amount) = (arguments.address()?, arguments.amount()?);
                arguments.done()?;
                self.token(call, from, to, amount)
            }
            APPROVE | INCREASE_ALLOWANCE => {
                let mut arguments = words(2);
                let (to, amount) = (arguments.address()?, arguments.word()?);
                arguments.done()?;
                let power = if selector == APPROVE {
                    Power::Allowance
                } else {
                    Power::AllowanceRaise
                };
                self.grant(call, power, Some(to), amount)
            }
            SET_APPROVAL_FOR_ALL => {
                let mut arguments = words(2);
                let (to, given) = (arguments.address()?, arguments.flag()?);
                arguments.done()?;
                self.grant(
                    call,
                    Power::ApprovalForAll,
                    Some(to),
                    u128::from(given).into(),
                )
            }
            EXEC_TRANSACTION => {
                let inner = safe::exec_transaction(arguments, at)?;
                if !self.context.safes.contains(&call.to) {
                    return Err(Refusal::SafeUnknown {
                        address: call.to.to_string(),
                    });
                }
                self.safe(call.to, &inner, call.depth)
            }
            _ => self.power(call, selector, words),
        }
    }

    /// Calls that give away power over a contract.
    fn power<'a>(
        &mut self,
        call: &Call<'_>,
        selector: u32,
        words: impl Fn(usize) -> Arguments<'a>,
    ) -> Result<(), Refusal> {
        use selectors as s;
        let (power, arguments) = match selector {
            s::TRANSFER_OWNERSHIP => (Power::Ownership, 1),
            s::RENOUNCE_OWNERSHIP | s::ACCEPT_OWNERSHIP => (Power::Ownership, 0),
            s::UPGRADE_TO => (Power::Upgrade, 1),
            s::CHANGE_ADMIN => (Power::Admin, 1),
            s::ENABLE_MODULE => (Power::SafeModule, 1),
            s::SET_GUARD => (Power::SafeGuard, 1),
            s::SET_FALLBACK_HANDLER => (Power::SafeFallback, 1),
            _ => return self.wide_power(call, selector, words),
        };
        let mut read = words(arguments);
        let to = if arguments == 1 {
            Some(read.address()?)
        } else {
            None
        };
        read.done()?;
        self.grant(call, power, to, Word::ZERO)
    }

    /// The same with arguments of other forms.
    fn wide_power<'a>(
        &mut self,
        call: &Call<'_>,
        selector: u32,
        words: impl Fn(usize) -> Arguments<'a>,
    ) -> Result<(), Refusal> {
        use selectors as s;
        let mut read = words(match selector {
            s::CHANGE_THRESHOLD => 1,
            s::REMOVE_OWNER | s::SWAP_OWNER => 3,
            _ => 2,
        });
        let (power, over, to, amount) = match selector {
            s::UPGRADE_TO_AND_CALL => {
                let to = read.address()?;
                let (at, data) = read.bytes()?;
                if !data.is_empty() {
                    return Err(Refusal::Undecodable {
                        at,
                        what: "call by the new code of an upgrade".to_owned(),
                    });
                }
                (Power::Upgrade, call.to, Some(to), Word::ZERO)
            }
            s::UPGRADE => (
                Power::Upgrade,
                read.address()?,
                Some(read.address()?),
                Word::ZERO,
            ),
            s::CHANGE_PROXY_ADMIN => (
                Power::Admin,
                read.address()?,
                Some(read.address()?),
                Word::ZERO,
            ),
            // The role stands in the amount: it is the hash of its name.
            s::GRANT_ROLE => {
                let role = read.word()?;
                (Power::Role, call.to, Some(read.address()?), role)
            }
            s::ADD_OWNER => {
                let owner = read.address()?;
                (Power::SafeOwners, call.to, Some(owner), read.word()?)
            }
            s::REMOVE_OWNER => {
                let _before = read.address()?;
                let _removed = read.address()?;
                (Power::SafeOwners, call.to, None, read.word()?)
            }
            s::SWAP_OWNER => {
                let _before = read.address()?;
                let _removed = read.address()?;
                (
                    Power::SafeOwners,
                    call.to,
                    Some(read.address()?),
                    Word::ZERO,
                )
            }
            s::CHANGE_THRESHOLD => (Power::SafeOwners, call.to, None, read.word()?),
            _ => return Err(refused(selector, call.at)),
        };
        read.done()?;
        self.grant_over(call, power, over, to, amount)
    }

    fn token(
        &mut self,
        call: &Call<'_>,
        from: Address,
        to: Address,
        amount: u128,
    ) -> Result<(), Refusal> {
        self.add(Effect::Transfer {
            asset: format!("eip155:{}/erc20:{}", self.context.chain_id, call.to),
            from: from.to_string(),
            to: to.to_string(),
            amount,
            memo: String::new(),
        })
    }

    fn grant(
        &mut self,
        call: &Call<'_>,
        power: Power,
        to: Option<Address>,
        amount: Word,
    ) -> Result<(), Refusal> {
        self.grant_over(call, power, call.to, to, amount)
    }

    fn grant_over(
        &mut self,
        call: &Call<'_>,
        power: Power,
        over: Address,
        to: Option<Address>,
        amount: Word,
    ) -> Result<(), Refusal> {
        self.add(Effect::Grant {
            power,
            over: over.to_string(),
            from: call.from.to_string(),
            to: to.map(|to| to.to_string()).unwrap_or_default(),
            amount,
        })
    }

    /// What a Safe would do: one call, or a batch by pinned code.
    pub(crate) fn safe(&mut self, safe: Address, tx: &SafeTx, depth: usize) -> Result<(), Refusal> {
        tx.check_no_refund()?;
        let depth = depth.saturating_add(1);
        if tx.operation == 0 {
            return self.call(&Call {
                from: safe,
                to: tx.to,
                value: tx.value,
                data: &tx.data,
                at: tx.data_at,
                depth,
            });
        }
        if tx.operation != 1 || !self.context.multi_send.contains(&tx.to) {
            return Err(Refusal::DelegateCall {
                at: tx.data_at,
                to: tx.to.to_string(),
            });
        }
        let mut rest = safe::batch(tx)?;
        while let Some(part) = rest.next()? {
            self.call(&Call {
                from: safe,
                to: part.to,
                value: part.value,
                data: part.data,
                at: part.at,
                depth,
            })?;
        }
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    format!("0x{}", keepwhole_verify::json::to_hex(bytes))
}

/// Selectors that are known as dangerous have refusals of their own.
fn refused(selector: u32, at: usize) -> Refusal {
    use selectors as s;
    let known = s::ALL.iter().find(|(number, _)| *number == selector);
    let Some((_, signature)) = known else {
        return Refusal::Undecodable {
            at,
            what: hex(&selector.to_be_bytes()),
        };
    };
    let what = (*signature).to_owned();
    match selector {
        s::PERMIT | s::PERMIT_DAI => Refusal::Permit { what },
        s::PERMIT2_APPROVE | s::PERMIT2_SINGLE | s::PERMIT2_BATCH | s::PERMIT2_TRANSFER => {
            Refusal::Permit2 { what }
        }
        s::TRANSFER_AUTHORIZED | s::RECEIVE_AUTHORIZED => Refusal::Eip3009 { what },
        s::HANDLE_OPS_6 | s::HANDLE_OPS_7 => Refusal::UserOperation { what },
        s::SIGN_MESSAGE => Refusal::ContractSignature { what },
        s::APPROVE_HASH => Refusal::RawHash {},
        _ => Refusal::Batch { at, what },
    }
}
