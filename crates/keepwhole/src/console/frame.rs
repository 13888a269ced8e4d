//! The frame of every page: skip link, banner, navigation, main part, evidence line.

use maud::{DOCTYPE, Markup, html};

use super::Reader;
use super::fragment::time;
use crate::text::{Lang, Words};
use crate::views::{Banner, Head};

/// What a page puts into the frame.
pub(crate) struct Page<'a> {
    /// The heading, a question wherever the page answers one.
    pub(crate) heading: String,
    /// The path and query of this page without `lang`, for the language switch.
    pub(crate) here: &'a str,
    /// The mode line under the header; `None` where the state could not be read.
    pub(crate) banner: Option<&'a Banner>,
    /// The journal's time of what is shown.
    pub(crate) as_of: Option<u64>,
    /// The head that the page rests on; `None` where the page rests on none.
    pub(crate) head: Option<&'a Head>,
    /// The content.
    pub(crate) body: Markup,
}

const NAVIGATION: [(&str, &str); 9] = [
    ("/", "nav-overview"),
    ("/incidents", "nav-incidents"),
    ("/guard", "nav-guard"),
    ("/approve", "nav-approve"),
    ("/policy", "nav-policy"),
    ("/people", "nav-people"),
    ("/customers", "nav-customers"),
    ("/journal", "nav-journal"),
    ("/report", "nav-report"),
];

/// The whole page.
pub(crate) fn framed(r: &Reader, page: &Page<'_>) -> String {
    html! {
        (DOCTYPE)
        html lang=(r.lang.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (page.heading) " – keepwhole" }
                link rel="stylesheet" href="/style.css";
                link rel="icon" href="data:,";
            }
            body {
                a.skip href="#main" { (r.t("frame-skip")) }
                header.top {
                    div.wide {
                        p.brand { a href=(r.href("/")) { "keepwhole" } " " span.quiet { (r.t("frame-tagline")) } }
                        p.switch { (language_switch(r, page.here)) }
                    }
                    nav.wide aria-label=(r.t("frame-nav")) {
                        ul {
                            @for (path, key) in NAVIGATION {
                                li { a href=(r.href(path)) aria-current=[current(page.here, path)] { (r.t(key)) } }
                            }
                        }
                    }
                    (banner(r, page.banner))
                }
                main.wide #main tabindex="-1" {
                    h1 { (page.heading) }
                    @if let Some(at) = page.as_of { p.as-of { (r.t("frame-as-of")) " " (time(at)) } }
                    (page.body)
                }
                footer.wide { (evidence_footer(r, page.head)) }
            }
        }
    }
    .into_string()
}

fn current(here: &str, path: &str) -> Option<&'static str> {
    let here = here.split('?').next().unwrap_or_default();
    let within = path != "/"
        && here
            .strip_prefix(path)
            .is_some_and(|rest| rest.starts_with('/'));
    if here == path {
        Some("page")
    } else if within {
        Some("true")
    } else {
        None
    }
}

fn language_switch(r: &Reader, here: &str) -> Markup {
    let joint = if here.contains('?') { '&' } else { '?' };
    html! {
        @for lang in Lang::ALL {
            @if lang == r.lang {
                span lang=(lang.tag()) aria-current="true" { (lang.name()) } " "
            } @else {
                a lang=(lang.tag()) hreflang=(lang.tag()) href=(format!("{here}{joint}lang={}", lang.tag())) { (lang.name()) } " "
            }
        }
    }
}

fn banner(r: &Reader, banner: Option<&Banner>) -> Markup {
    html! {
        @match banner {
            None => div.banner.banner-unknown { p.wide { strong { (r.t("banner-unknown")) } } },
            Some(Banner::Normal) => div.banner.banner-normal { p.wide { strong { (r.t("banner-normal")) } } },
            Some(Banner::Tripped { scopes, since, unseen }) => div.banner.banner-tripped {
                p.wide {
                    strong { span aria-hidden="true" { "■ " } (r.t("banner-tripped")) } " "
                    (r.say(scopes)) " " (r.t("banner-since")) " " (time(*since))
                    @if *unseen > 0 {
                        " " a href=(r.href("/guard?state=redeemed")) {
                            (Words::key("banner-unseen").with("count", *unseen).say(r.lang))
                        }
                    }
                }
            },
            Some(Banner::Exercise(words)) => div.banner.banner-exercise {
                p.wide { strong { (r.t("banner-exercise")) } " " (r.say(words)) }
            },
        }
    }
}

/// What the page rests on and how to check it.
pub(crate) fn evidence_footer(r: &Reader, head: Option<&Head>) -> Markup {
    html! {
        h2 { (r.t("footer-heading")) }
        @match head {
            Some(head) => {
                dl {
                    div { dt { (r.t("footer-size")) } dd { (crate::text::count(u128::from(head.size))) } }
                    div { dt { (r.t("footer-root")) } dd { code { (head.root) } } }
                }
                p { (r.t("footer-verify")) " " code { "keepwhole journal check" } " · " code { "keepwhole verify" } }
            }
            None => p { (r.t("footer-no-head")) },
        }
        p.quiet { (r.t("footer-advice")) }
    }
}
