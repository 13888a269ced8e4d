//! Each way in which a policy file is refused: one change to a good file, and the exact words.

use keepwhole::policy::read;

use super::ready_text;

/// The faults that remain of the small policy after the changes, line numbers left out.
fn faults(changes: &[(&str, &str)]) -> Vec<String> {
    let mut text = ready_text("small");
    for (from, to) in changes {
        assert!(text.contains(from), "`{from}` is not in the file");
        text = text.replacen(from, to, 1);
    }
    match read("p.toml", &text, None) {
        Ok(_) => Vec::new(),
        Err(refused) => refused
            .to_string()
            .lines()
            .map(|line| {
                let line = line.strip_prefix("p.toml:").unwrap();
                line.split_once(": ").unwrap().1.to_owned()
            })
            .collect(),
    }
}

/// What is changed, into what, and the one fault that follows.
const TABLE: &[(&str, &str, &str)] = &[
    (
        "schema = \"keepwhole/policy/v1\"",
        "schema = \"keepwhole/policy/v2\"",
        "`schema`: `keepwhole/policy/v2` is no schema of a policy; this program reads `keepwhole/policy/v1`",
    ),
    (
        "version = 1",
        "version = 0",
        "`version`: `0` is outside 1 to 2147483647 versions; write a whole number of versions from 1 to 2147483647, without quotes",
    ),
    (
        "version = 1\n",
        "",
        "`version`: is missing; write `version = 1`",
    ),
    (
        "version = 1",
        "version = \"1\"",
        "`version`: `\\\"1\\\"` is a text; write a whole number of versions from 1 to 2147483647, without quotes",
    ),
    (
        "BTC = { decimals = 8 }",
        "BTC = { decimals = 39 }",
        "`assets.BTC.decimals`: `39` is outside 0 to 38 decimals; write a whole number of decimals from 0 to 38, without quotes",
    ),
    (
        "KRW = { decimals = 0 }",
        "KRW = { decimal = 0, decimals = 0 }",
        "`assets.KRW.decimal`: no such key; did you mean `decimals`? known are `decimals`",
    ),
    (
        "places = [\"KR\"]",
        "places = [\"KR\", \"FR\"]",
        "`law.places`: `FR` is no place with law data; there is law data for `EU`, `HK`, `JP`, `KR`, `SG`, `US`",
    ),
    (
        "\nself_regulation = true",
        "\nself_regulation = \"yes\"",
        "`law.self_regulation`: `\\\"yes\\\"` is a text; write `true` or `false` without quotes",
    ),
    (
        "raise_risk = [\"admin\"]",
        "raise_risk = []",
        "`authority.raise_risk`: names no role, so nobody could do it; name at least one role",
    ),
    (
        "raise_risk = [\"admin\"]",
        "raise_risk = [\"admin\", \"admin\"]",
        "`authority.raise_risk`: `admin` comes twice; keep it once",
    ),
    (
        "cool_off = \"24h\"",
        "cooloff = \"24h\"\ncool_off = \"24h\"",
        "`changes.cooloff`: no such key; did you mean `cool_off`? known are `approvals`, `cool_off`",
    ),
    (
        "valid_for = \"4h\"",
        "valid_for = 4",
        "`approvals.valid_for`: `4` is a number without a unit; write a text in quotes such as `4h`",
    ),
    (
        "valid_for = \"4h\"",
        "valid_for = \"4\"",
        "`approvals.valid_for`: `4` has no unit of time; write a whole number with its unit: `72h`, `10m`, `90s`, `500ms`, `30d`",
    ),
    (
        "valid_for = \"4h\"",
        "valid_for = \"4 KRW\"",
        "`approvals.valid_for`: `4 KRW` is no length of time; write a whole number with its unit: `72h`, `10m`, `90s`, `500ms`, `30d`",
    ),
    (
        "valid_for = \"4h\"",
        "valid_for = \"0h\"",
        "`approvals.valid_for`: `0h` is no time at all; write a length of time such as `4h`",
    ),
    (
        "valid_for = \"4h\"",
        "valid_for = \"1.5h\"",
        "`approvals.valid_for`: `1.5h` is no whole number; use a smaller unit, such as `90m` for an hour and a half",
    ),
    (
        "operations = [\"transfer\"]",
        "operations = [\"transfer\", \"sudo\"]",
        "`clearances.operations`: `sudo` is no operation that is decoded; operations are `transfer`, `unstake`, `set_authority`, `delegatecall`, `upgrade`, `approve`, `multicall`",
    ),
    (
        "operations = [\"transfer\"]",
        "operations = [\"transfer\"]\nattested = \"ABC\"",
        "`clearances.attested`: `ABC` is no digest; write the SHA-256 of the guard's build as 64 digits 0-9 and a-f",
    ),
    (
        "band = \"10%\"",
        "band = \"0.125%\"",
        "`prices.band`: `0.125%` is no whole number of basis points; the finest share is `0.01%`, which is `1 bps`; round it yourself",
    ),
    (
        "band = \"10%\"",
        "band = \"10\"",
        "`prices.band`: `10` has no unit; write a percentage such as `20%` or basis points such as `150 bps`",
    ),
    (
        "share = \"20%\"",
        "share = \"120%\"",
        "`cap[1].share`: `120%` is nothing or more than the whole; write `0.01%` to `100%`",
    ),
    (
        "window = \"24h\"",
        "window = \"10m\"",
        "`cap`: a second cap of `10m`; keep the smaller share",
    ),
    (
        "agree = 2",
        "agree = 3",
        "`nodes.agree`: `3` nodes must agree and `2` are trusted; name more nodes or ask fewer to agree",
    ),
    (
        "reads_per_hour = 30",
        "reads_per_hour = 61",
        "`personal_records.reads_per_hour`: `61` for one is more than `60` for all together; raise the number for all or lower this one",
    ),
    (
        "armed = true",
        "armed = \"true\"",
        "`breaker.armed`: `\\\"true\\\"` is a text; write `true` or `false` without quotes",
    ),
    (
        "guard = true\n",
        "",
        "`holdings.guard`: is missing; write `guard = true`",
    ),
    (
        "first = \"house\"",
        "first = \"customers\"",
        "`losses.first`: `customers` bears no loss; write `pro_rata` or `house`",
    ),
    (
        "unit = \"KRW\"",
        "unit = \"BTC\"",
        "`budget.corrections.total`: `5,000,000 KRW` is of another asset; write the amount in `BTC`",
    ),
    (
        "total = \"5,000,000 KRW\"",
        "total = \"5,000,000\"",
        "`budget.corrections.total`: `5,000,000` has no unit; write the number and its asset, such as `1.5 BTC` or `50,000,000 KRW`",
    ),
    (
        "total = \"5,000,000 KRW\"",
        "total = \"5,000,000.5 KRW\"",
        "`budget.corrections.total`: `5,000,000.5 KRW` is finer than the smallest unit of `KRW`, which has `0` decimals; leave the digits behind out, rounded as you mean it",
    ),
    (
        "total = \"5,000,000 KRW\"",
        "total = \"50,00,000 KRW\"",
        "`budget.corrections.total`: `50,00,000 KRW` is no amount that can be held; write digits with thousands parted by commas or not at all, such as `1.5 BTC` or `50,000,000 KRW`",
    ),
    (
        "total = \"5,000,000 KRW\"",
        "total = 5000000",
        "`budget.corrections.total`: `5000000` is a number without a unit; write a text in quotes such as `1,000,000 KRW`",
    ),
    (
        "total = \"5,000,000 KRW\"",
        "total = \"5,000,000 WON\"",
        "`budget.corrections.total`: `5,000,000 WON` speaks of `WON`, which is no known asset; `[assets]` of the file names `KRW`, `BTC`, `ETH`, `SOL`, `XRP`, `USDT`",
    ),
    (
        "per_customer = \"100,000 KRW\"",
        "per_customer = \"6,000,000 KRW\"",
        "`budget.corrections.per_customer`: one customer could get more than the whole budget has; lower it to `total` or less",
    ),
    (
        "line_value = \"100,000 KRW\"\n",
        "",
        "`budget.corrections.line_value`: is missing; write `line_value = \"1,000,000 KRW\"`",
    ),
    (
        "id = \"from-30m\"",
        "id = \"from-3m\"",
        "`rule[4].id`: `from-3m` is the id of an earlier rule; give each rule its own id",
    ),
    (
        "id = \"from-30m\"",
        "id = \"From 30m\"",
        "`rule[4].id`: `From 30m` can't be the id of a rule; use up to 64 small letters, digits and `-`",
    ),
    (
        "[\"value >= 30,000,000 KRW\"]",
        "[\"vallue >= 30,000,000 KRW\"]",
        "`rule.from-30m.when`: `vallue >= 30,000,000 KRW` looks at `vallue`, which is no field; did you mean `value`? fields are kind, asset, network, wallet, wallet_kind, campaign, amount, value, amount.PER.WINDOW, count.PER.WINDOW, value.PER.WINDOW, customer_age, first_deposit_age.DEPOSITS, last_deposit_age.DEPOSITS, deposited_value.DEPOSITS.WINDOW, deposit_drawn.DEPOSITS.WINDOW, destination_age, destination_listed, destination_own, float_left, float_left_bps, hour.ZONE, price_age, price_move_bps, line_amount, line_value",
    ),
    (
        "[\"value >= 30,000,000 KRW\"]",
        "[\"value > 30,000,000 KRW\"]",
        "`rule.from-30m.when`: `value > 30,000,000 KRW` compares with `>`; conditions are compared with `>=`, `<`, `==` or `in`: write `>=` and the first value that is meant",
    ),
    (
        "[\"value >= 30,000,000 KRW\"]",
        "[\"value <= 30,000,000 KRW\"]",
        "`rule.from-30m.when`: `value <= 30,000,000 KRW` compares with `<=`; conditions are compared with `>=`, `<`, `==` or `in`: write `<` and the first value that is too much",
    ),
    (
        "[\"value >= 30,000,000 KRW\"]",
        "[\"kind != credit\"]",
        "`rule.from-30m.when`: `kind != credit` compares with `!=`; conditions are compared with `>=`, `<`, `==` or `in`: name the members that are meant with `in`",
    ),
    (
        "[\"value >= 30,000,000 KRW\"]",
        "[\"value >=\"]",
        "`rule.from-30m.when`: `value >=` compares with nothing behind `>=`; write the limit with its unit behind it",
    ),
    (
        "[\"value >= 30,000,000 KRW\"]",
        "[\"value >= 30,000,000\"]",
        "`rule.from-30m.when`: `value >= 30,000,000` has no unit; write the number and its asset, such as `1.5 BTC` or `50,000,000 KRW`",
    ),
    (
        "[\"value >= 30,000,000 KRW\"]",
        "[\"value >= 3 BTC\"]",
        "`rule.from-30m.when`: `value >= 3 BTC` values in `BTC`; values are told in the reference currency `KRW`",
    ),
    (
        "[\"value >= 30,000,000 KRW\"]",
        "[\"value >= 72h\"]",
        "`rule.from-30m.when`: `value >= 72h` speaks of `h`, which is no known asset; `[assets]` of the file names `KRW`, `BTC`, `ETH`, `SOL`, `XRP`, `USDT`",
    ),
    (
        "[\"value >= 30,000,000 KRW\"]",
        "[\"destination_age < 72\"]",
        "`rule.from-30m.when`: `destination_age < 72` has no unit of time; write a whole number with its unit: `72h`, `10m`, `90s`, `500ms`, `30d`",
    ),
    (
        "[\"value >= 30,000,000 KRW\"]",
        "[\"value.customers.24h >= 1 KRW\"]",
        "`rule.from-30m.when`: `value.customers.24h >= 1 KRW` adds up for `customers`, which is nothing that a window adds up for; use one of `customer`, `destination`, `wallet`, `asset`, `network`, `all`, `recipient`, `requester`, `campaign`, `credits`",
    ),
    (
        "[\"value >= 30,000,000 KRW\"]",
        "[\"value.customer.0h >= 1 KRW\"]",
        "`rule.from-30m.when`: `value.customer.0h >= 1 KRW` has a window of no length; write a window such as `24h`",
    ),
    (
        "[\"value >= 30,000,000 KRW\"]",
        "[\"count.customer.24h >= 10\"]",
        "`rule.from-30m.when`: `count.customer.24h >= 10` has a limit `10` without its unit; write a whole number of them, such as `10 requests`",
    ),
    (
        "[\"value >= 30,000,000 KRW\"]",
        "[\"asset in BTC\"]",
        "`rule.from-30m.when`: `asset in BTC` has no list behind `in`: `BTC`; write the members in square brackets: `in [A, B]`",
    ),
    (
        "[\"value >= 30,000,000 KRW\"]",
        "[\"asset in [BTC, BTC]\"]",
        "`rule.from-30m.when`: `asset in [BTC, BTC]` names `BTC` twice; keep it once",
    ),
    (
        "[\"value >= 30,000,000 KRW\"]",
        "[\"asset in []\"]",
        "`rule.from-30m.when`: `asset in []` has an empty member; name at least one, parted by commas",
    ),
    (
        "[\"value >= 30,000,000 KRW\"]",
        "[\"kind == payout\"]",
        "`rule.from-30m.when`: `kind == payout` speaks of `payout`; use one of `withdrawal`, `transfer`, `credit`",
    ),
    (
        "[\"value >= 30,000,000 KRW\"]",
        "[\"destination_listed == maybe\"]",
        "`rule.from-30m.when`: `destination_listed == maybe` compares a yes or no with something else; write `== true` or `== false`",
    ),
    (
        "[\"value >= 30,000,000 KRW\"]",
        "[\"hour.KST >= 22h\"]",
        "`rule.from-30m.when`: `hour.KST >= 22h` has a zone `KST` that can't be read; write the hours and minutes east of UTC, such as `hour.+09:00` for Korea",
    ),
    (
        "[\"value >= 30,000,000 KRW\"]",
        "[\"hour.+09:00 >= 24h\"]",
        "`rule.from-30m.when`: `hour.+09:00 >= 24h` names an hour that no day has; write `0h` to `23h`",
    ),
    (
        "then = { approve = 2 }",
        "then = \"allow\"",
        "`rule.from-30m.then`: `allow` is no outcome; write `\"clear\"`, `\"hold\"`, `\"deny\"` or `{ approve = 2, roles = [\"risk\"], delay = \"1h\" }`",
    ),
    (
        "then = { approve = 2 }",
        "then = { approve = 0 }",
        "`rule.from-30m.then.approve`: `0` is outside 1 to 100 persons; write a whole number of persons from 1 to 100, without quotes",
    ),
    (
        "then = { approve = 2 }",
        "then = { approve = 1, roles = [\"risk\", \"treasury\"] }",
        "`rule.from-30m.then.approve`: `1` persons can't fill `2` roles; each role is filled by another person: ask for at least as many",
    ),
    (
        "then = { approve = 2 }",
        "then = { approve = 2, delay = \"soon\" }",
        "`rule.from-30m.then.delay`: `soon` is no length of time; write a whole number with its unit: `72h`, `10m`, `90s`, `500ms`, `30d`",
    ),
    (
        "says_ko = \"담당자 2인의 승인 필요\"\n",
        "",
        "`rule.from-30m.says_ko`: is missing; write `says_ko = \"새 주소로 나가는 큰 금액\"`",
    ),
    (
        "version = 1",
        "version = = 1",
        "not TOML: extra `=`, expected nothing; correct the syntax of that line",
    ),
    (
        "guard = true",
        "guard = true\nguard = true",
        "not TOML: duplicate key; correct the syntax of that line",
    ),
    (
        "reference = \"KRW\"",
        "reference = \"EUR\"",
        "`reference`: `EUR` is no known asset; `[assets]` of the file names `KRW`, `BTC`, `ETH`, `SOL`, `XRP`, `USDT`",
    ),
];

#[test]
fn each_wrong_file_is_refused_in_its_own_words() {
    let mut differ = Vec::new();
    for (from, to, expected) in TABLE {
        let found = faults(&[(from, to)]);
        if found.first().map(String::as_str) != Some(*expected) {
            differ.push(format!(
                "{from:?} -> {to:?}\n  expected {expected:?}\n  found    {found:?}"
            ));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

#[test]
fn all_faults_of_a_file_are_told_at_once_in_the_order_of_its_lines() {
    let text = ready_text("small")
        .replacen("version = 1", "version = 0", 1)
        .replacen("band = \"10%\"", "band = \"10\"", 1)
        .replacen(
            "[\"value >= 30,000,000 KRW\"]",
            "[\"value > 1 KRW\", \"valu >= 1 KRW\"]",
            1,
        )
        .replacen("armed = true", "armd = true", 1);
    let refused = read("p.toml", &text, None).unwrap_err();
    let keys: Vec<&str> = refused
        .faults
        .iter()
        .map(|fault| fault.key.as_str())
        .collect();
    assert_eq!(
        keys,
        [
            "version",
            "prices.band",
            "breaker.armed",
            "breaker.armd",
            "rule.from-30m.when",
            "rule.from-30m.when"
        ]
    );
    assert!(refused.faults.is_sorted_by_key(|fault| fault.line));
    for fault in &refused.faults {
        let line = text.lines().nth(fault.line - 1).unwrap();
        let last = fault.key.rsplit('.').next().unwrap();
        assert!(
            line.contains(last) || line.starts_with('['),
            "{fault}: {line}"
        );
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_line() {
    let refused = keepwhole::policy::read_bytes("p.toml", b"schema = 1\n\xff", None).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "p.toml:2: not UTF-8 at byte 11; save the file as UTF-8"
    );
}
