//! The sections of the report about the outcome: who lost what, who bore it, what it costs, and how to check it.

use maud::{Markup, html};

use super::sections::listed;
use crate::console::{
    Reader, Table, amount, columns, confidence_key, law_tag, mark_tag, picture, value,
};
use crate::text::{Words, count, ratio_percent};
use crate::views::{
    CoverageRow, FineColumn, FineRow, Mark, ProofView, ReportView, TokenLoss, Value,
};

/// What was taken, per token: picture and table.
pub(super) fn tokens(r: &Reader, view: &ReportView) -> Markup {
    let keys = [
        "loss-col-asset",
        "loss-col-taken",
        "token-col-krw",
        "loss-col-house",
        "loss-col-customers",
        "loss-col-replenished",
        "loss-col-outstanding",
    ];
    let table = Table::new(r.t("token-caption"), columns(r, keys)).class("tokens");
    let bodies = html! {
        tbody { @for token in &view.tokens { (token_row(r, token)) } }
        (token_total(r, &view.tokens))
    };
    html! {
        p { (r.t("report-tokens-note")) }
        (picture::token_bars(r, "token-picture", &view.tokens))
        (table.numbers(&[1, 2, 3, 4, 5, 6]).bodies(r, &bodies))
    }
}

fn token_row(r: &Reader, token: &TokenLoss) -> Markup {
    html! {
        tr {
            th scope="row" { (token.taken.value.asset.symbol) }
            td.number { (token.taken.value.number()) " " (mark_tag(r, token.taken.mark)) }
            td.number { (token.krw.value.number()) " " (mark_tag(r, token.krw.mark)) }
            @for part in [&token.house, &token.customers, &token.replenished, &token.outstanding] {
                td.number { (part.number()) }
            }
        }
    }
}

/// Only the values in won can be added up over tokens.
fn token_total(r: &Reader, tokens: &[TokenLoss]) -> Markup {
    let total = tokens
        .iter()
        .try_fold(0_u128, |sum, token| sum.checked_add(token.krw.value.units));
    html! {
        @if let Some(total) = total {
            tfoot { tr {
                th scope="row" { (r.t("token-total")) }
                td.number { "–" }
                td.number { (count(total)) " " (mark_tag(r, Mark::Derived)) }
                td.number colspan="4" { span.quiet { (r.t("token-total-note")) } }
            } }
        }
    }
}

/// Held against owed: picture and table.
pub(super) fn coverage(r: &Reader, rows: &[CoverageRow]) -> Markup {
    let keys = [
        "loss-col-asset",
        "coverage-col-owed",
        "coverage-col-before",
        "coverage-col-after",
        "coverage-col-restored",
    ];
    let table = Table::new(r.t("coverage-caption"), columns(r, keys)).numbers(&[1, 2, 3, 4]);
    let lines = html! { @for row in rows { tr {
        th scope="row" { (row.owed.asset.symbol) " " (mark_tag(r, row.mark)) }
        td.number { (row.owed.number()) }
        @for held in [&row.before, &row.after, &row.restored] {
            td.number {
                (held.number())
                span.detail {
                    (ratio_percent(held.units, row.owed.units).unwrap_or_else(|| r.t("value-no-share")))
                }
            }
        }
    } } };
    html! {
        p { (r.t("report-coverage-note")) }
        (picture::coverage_bars(r, "coverage-picture", rows))
        (table.rows(r, &lines))
    }
}

/// What each rule could cost, in three columns that are never added up.
pub(super) fn fines(r: &Reader, rows: &[FineRow]) -> Markup {
    html! {
        p { (r.t("report-fines-note")) }
        @for column in FineColumn::ALL {
            @let these: Vec<&FineRow> = rows.iter().filter(|row| row.column == column).collect();
            h3 { (r.t(column.key())) }
            @if these.is_empty() { p { (r.t("fine-none")) } } @else { (fine_table(r, &r.t(column.key()), &these)) }
        }
    }
}

fn fine_table(r: &Reader, caption: &str, rows: &[&FineRow]) -> Markup {
    let keys = [
        "fine-col-rule",
        "fine-col-formula",
        "fine-col-amount",
        "fine-col-note",
    ];
    let table = Table::new(caption.to_owned(), columns(r, keys)).class("fines");
    let lines = html! { @for row in rows { tr {
        th scope="row" {
            span.title { (r.say(&row.title)) }
            span.detail { (row.source) " · " code { (row.rule) } }
            span.detail {
                (law_tag(r, row.status)) " " (r.t("clock-confidence")) " "
                (r.t(confidence_key(&row.confidence)))
            }
        }
        td { (r.say(&row.formula)) }
        td {
            (value(r, &row.amount.value))
            @if !matches!(row.amount.value, Value::Unknown(_)) { " " (mark_tag(r, row.amount.mark)) }
        }
        td { (r.say(&row.note)) }
    } } };
    table.heading_above().rows(r, &lines)
}

/// The proof of one customer.
pub(super) fn proof(r: &Reader, proof: Option<&ProofView>) -> Markup {
    let Some(proof) = proof else {
        return html! { p { (r.t("report-no-proof")) } };
    };
    let caption = Words::key("proof-caption")
        .with("id", proof.customer.as_str())
        .say(r.lang);
    let headings = vec![
        r.t("customer-col-short"),
        format!("= {}", r.t("loss-col-replenished")),
        format!("+ {}", r.t("loss-col-outstanding")),
    ];
    let rows = html! { @for (short, replenished, outstanding) in &proof.rows {
        tr { td { (amount(r, short)) } td { (amount(r, replenished)) } td { (amount(r, outstanding)) } }
    } };
    html! {
        p { (Words::key("proof-note").with("count", proof.customers).say(r.lang)) }
        (Table::new(caption, headings).rows(r, &rows))
        dl.summary {
            div { dt { (r.t("proof-asset")) } dd { (proof.asset) } }
            div { dt { (r.t("proof-leaf")) } dd { code { (proof.leaf) } } }
            div { dt { (r.t("proof-path")) } dd { (count(u128::from(proof.path))) } }
            div { dt { (r.t("proof-root")) } dd { code { (proof.root) } } }
            div { dt { (r.t("proof-file")) } dd { code { (proof.file) } } }
        }
        p { (r.t("proof-check")) }
        pre tabindex="0" role="region" aria-label=(r.t("proof-check")) { code { (proof.command) } }
    }
}

/// The journal's head, its checkpoint, and what the verifier says.
pub(super) fn head(r: &Reader, view: &ReportView) -> Markup {
    html! {
        dl.summary {
            div { dt { (r.t("footer-size")) } dd { (count(u128::from(view.head.size))) } }
            div { dt { (r.t("footer-root")) } dd { code { (view.head.root) } } }
        }
        @if let Some(checkpoint) = &view.checkpoint {
            h3 { (r.t("journal-checkpoint")) }
            pre tabindex="0" role="region" aria-label=(r.t("journal-checkpoint")) { code { (checkpoint) } }
        }
        @for (proved, key) in [(true, "report-proved"), (false, "report-not-proved")] {
            @let these: Vec<Words> =
                view.verified.iter().filter(|line| line.proved == proved).map(|line| line.what.clone()).collect();
            @if !these.is_empty() { h3 { (r.t(key)) } (listed(r, &these, "report-no-sources")) }
        }
    }
}
