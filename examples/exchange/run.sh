#!/usr/bin/env bash
# An example exchange on a local EVM node: docs/example-exchange.md. Usage: examples/exchange/run.sh [FOLDER]
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
bin=$target/debug
folder=${1:-$(mktemp -d)}
mkdir -p "$folder" && cd "$folder"
started=()
trap 'for one in "${started[@]}"; do kill "$one" 2>/dev/null || true; done' EXIT

say() { printf '\n== %s\n' "$*"; }
until_up() { for _ in $(seq 100); do curl -s -o "$folder/up" "$1" && return; sleep 0.1; done; echo "$1 does not answer" >&2; exit 1; }
balance() { curl -s -H 'content-type: application/json' -d '{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":["'"$1"'","latest"]}' "$node" | sed 's/.*"result":"\([^"]*\)".*/\1/'; }
balances() { printf '%-10s %s wei\n' hot-1 "$(balance "$hot")" ann "$(balance "$ann")"; }

hot=0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266    # first account of the node's public test words
ann=0x2222222222222222222222222222222222222222
network=eip155:31337
site=approver.exchange.example

say "programs"
(cd "$root" && cargo build -q -p keepwhole -p keepwhole-approver && cargo build -q -p keepwhole --example example_policy \
  && cargo build -q -p keepwhole-signer --example evm_signer)
keepwhole=$bin/keepwhole approver=$bin/keepwhole-approver signer=$bin/examples/evm_signer
anvil=${ANVIL:-$folder/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil}
[ -x "$anvil" ] || npm install --prefix . --no-audit --no-fund --loglevel error @foundry-rs/anvil@1.7.1 >npm.log
echo "in $folder"

say "a node, and an installation"
port=${PORT:-18545}
node=http://127.0.0.1:$port
"$anvil" --host 127.0.0.1 --port "$port" --chain-id 31337 --block-base-fee-per-gas 0 --disable-min-priority-fee --silent & started+=($!)
until_up "$node"
$keepwhole init --data ex --origin exchange.example/keepwhole >init.txt
printf 'asset_id,decimals,network,confirmations\nETH,18,%s,1\nKRW,0,,0\n' "$network" >assets.csv
printf 'as_of,account_id,asset_id,amount_base,scale\n2026-01-01T00:00:00+09:00,ann,ETH,8000000000000000000,18\n' >balances.csv
$keepwhole import --data ex --profile generic --house house assets.csv
$keepwhole import --data ex --profile generic balances.csv
$keepwhole guard wallet hot-1 --tier hot --address "$hot" --data ex
$keepwhole guard holding hot-1 ETH 10000000000000000000 --data ex
$keepwhole guard name-asset ETH "$network/slip44:60" --data ex
$keepwhole guard name-key hot-1 hot-1/1 "$network" --data ex

say "seven people, each with a key of the approver client"
echo 'a passphrase of the example' >passphrase && chmod 600 passphrase
for name in ada bea cem ria rob tom tia; do
  $approver key new --out $name.key --rp-id $site --passphrase-file passphrase >$name.txt
  $approver key show $name.key --credential >$name.json 2>$name.words
done
$keepwhole staff bootstrap --data ex --administrator ada=ada.json --administrator bea=bea.json --administrator cem=cem.json \
  --approver-site $site=https://$site --rules "$root/examples/exchange/rules.toml"
sign() { # PROPOSAL PERSON ROLE: what the person does on a computer of her own
  rm -f request.json
  $keepwhole staff ask "$1" --data ex --approver "$2" --role "$3" --out request.json >asked.txt
  $approver sign request.json --key "$2.key" --decision approve --yes --passphrase-file passphrase --lang en --out "answer-$1-$2.json" 2>"told-$1-$2.txt"
}
approve() { sign "$1" "$2" "$3"; $keepwhole staff approve "$1" "answer-$1-$2.json" --data ex --actor "$2"; }

say "two administrators adopt the policy and enrol the others"
"$bin/examples/example_policy" ex ada
approve policy-1 ada administrator
approve policy-1 bea administrator
for who in ria:risk rob:risk tom:treasury tia:treasury; do
  name=${who%%:*}
  $keepwhole staff enrol "$name" --data ex --actor ada --id "enrol-$name" --roles "${who##*:}" --credential "$name.json"
  approve "enrol-$name" ada administrator
  approve "enrol-$name" bea administrator
done

say "a witness, the service, the signer"
$keepwhole journal vkey --data ex | head -1 >log.txt
$keepwhole witness init --dir w1 --name w1.example/w --logs log.txt >witness-init.txt
$keepwhole witness serve --dir w1 --listen 127.0.0.1:0 >witness.txt & started+=($!)
for _ in $(seq 100); do grep -q '^key ' witness.txt && break; sleep 0.1; done
witness_url=$(sed -n 's/^listening on //p' witness.txt) witness_key=$(sed -n 's/^key //p' witness.txt)
printf 'witness w1 %s %s\nquorum w1\n' "$witness_key" "$witness_url" >policy
printf 'version = 1\n[api]\nlisten = "127.0.0.1:0"\n' >ex/keepwhole.toml
mkdir signer
guard_token=$($keepwhole token add wallet-service --scope guard --data ex)
price_token=$($keepwhole token add price-feed --scope prices --data ex)
(umask 077 && $keepwhole token add signer-1 --scope signer --data ex >signer/token)
$keepwhole serve --data ex --listen 127.0.0.1:0 --witness-policy policy --json >serve.txt & started+=($!)
for _ in $(seq 100); do grep -q listening serve.txt && break; sleep 0.1; done
api=$(sed 's/.*"api":"\([^"]*\)".*/\1/' serve.txt) console=$(sed 's/.*"listening":"\([^"]*\)".*/\1/' serve.txt)
pinned() { printf '[approvers.%s]\nroles = ["%s"]\ncredentials = [{ id = "%s", public_key = "%s" }]\n' "$1" "$2" \
  "$(sed -n 's/^credential id  *//p' "$1.txt")" "$(sed -n 's/^public key  *//p' "$1.txt")"; }
cat >signer/signer.toml <<TOML
version = 1
name = "signer-1"
state = "memory"
[guard]
key = "$(sed -n 's/^guard key  *//p' init.txt)"
policies = ["any"]
builds = ["any"]
[redemption]
mode = "online"
url = "$api"
token_file = "token"
[log]
url = "$console/log"
refresh_seconds = 0
policy = """
$(cat log.txt)
witness w1 $witness_key
quorum w1
"""
[approvals]
rp_id = "console.exchange.example"
origins = ["https://console.exchange.example"]
client_rp_id = "$site"
client_origins = ["https://$site"]
$(pinned ria risk)
$(pinned tom treasury)
[quorums.withdrawal]
people = 2
roles = ["risk", "treasury"]
[assets."$network/slip44:60"]
automatic_limit = "1500000000000000000"
client_limit = "1500000000000000000"
client_quorum = "withdrawal"
automatic_hour_cap = "2000000000000000000"
automatic_day_cap = "2000000000000000000"
hour_cap = "5000000000000000000"
fee_limit = "1000000"
[keys."hot-1/1"]
wallet = "hot-1"
network = "$network"
address = "$hot"
TOML
$signer init signer/signer.toml
# The key of the node's first account: known to everybody, for tests alone.
(umask 077 && echo ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80 >hot-1.key)
$signer status signer/signer.toml

asked=0
price() { # WON: one ETH, now
  asked=$((asked + 1)); curl -s -H "authorization: Bearer $price_token" -H 'content-type: application/json' -H "idempotency-key: p-$asked" \
    -d '{"prices":[{"as_of":"'"$(date -u +%Y-%m-%dT%H:%M:%SZ)"'","asset":"ETH","quote":"KRW","price":"'"$1"'","source":"example"}]}' "$api/v1/prices"; echo
}
stands() { curl -s -H "authorization: Bearer $guard_token" "$api/v1/guard/requests/$1"; }
until_cleared() { for _ in $(seq 100); do stands "$1" | grep -q '"outcome":"cleared"' && stands "$1" && return; sleep 0.1; done; stands "$1" >&2; exit 1; }
until_held() { stands "$1" | grep "\"code\":\"$2\"" && return; stands "$1" >&2; exit 1; }
post() { asked=$((asked + 1)); curl -s -H "authorization: Bearer $guard_token" -H 'content-type: application/json' \
  -H "idempotency-key: k-$asked" -d "$2" "$api/v1/guard/$1"; }
withdraw() { post withdrawals '{"id":"'"$1"'","customer":"ann","wallet":"hot-1","asset":"ETH","amount":"'"$2"'","to":"'"$ann"'","max_fee":"42000"}'; echo; }
cleared() { # ID NONCE WEI: the bytes, and the guard's word on them
  $signer transfer 31337 "$2" $ann "$3" >"$1.tx"
  post clearances '{"withdrawal":"'"$1"'","key":"hot-1/1","attempt":1,"payload":{"kind":"evm-tx","bytes":"'"$(sed 's/^0x//' "$1.tx" | xxd -r -p | base64 -w0)"'"}}' >"$1.json"
}
sends() { $signer sign signer/signer.toml hot-1/1 hot-1.key "$1.json" "$2" "$node"; }

say "before"
balances

say "1 ETH: held while no price is known; the guard clears it by itself, the signer signs, the node takes it"
withdraw w-1 1000000000000000000
until_held w-1 price_missing
price 5000000
until_cleared w-1
cleared w-1 0 1000000000000000000
sends w-1 w-1.tx
balances

say "2 ETH: held, until two people approve with the client"
withdraw w-2 2000000000000000000
for who in ria:risk tom:treasury; do
  sign w-2 "${who%%:*}" "${who##*:}"
  answer=$(sed 's/\\/\\\\/g; s/"/\\"/g' "answer-w-2-${who%%:*}.json")
  post approvals '{"target":"w-2","approval":"'"$answer"'"}'; echo
done
cat told-w-2-ria.txt
cleared w-2 1 2000000000000000000
sends w-2 w-2.tx
balances

say "a thief between guard and signer: other bytes, and other bytes under a good clearance"
$signer transfer 31337 2 0x3333333333333333333333333333333333333333 1000000000000000000 >thief.tx
withdraw w-3 100000000000000000
cleared w-3 2 100000000000000000
sends w-3 thief.tx && exit 1 || true
post clearances '{"withdrawal":"w-3","key":"hot-1/1","attempt":2,"payload":{"kind":"evm-tx","bytes":"'"$(sed 's/^0x//' thief.tx | xxd -r -p | base64 -w0)"'"}}'; echo
balances

say "a thief with the price feed's token: a tenth of the price, to get below the ceiling by value"
price 500000
withdraw w-4 4000000000000000000
until_held w-4 price_band
withdraw w-5 100000000000000000
until_held w-5 price_band
price 5050000
until_cleared w-5

say "4 ETH more would be above 30 million won in a day: held, whatever people say"
until_held w-4 rule_holds
$keepwhole price list --data ex

say "what the journal has"
$keepwhole guard list --data ex
