//! One customer: what the exchange owes her, and whether she is whole.

use maud::{Markup, html};

use crate::console::Reader;
use crate::console::fragment::{Table, as_count, columns, evidence, time};
use crate::console::frame::{Page, framed};
use crate::console::reader::segment;
use crate::text::Words;
use crate::views::{Balance, Banner, CustomerView, Head, Mark, Redress, StatementLine};

/// The search form; `missing` is the id that was asked for and is not in the journal.
pub(crate) fn customer_search(
    r: &Reader,
    asked: Option<&str>,
    banner: Option<&Banner>,
    head: Option<&Head>,
) -> String {
    let body = html! {
        p { (r.t("customers-note")) }
        @if let Some(id) = asked {
            div.problem role="alert" {
                p { (Words::key("customers-not-found").with("id", id).say(r.lang)) }
            }
        }
        form.search method="get" action="/customers" {
            @if r.chosen { input type="hidden" name="lang" value=(r.lang.tag()); }
            label for="id" { (r.t("customers-label")) }
            p.hint #hint { (r.t("customers-hint")) }
            input #id name="id" type="text" maxlength="64" required autocomplete="off" spellcheck="false"
                aria-describedby="hint" value=[asked];
            button type="submit" { (r.t("customers-button")) }
        }
    };
    framed(
        r,
        &Page {
            heading: r.t("customers-heading"),
            here: "/customers",
            banner,
            as_of: None,
            head,
            body,
        },
    )
}

/// The page of one customer.
pub(crate) fn customer_page(r: &Reader, view: &CustomerView, banner: Option<&Banner>) -> String {
    let whole = view.redress.iter().all(|row| row.outstanding.units == 0);
    let body = html! {
        @if view.made_up { p.note { strong { (r.t("customer-made-up")) } } }
        p.lead {
            (r.t(match (view.redress.is_empty(), whole) {
                (true, _) => "customer-not-short",
                (false, true) => "customer-whole",
                (false, false) => "customer-outstanding",
            }))
        }
        section aria-labelledby="balances" {
            h2 #balances { (r.t("customer-balances")) }
            @if view.balances.is_empty() { p { (r.t("customer-no-balances")) } }
            @else { (balance_table(r, &view.balances)) }
        }
        section aria-labelledby="redress" {
            h2 #redress { (r.t("customer-redress")) }
            p { (r.t("redress-words")) }
            @if view.redress.is_empty() { p { (r.t("customer-no-redress")) } }
            @else { (redress_table(r, &view.redress)) }
        }
        section aria-labelledby="statement" {
            h2 #statement { (r.t("customer-statement")) }
            @if view.statement.is_empty() { p { (r.t("customer-no-statement")) } }
            @else { (statement_table(r, view)) }
        }
        section aria-labelledby="proof" {
            h2 #proof { (r.t("customer-proof")) }
            @match &view.package {
                Some(package) => {
                    p { (Words::key("customer-proof-file").with("file", package.file.as_str()).say(r.lang)) }
                    pre tabindex="0" { code { (package.command) } }
                }
                None => p { (r.t("customer-no-proof")) },
            }
        }
    };
    framed(
        r,
        &Page {
            heading: Words::key("customer-heading")
                .with("id", view.id.as_str())
                .say(r.lang),
            here: &format!("/customers/{}", segment(&view.id)),
            banner,
            as_of: Some(view.as_of),
            head: Some(&view.head),
            body,
        },
    )
}

fn balance_table(r: &Reader, balances: &[Balance]) -> Markup {
    let keys = [
        "loss-col-asset",
        "customer-col-owed",
        "customer-col-reserved",
    ];
    let rows = html! { @for balance in balances { tr {
        th scope="row" { (balance.owed.asset.symbol) }
        td.number { (balance.owed.number()) }
        td.number { (balance.reserved.number()) }
    } } };
    let table = Table::new(r.t("customer-balances-caption"), columns(r, keys));
    table.numbers(&[1, 2]).mark(Mark::Derived).rows(r, &rows)
}

fn redress_table(r: &Reader, rows: &[Redress]) -> Markup {
    let headings = vec![
        r.t("loss-col-asset"),
        r.t("customer-col-loss"),
        r.t("customer-col-short"),
        format!("= {}", r.t("loss-col-replenished")),
        format!("+ {}", r.t("loss-col-outstanding")),
    ];
    let rows = html! { @for row in rows { tr {
        th scope="row" { (row.short.asset.symbol) }
        td { (row.loss) }
        td.number { (row.short.number()) }
        td.number { (row.replenished.number()) }
        td.number { (row.outstanding.number()) }
    } } };
    let table = Table::new(r.t("customer-redress-caption"), headings);
    table.numbers(&[2, 3, 4]).mark(Mark::Derived).rows(r, &rows)
}

fn statement_table(r: &Reader, view: &CustomerView) -> Markup {
    let keys = [
        "customer-col-at",
        "customer-col-what",
        "customer-col-amount",
        "customer-col-balance",
        "customer-col-entry",
    ];
    let rows = html! { @for line in &view.statement { (statement_line(r, line)) } };
    let table = Table::new(r.t("customer-statement-caption"), columns(r, keys));
    let table = table.numbers(&[2, 3]).mark(Mark::Recorded);
    html! {
        (table.rows(r, &rows))
        p.quiet {
            (Words::key("customer-statement-shown").with("shown", as_count(view.statement.len()).to_string())
                .with("count", view.statement_total).say(r.lang))
        }
    }
}

fn statement_line(r: &Reader, line: &StatementLine) -> Markup {
    html! {
        tr {
            td { (time(line.at)) }
            td { (r.say(&line.what)) }
            td.number {
                @if line.incoming { "+" (line.amount.number()) } @else { "−" (line.amount.number()) }
                " " (line.amount.asset.symbol)
            }
            td.number {
                @match &line.balance {
                    Some(balance) => { (balance.number()) " " (balance.asset.symbol) }
                    None => span.quiet { (r.t("customer-balance-unknown")) },
                }
            }
            td { (evidence(r, &[line.entry])) }
        }
    }
}
