//! The report of a case: one HTML file that prints.
//!
//! [`render`] is a pure function of a [`ReportView`]. The file holds both languages, its style and its pictures, needs no
//! server, loads nothing and runs nothing; its own content security policy forbids both.

mod outcome;
mod sections;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use crate::console::{Reader, STYLE};
use crate::text::Lang;
use crate::views::ReportView;

const PRINTED: &str = include_str!("report.css");

/// The whole file, in both languages; `first` is the one shown until the reader chooses.
#[must_use]
pub fn render(view: &ReportView, first: Lang) -> String {
    let style = format!("{STYLE}\n{PRINTED}");
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; img-src data:; base-uri 'none'; form-action 'none'",
        STANDARD.encode(Sha256::digest(style.as_bytes()))
    );
    html! {
        (DOCTYPE)
        html lang=(first.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(policy);
                title { (view.title.say(first)) }
                link rel="icon" href="data:,";
                style { (PreEscaped(&style)) }
            }
            body.report {
                header {
                    fieldset.language {
                        legend { "언어 · Language" }
                        @for lang in Lang::ALL {
                            @let id = format!("language-{}", lang.tag());
                            span {
                                input type="radio" name="language" id=(id) checked[lang == first];
                                label for=(id) lang=(lang.tag()) { (lang.name()) }
                            }
                        }
                    }
                }
                main {
                    @for lang in Lang::ALL {
                        div.in-language lang=(lang.tag()) id=(format!("report-{}", lang.tag())) {
                            (sections::all(&Reader::of_file(lang), view))
                        }
                    }
                }
            }
        }
    }
    .into_string()
}
