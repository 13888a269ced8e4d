//! The sections of a policy file that set one thing each: authority, times, destinations, what is watched.

use keepwhole_core::policy::{LossOrder, Policy};

use super::condition::unknown_wallet;
use super::file::{CLASSES, Draft, OPERATIONS};
use super::source::Section;
use super::unit::{self, Wrong};

impl<'t> Draft<'t> {
    pub(super) fn authority(&mut self, top: &Section<'t>, policy: &mut Policy) {
        let keys = CLASSES.map(|(key, _)| key);
        let section = self.open(top, "authority", &keys);
        for (key, class) in CLASSES {
            if section.value(key).is_none() {
                section.missing(&mut self.reading, key, "[\"admin\"]");
                continue;
            }
            let Some(roles) = section.texts(&mut self.reading, key, "[\"admin\"]") else {
                continue;
            };
            if roles.is_empty() {
                let full = section.key(key);
                let what = String::from("names no role, so nobody could do it");
                self.reading
                    .fault(section.line, &full, what, "name at least one role");
            }
            self.lines.insert(
                section.key(key),
                roles.first().map_or(section.line, |role| role.line),
            );
            let roles = roles.iter().map(|role| role.text.to_owned()).collect();
            policy.authority.push((class, roles));
        }
        let changes = self.open(top, "changes", &["approvals", "cool_off"]);
        if changes.value("approvals").is_none() {
            changes.missing(&mut self.reading, "approvals", "3");
        }
        let approvals = changes.count(&mut self.reading, "approvals", (1, 100), "persons");
        policy.change_approvals = approvals.map_or(1, |count| count.number);
        policy.change_cool_off_ms = self.length(&changes, "cool_off", "24h", true);
    }

    /// A length of time above zero.
    pub(super) fn length(
        &mut self,
        section: &Section<'t>,
        key: &str,
        example: &str,
        needed: bool,
    ) -> Option<u64> {
        let text = if needed {
            section.need(&mut self.reading, key, &format!("\"{example}\""))
        } else {
            section.text(&mut self.reading, key, example)
        }?;
        self.lines.insert(text.key.clone(), text.line);
        match unit::duration(text.text) {
            Ok(0) => {
                let fix = format!("write a length of time such as `{example}`");
                self.reading.refuse(&text, "is no time at all", fix);
                None
            }
            Ok(millis) => Some(millis),
            Err(cause) => {
                self.wrong(&text, cause);
                None
            }
        }
    }

    /// A share of at most the whole, in basis points.
    pub(super) fn share(&mut self, section: &Section<'t>, key: &str, example: &str) -> Option<u16> {
        let text = section.need(&mut self.reading, key, &format!("\"{example}\""))?;
        self.lines.insert(text.key.clone(), text.line);
        match unit::share(text.text) {
            Ok(points @ 1..=10_000) => u16::try_from(points).ok(),
            Ok(_) => {
                self.reading.refuse(
                    &text,
                    "is nothing or more than the whole",
                    "write `0.01%` to `100%`",
                );
                None
            }
            Err(cause) => {
                self.wrong(&text, cause);
                None
            }
        }
    }

    pub(super) fn times(&mut self, top: &Section<'t>, policy: &mut Policy) {
        let approvals = self.open(
            top,
            "approvals",
            &["valid_for", "collect_within", "act_within"],
        );
        policy.approval_ttl_ms = self.length(&approvals, "valid_for", "4h", true);
        policy.collection_ms = self.length(&approvals, "collect_within", "24h", true);
        policy.execution_ms = self.length(&approvals, "act_within", "24h", true);
        let clearances = self.open(top, "clearances", &["valid_for", "operations", "attested"]);
        policy.clearance_ttl_ms = self.length(&clearances, "valid_for", "10m", true);
        if clearances.value("operations").is_none() {
            clearances.missing(&mut self.reading, "operations", "[\"transfer\"]");
        }
        let ops = clearances.texts(&mut self.reading, "operations", "[\"transfer\"]");
        for op in ops.unwrap_or_default() {
            self.lines.entry(op.key.clone()).or_insert(op.line);
            if OPERATIONS.contains(&op.text) {
                policy.ops_allowed.push(op.text.to_owned());
            } else {
                let fix = format!("operations are `{}`", OPERATIONS.join("`, `"));
                self.reading
                    .refuse(&op, "is no operation that is decoded", fix);
            }
        }
        if let Some(text) = clearances.text(&mut self.reading, "attested", "64 hexadecimal digits")
        {
            policy.attested = digest(text.text);
            if policy.attested.is_none() {
                let fix = "write the SHA-256 of the guard's build as 64 digits 0-9 and a-f";
                self.reading.refuse(&text, "is no digest", fix);
            }
        }
    }

    pub(super) fn destinations(&mut self, top: &Section<'t>, policy: &mut Policy) {
        let section = self.open(top, "destinations", &["only_listed", "cool_off"]);
        policy.allowlist = self.flag(&section, "only_listed");
        policy.destination_cool_off_ms = self.length(&section, "cool_off", "24h", true);
    }

    /// A yes or no that must be said.
    fn flag(&mut self, section: &Section<'t>, key: &str) -> bool {
        if section.value(key).is_none() {
            section.missing(&mut self.reading, key, "true");
        } else {
            self.lines.insert(section.key(key), section.line);
        }
        section.flag(&mut self.reading, key).unwrap_or(false)
    }

    pub(super) fn watching(&mut self, top: &Section<'t>, policy: &mut Policy) {
        let prices = self.open(top, "prices", &["max_age", "band"]);
        policy.price_max_age_ms = self.length(&prices, "max_age", "60s", true);
        policy.price_band_bps = self.share(&prices, "band", "10%");
        let nodes = self.open(top, "nodes", &["trusted", "agree", "max_lag"]);
        if nodes.value("trusted").is_none() {
            nodes.missing(&mut self.reading, "trusted", "[\"node-a\", \"node-b\"]");
        }
        let trusted = nodes.texts(&mut self.reading, "trusted", "[\"node-a\", \"node-b\"]");
        policy.nodes = trusted
            .unwrap_or_default()
            .iter()
            .map(|node| node.text.to_owned())
            .collect();
        if nodes.value("agree").is_none() {
            nodes.missing(&mut self.reading, "agree", "2");
        }
        let agree = nodes.count(&mut self.reading, "agree", (1, 100), "nodes");
        policy.node_quorum = agree.as_ref().map_or(1, |agree| agree.number);
        if let Some(agree) = agree
            && !policy.nodes.is_empty()
            && usize::try_from(agree.number).is_ok_and(|agree| agree > policy.nodes.len())
        {
            let what = format!(
                "`{}` nodes must agree and `{}` are trusted",
                agree.number,
                policy.nodes.len()
            );
            self.reading.fault(
                agree.line,
                &agree.key,
                what,
                "name more nodes or ask fewer to agree",
            );
        }
        policy.node_max_lag_ms = self.length(&nodes, "max_lag", "60s", true);
        let holdings = self.open(top, "holdings", &["guard"]);
        policy.holdings_guard = self.flag(&holdings, "guard");
        self.personal(top, policy);
        let breaker = self.open(top, "breaker", &["armed", "sweep_to"]);
        policy.breaker_armed = self.flag(&breaker, "armed");
        if let Some(wallet) = breaker.text(&mut self.reading, "sweep_to", "cold-1") {
            policy.sweep_to = self.names.wallet(wallet.text);
            if policy.sweep_to.is_none()
                && let Err(cause) = unknown_wallet::<()>(wallet.text, &self.names)
            {
                self.wrong(
                    &wallet,
                    Wrong {
                        why: String::from("is no registered wallet"),
                        fix: cause.fix,
                    },
                );
            }
        }
        let losses = self.open(top, "losses", &["first"]);
        if let Some(first) = losses.need(&mut self.reading, "first", "\"pro_rata\"") {
            match first.text {
                "pro_rata" => policy.loss_order = LossOrder::ProRata,
                "house" => policy.loss_order = LossOrder::HouseFirst,
                _ => self
                    .reading
                    .refuse(&first, "bears no loss", "write `pro_rata` or `house`"),
            }
        }
    }

    fn personal(&mut self, top: &Section<'t>, policy: &mut Policy) {
        let section = self.open(
            top,
            "personal_records",
            &["reads_per_hour", "reads_per_hour_all"],
        );
        let bounds = (1, 1_000_000);
        for key in ["reads_per_hour", "reads_per_hour_all"] {
            if section.value(key).is_none() {
                section.missing(&mut self.reading, key, "50");
            }
        }
        let one = section.count(&mut self.reading, "reads_per_hour", bounds, "reads an hour");
        let all = section.count(
            &mut self.reading,
            "reads_per_hour_all",
            bounds,
            "reads an hour",
        );
        if let (Some(one), Some(all)) = (&one, &all)
            && one.number > all.number
        {
            let what = format!(
                "`{}` for one is more than `{}` for all together",
                one.number, all.number
            );
            self.reading.fault(
                one.line,
                &one.key,
                what,
                "raise the number for all or lower this one",
            );
        }
        policy.reads_per_hour = one.map(|count| count.number);
        policy.reads_per_hour_all = all.map(|count| count.number);
    }
}

/// A SHA-256 in lower-case hexadecimal.
fn digest(text: &str) -> Option<[u8; 32]> {
    let bytes = text.as_bytes();
    let lower = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if bytes.len() != 64 || !bytes.iter().all(lower) {
        return None;
    }
    let mut out = [0; 32];
    for (byte, pair) in out.iter_mut().zip(bytes.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(out)
}
