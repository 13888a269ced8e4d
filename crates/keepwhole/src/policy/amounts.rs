//! The lists of a policy file that hold amounts: caps, limits that clear, tiers of approvals, budgets.

use keepwhole_core::policy::{ApprovalTier, AutoPay, Budget, BudgetBand, Cap, Clear, Policy};
use keepwhole_core::registry::AssetIx;

use super::condition::{amount, unknown_asset};
use super::file::Draft;
use super::source::{Section, Text};
use super::unit::{self, Wrong};

impl<'t> Draft<'t> {
    /// An amount of a known asset.
    fn amount(
        &mut self,
        section: &Section<'t>,
        key: &str,
        example: &str,
    ) -> Option<(AssetIx, u128, Text<'t>)> {
        let text = section.need(&mut self.reading, key, &format!("\"{example}\""))?;
        match amount(text.text, &self.names) {
            Ok((asset, units)) => Some((asset, units, text)),
            Err(cause) => {
                self.wrong(&text, cause);
                None
            }
        }
    }

    pub(super) fn amounts(&mut self, top: &Section<'t>, policy: &mut Policy) {
        for row in top.rows(&mut self.reading, "cap", &["window", "share"]) {
            let window = self.length(&row, "window", "24h", true);
            let share = self.share(&row, "share", "20%");
            if let (Some(window_ms), Some(bps)) = (window, share) {
                if policy.caps.iter().any(|cap| cap.window_ms == window_ms) {
                    let what = format!("a second cap of `{}`", unit::show_duration(window_ms));
                    self.reading
                        .fault(row.line, "cap", what, "keep the smaller share");
                }
                policy.caps.push(Cap { window_ms, bps });
            }
        }
        policy.caps.sort_by_key(|cap| cap.window_ms);
        for row in top.rows(&mut self.reading, "clear", &["up_to"]) {
            let Some((asset, up_to, at)) = self.amount(&row, "up_to", "5 BTC") else {
                continue;
            };
            if policy.clears.iter().any(|clear| clear.asset == asset) {
                self.reading
                    .refuse(&at, "is a second limit of that asset", "keep one");
            }
            self.lines
                .insert(format!("clear.{}", self.names.asset_id(asset)), at.line);
            policy.clears.push(Clear { asset, up_to });
        }
        for row in top.rows(&mut self.reading, "tier", &["from", "approvals"]) {
            self.tier(&row, policy);
        }
        for row in top.rows(&mut self.reading, "auto_pay", &["up_to"]) {
            let Some((asset, up_to, at)) = self.amount(&row, "up_to", "0.01 BTC") else {
                continue;
            };
            if policy.auto_pay.iter().any(|rule| rule.asset == asset) {
                self.reading
                    .refuse(&at, "is a second limit of that asset", "keep one");
            }
            policy.auto_pay.push(AutoPay { asset, up_to });
        }
    }

    fn tier(&mut self, row: &Section<'t>, policy: &mut Policy) {
        let from = self.amount(row, "from", "1 BTC");
        if row.value("approvals").is_none() {
            row.missing(&mut self.reading, "approvals", "2");
        }
        let approvals = row.count(&mut self.reading, "approvals", (1, 100), "persons");
        let (Some((asset, from, at)), Some(approvals)) = (from, approvals) else {
            return;
        };
        let same = |tier: &&ApprovalTier| tier.asset == asset;
        if policy
            .tiers
            .iter()
            .filter(same)
            .any(|tier| tier.from == from)
        {
            self.reading.refuse(
                &at,
                "begins a second tier",
                "keep the one with more persons",
            );
        }
        let key = format!("tier.{}", self.names.amount(asset, from));
        self.lines.insert(key, approvals.line);
        policy.tiers.push(ApprovalTier {
            asset,
            from,
            approvals: approvals.number,
        });
    }

    pub(super) fn budgets(&mut self, top: &Section<'t>, policy: &mut Policy) {
        let known = [
            "id",
            "unit",
            "total",
            "per_customer",
            "approvals",
            "line_value",
            "batch_value",
            "per_requester",
        ];
        for mut row in top.rows(&mut self.reading, "budget", &known) {
            let id = row.need(&mut self.reading, "id", "\"event-2026-02\"");
            if let Some(id) = &id {
                row.rename(format!("budget.{}", id.text));
                if policy.budgets.iter().any(|budget| budget.id == id.text) {
                    self.reading.refuse(
                        id,
                        "is a second budget of that name",
                        "give it another name",
                    );
                }
                self.lines.insert(format!("budget.{}", id.text), id.line);
            }
            let unit = row.need(&mut self.reading, "unit", "\"KRW\"");
            let asset = unit.and_then(|unit| {
                let found = self.names.asset(unit.text);
                if found.is_none()
                    && let Err(cause) = unknown_asset::<()>(unit.text, &self.names)
                {
                    self.wrong(
                        &unit,
                        Wrong {
                            why: String::from("is no known asset"),
                            fix: cause.fix,
                        },
                    );
                }
                Some(found?.0)
            });
            self.budget(&row, id.map_or("", |id| id.text), asset, policy);
        }
    }

    fn budget(&mut self, row: &Section<'t>, id: &str, asset: Option<AssetIx>, policy: &mut Policy) {
        let total = self.in_unit(row, "total", asset, true);
        let per_customer = self.in_unit(row, "per_customer", asset, true);
        let reference = self.reference.map(|(asset, _)| asset);
        let band = BudgetBand {
            budget: id.to_owned(),
            line_value: self.in_unit(row, "line_value", reference, true),
            batch_value: self.in_unit(row, "batch_value", reference, true),
            per_requester: self.in_unit(row, "per_requester", asset, false),
        };
        if row.value("approvals").is_none() {
            row.missing(&mut self.reading, "approvals", "2");
        }
        let approvals = row.count(&mut self.reading, "approvals", (0, 100), "persons");
        if let (Some(total), Some(one)) = (total, per_customer)
            && one > total
        {
            let full = row.key("per_customer");
            let what = String::from("one customer could get more than the whole budget has");
            self.reading
                .fault(row.line, &full, what, "lower it to `total` or less");
        }
        if let (Some(asset), Some(total), Some(per_customer), Some(approvals)) =
            (asset, total, per_customer, approvals)
        {
            policy.budgets.push(Budget {
                id: id.to_owned(),
                asset,
                total,
                per_customer,
                approvals: approvals.number,
            });
            policy.bands.push(band);
        }
    }

    /// An amount that must be of that asset.
    fn in_unit(
        &mut self,
        row: &Section<'t>,
        key: &str,
        asset: Option<AssetIx>,
        needed: bool,
    ) -> Option<u128> {
        if !needed && row.value(key).is_none() {
            return None;
        }
        let (found, units, at) = self.amount(row, key, "1,000,000 KRW")?;
        let asset = asset?;
        if found != asset {
            let want = self.names.asset_id(asset);
            self.reading.refuse(
                &at,
                "is of another asset",
                format!("write the amount in `{want}`"),
            );
            return None;
        }
        Some(units)
    }
}
