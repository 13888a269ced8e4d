//! Why bytes are not signed: one name each, stable and public, with the place and the numbers.

use core::fmt;

macro_rules! refusals {
    ($($(#[$doc:meta])* $variant:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* } = $name:literal, $says:literal;)*) => {
        /// Why bytes are refused (`docs/payloads.md`, refusals). Offsets count bytes from 0 in what was given.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Refusal {
            $($(#[$doc])* $variant { $($(#[$field_doc])* $field: $type),* },)*
        }

        impl Refusal {
            /// Every name, in the order of the page.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// The stable name.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $name,)* }
            }
        }

        impl fmt::Display for Refusal {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self { $(Self::$variant { $($field),* } => write!(f, $says),)* }
            }
        }
    };
}

refusals! {
    /// No bytes.
    Empty {} = "empty", "there are no bytes to sign";
    /// More bytes than such a payload may have.
    TooLarge { /** Bytes given. */ bytes: usize, /** Most that are read. */ limit: usize } = "too_large", "payload of `{bytes}` bytes is above the limit of `{limit}`";
    /// The bytes end inside a field.
    Truncated { /** Where the field begins. */ at: usize, /** Bytes that it needs. */ needs: usize } = "truncated", "the field at byte `{at}` needs `{needs}` bytes and the payload ends before";
    /// Bytes after the end.
    TrailingBytes { /** Where the payload ends. */ at: usize, /** Bytes after it. */ extra: usize } = "trailing_bytes", "`{extra}` bytes follow the end at byte `{at}`";
    /// A second form of the same content.
    NotCanonical { /** Where. */ at: usize, /** Which rule. */ what: &'static str } = "not_canonical", "the field at byte `{at}` is not in its one form: {what}";
    /// Content that has no decoder here: it is never signed.
    Undecodable { /** Where. */ at: usize, /** What was found. */ what: String } = "undecodable", "cannot tell what `{what}` at byte `{at}` would do";
    /// Another network than the key is for.
    WrongChain { /** In the bytes. */ found: String, /** By the caller. */ expected: String } = "wrong_chain", "the payload is for `{found}`, the key for `{expected}`";
    /// An amount that 128 bits do not hold.
    AmountTooLarge { /** Where. */ at: usize, /** The amount. */ amount: String } = "amount_too_large", "the amount `{amount}` at byte `{at}` is above 128 bits";
    /// A fee that 128 bits do not hold.
    FeeTooLarge { /** Units of work. */ units: u128, /** Price of one. */ price: u128 } = "fee_too_large", "`{units}` units at `{price}` are a fee above 128 bits";
    /// Calls inside calls beyond the limit.
    TooDeep { /** Where. */ at: usize, /** Most levels. */ limit: usize } = "too_deep", "the call at byte `{at}` lies below `{limit}` others";
    /// More effects than the limit.
    TooManyEffects { /** Most effects. */ limit: usize } = "too_many_effects", "the payload has more than `{limit}` effects";
    /// Signatures are already in it.
    AlreadySigned { /** Where. */ at: usize } = "already_signed", "the payload holds a signature at byte `{at}`; only unsigned ones are signed";
    /// A legacy transaction without chain id: valid on every chain (EIP-155).
    PreEip155 { /** Fields of the list. */ fields: usize } = "pre_eip155", "a legacy transaction of `{fields}` fields names no chain and is valid on every one";
    /// A transaction with blobs (EIP-4844).
    BlobTransaction {} = "blob_transaction", "transactions of type `3` (blobs) are not signed";
    /// A transaction that hands the account to code (EIP-7702).
    SetCodeTransaction {} = "set_code_transaction", "transactions of type `4` and EIP-7702 authorisations hand the account to code and are not signed";
    /// Another type byte.
    TransactionType { /** The byte. */ kind: u8 } = "transaction_type", "`{kind}` is no known type of transaction";
    /// No recipient: the data is a new contract.
    ContractCreation { /** Where. */ at: usize } = "contract_creation", "the transaction has no recipient at byte `{at}`: it would create a contract";
    /// The priority fee is above the whole fee (EIP-1559).
    FeeOrder { /** Priority fee a gas. */ priority: u128, /** Most a gas. */ most: u128 } = "fee_order", "the priority fee `{priority}` is above the whole `{most}`";
    /// 32 bytes that may be the hash of anything.
    RawHash {} = "raw_hash", "`32` bytes may be the hash of anything; give what was hashed";
    /// A personal message (`eth_sign`, EIP-191).
    EthMessage {} = "eth_message", "personal messages (`eth_sign`, EIP-191) are not signed";
    /// Typed data other than `SafeTx` (EIP-712), or only its hashes.
    TypedData { /** Its primary type, or what was given instead. */ primary: String } = "typed_data", "typed data `{primary}` is not signed; only `SafeTx` is";
    /// An allowance by signature (EIP-2612 and the like).
    Permit { /** Type or selector. */ what: String } = "permit", "`{what}` allows a stranger to take tokens";
    /// An allowance by signature over Permit2.
    Permit2 { /** Type or selector. */ what: String } = "permit2", "`{what}` allows a stranger to take tokens through Permit2";
    /// A transfer by signature (EIP-3009).
    Eip3009 { /** Type or selector. */ what: String } = "eip3009", "`{what}` lets whoever holds the signature move tokens";
    /// An operation of account abstraction (ERC-4337).
    UserOperation { /** Type or selector. */ what: String } = "user_operation", "user operations (ERC-4337) are not signed: `{what}`";
    /// A message that a contract would vouch for (EIP-1271).
    ContractSignature { /** Type or selector. */ what: String } = "contract_signature", "`{what}` would make a contract vouch for a message (EIP-1271)";
    /// The domain of typed data is not that of the Safe.
    DomainMismatch { /** Which field. */ field: &'static str, /** In the bytes. */ found: String, /** What it must be. */ expected: String } = "domain_mismatch", "`{field}` of the domain is `{found}` and must be `{expected}`";
    /// Several calls in one whose content is not decoded.
    Batch { /** Where. */ at: usize, /** Its signature. */ what: String } = "batch", "the batch `{what}` at byte `{at}` is not decoded";
    /// A Safe that the caller has not pinned as one of version 1.3.0 or later.
    SafeUnknown { /** The address. */ address: String } = "safe_unknown", "`{address}` is not pinned as a Safe of version 1.3.0 or later";
    /// A delegate call to code that is not pinned.
    DelegateCall { /** Where. */ at: usize, /** The code. */ to: String } = "delegate_call", "the Safe would run the code of `{to}` (byte `{at}`) as its own";
    /// A Safe that pays whoever submits.
    SafeRefund { /** Which field. */ field: &'static str, /** Its value. */ value: String } = "safe_refund", "`{field}` of the Safe transaction is `{value}` and must be zero";
    /// An off-chain message of Solana.
    OffchainMessage {} = "offchain_message", "off-chain messages of Solana are not signed";
    /// A message of a version that is not read.
    MessageVersion { /** The version. */ version: u8 } = "message_version", "messages of version `{version}` are not read";
    /// A lookup table that the caller did not resolve.
    LookupUnknown { /** Where the lookups begin. */ at: usize, /** The table. */ table: String } = "lookup_unknown", "the content of the lookup table `{table}` (byte `{at}`) is not given";
    /// A transfer of tokens that does not say which.
    MintUnknown { /** Where. */ at: usize, /** The token account. */ account: String } = "mint_unknown", "the transfer at byte `{at}` does not name its token, and the account `{account}` is not registered";
    /// A transaction that spends nothing.
    NoInputs {} = "no_inputs", "the transaction has no inputs";
    /// More inputs than the limit.
    TooManyInputs { /** Most inputs. */ limit: usize } = "too_many_inputs", "the transaction has more than `{limit}` inputs";
    /// A field of a PSBT that is not known.
    UnknownField {} = "unknown_field", "the PSBT has a proprietary or unknown field";
    /// What an input spends is not shown, or shown wrongly.
    PreviousTransaction { /** Which input, from 0. */ input: usize, /** What is wrong. */ what: &'static str } = "previous_transaction", "previous transaction of input `{input}`: {what}";
    /// An input that is not the wallet's.
    ForeignInput { /** Which input, from 0. */ input: usize, /** Whose. */ address: String } = "foreign_input", "input `{input}` spends `{address}`, which is not registered as ours";
    /// An input that is signed already.
    InputFinal { /** Which input, from 0. */ input: usize } = "input_final", "input `{input}` is signed already";
    /// A signature that would leave inputs or outputs open.
    SighashType { /** Which input, from 0. */ input: usize, /** The type. */ kind: u32 } = "sighash_type", "input `{input}` is for signatures of type `{kind}`; only `ALL` and taproot's `DEFAULT` are signed";
    /// A script whose digest is not known here.
    InputScript { /** Which input, from 0. */ input: usize, /** What it is. */ what: &'static str } = "input_script", "input `{input}`: {what}";
    /// More goes out than comes in.
    OutputsAboveInputs { /** Minor units. */ inputs: u128, /** Minor units. */ outputs: u128 } = "outputs_above_inputs", "outputs of `{outputs}` are above inputs of `{inputs}`";
}

impl core::error::Error for Refusal {}
