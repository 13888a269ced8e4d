//! A back-test as one HTML file that loads nothing: the same pictures and tables as in the console, in both languages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use crate::console::{Reader, STYLE, backtest_section, backtest_title};
use crate::text::Lang;
use crate::views::BacktestShown;

/// The whole file; `first` is the language on top.
#[must_use]
pub fn page(shown: &BacktestShown, first: Lang) -> String {
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; img-src data:; base-uri 'none'; form-action 'none'",
        STANDARD.encode(Sha256::digest(STYLE.as_bytes()))
    );
    let others = Lang::ALL.into_iter().filter(|lang| *lang != first);
    let languages: Vec<Lang> = std::iter::once(first).chain(others).collect();
    html! {
        (DOCTYPE)
        html lang=(first.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(policy);
                title { (backtest_title(&Reader::of_file(first), shown)) }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    @for reader in languages.into_iter().map(Reader::of_file) {
                        section lang=(reader.lang.tag()) {
                            h1 { (backtest_title(&reader, shown)) }
                            (backtest_section(&reader, shown))
                        }
                    }
                }
            }
        }
    }
    .into_string()
}
