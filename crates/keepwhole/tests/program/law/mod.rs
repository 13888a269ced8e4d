//! Law files: what is refused and why, what is warned about, what the answers show, and the day arithmetic.

mod answers;
mod broken;
mod days;
mod refusals;
mod shipped;

use keepwhole::law::SourceFile;

/// A small file that is right in every way; the refusal tests break it in one place each.
const GOOD: &str = r#"schema = "keepwhole-law/1"
jurisdiction = "KR"
timezone = "Asia/Seoul"
currency = "KRW"
as_of = 2026-11-22

[[rule]]
id = "kr-test-report-24h"
area = "incident-notification"
kind = "clock"
title_en = "Report within 24 hours"
title_ko = "24시간 내 신고"
status = "in_force"
effective_from = 2024-08-14
instrument = "Network Act"
article = "48-3"
obliged = ["vasp"]
to = ["kisa"]
trigger = "intrusion"
source = "Network Act, law.go.kr, mirror legalize-kr/legalize-kr, commit 2b383b2"
confidence = "mirror"
note = ""
[rule.parameters]
clock_start = "became_aware"
due_hours = 24
fine_rule = "kr-test-fine-old"
content = ["time", "cause"]

[[rule]]
id = "kr-test-fine-old"
area = "fine"
kind = "penalty"
title_en = "Fine for a late report"
status = "superseded"
effective_from = 2024-08-14
effective_to = 2026-09-30
superseded_by = "kr-test-fine-new"
instrument = "Network Act"
article = ""
obliged = ["vasp"]
to = []
trigger = "late report"
source = "Press, 2024-08-14"
confidence = "press"
note = "old"
[rule.parameters]
base = "fixed"
cap_krw = 30_000_000
form = "up_to"

[[rule]]
id = "kr-test-fine-new"
area = "fine"
kind = "penalty"
title_en = "Fine for a late report"
status = "in_force"
effective_from = 2026-10-01
instrument = "Network Act"
article = ""
obliged = ["vasp"]
to = []
trigger = "late report"
source = "Press, 2026-10-01"
confidence = "press"
note = "new"
[rule.parameters]
base = "annual_revenue"
rate_permille = 30
combine = "greater_of"
cap_krw = 50_000_000

[[rule]]
id = "kr-test-bill"
area = "fine"
kind = "penalty"
title_en = "Proposed fine"
status = "proposed"
instrument = "Bill"
article = ""
obliged = ["vasp"]
to = []
trigger = "theft"
source = "Press, 2026-01-12"
confidence = "press"
note = "bill"
[rule.parameters]
base = "hacked_amount"
rate_bp = 1_000
"#;

/// A file of this text.
fn file(text: &str) -> SourceFile {
    SourceFile {
        name: "kr.toml".into(),
        bytes: text.into(),
    }
}

/// The good file with one place changed.
fn changed(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "the good file has no `{from}`");
    GOOD.replacen(from, to, 1)
}
