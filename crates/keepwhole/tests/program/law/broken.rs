//! Ways to break a law file, in the order of the reject rules.

use super::changed;

/// The good file with one place changed, so that one reject rule applies.
pub(super) struct Broken {
    pub(super) rule: u8,
    from: &'static str,
    to: &'static str,
    pub(super) says: &'static str,
    /// Whether `check.py` knows this way too.
    pub(super) known_to_check_py: bool,
}

impl Broken {
    /// The broken file.
    pub(super) fn text(&self) -> String {
        changed(self.from, self.to)
    }
}

const fn broken(rule: u8, from: &'static str, to: &'static str, says: &'static str) -> Broken {
    Broken {
        rule,
        from,
        to,
        says,
        known_to_check_py: true,
    }
}

/// A way to break a file that only the program refuses.
const fn strict(rule: u8, from: &'static str, to: &'static str, says: &'static str) -> Broken {
    Broken {
        rule,
        from,
        to,
        says,
        known_to_check_py: false,
    }
}

const FILE_AND_KEYS: &[Broken] = &[
    broken(
        1,
        "schema = \"keepwhole-law/1\"",
        "schema = \"keepwhole-law/2\"",
        "unknown schema `keepwhole-law/2`",
    ),
    broken(1, "schema = \"keepwhole-law/1\"\n", "", "no `schema`"),
    broken(1, "jurisdiction = \"KR\"\n", "", "`jurisdiction` missing"),
    broken(1, "timezone = \"Asia/Seoul\"\n", "", "`timezone` missing"),
    broken(1, "currency = \"KRW\"\n", "", "`currency` missing"),
    broken(1, "as_of = 2026-11-22\n", "", "`as_of` missing"),
    strict(
        1,
        "as_of = 2026-11-22",
        "as_of = \"2026-11-22\"",
        "`as_of` missing or not of its type",
    ),
    broken(1, "kind = \"clock\"", "kind = clock", "not TOML"),
    broken(
        1,
        "kind = \"clock\"",
        "kind = \"clock\"\nkind = \"clock\"",
        "not TOML",
    ),
    strict(
        2,
        "currency = \"KRW\"",
        "currency = \"KRW\"\ncolour = \"red\"",
        "unknown key `colour`",
    ),
    broken(
        2,
        "note = \"old\"",
        "note = \"old\"\ncolour = \"red\"",
        "unknown key `colour`",
    ),
    broken(2, "note = \"old\"\n", "", "`note` missing"),
    broken(2, "id = \"kr-test-bill\"\n", "", "`id` missing"),
    broken(
        2,
        "to = [\"kisa\"]",
        "to = \"kisa\"",
        "`to` has the wrong type",
    ),
    strict(
        2,
        "to = [\"kisa\"]",
        "to = [true]",
        "`to` has the wrong type",
    ),
    strict(
        2,
        "effective_from = 2026-10-01",
        "effective_from = 2026-10-01T00:00:00Z",
        "wrong type",
    ),
    broken(
        2,
        "id = \"kr-test-bill\"",
        "id = \"KR test bill\"",
        "is not a slug",
    ),
    strict(
        2,
        "due_hours = 24",
        "due_hours = 24\nx = [[[[[[[[[[]]]]]]]]]]",
        "nested too deeply",
    ),
    strict(
        2,
        "due_hours = 24",
        "due_hours = 24\nsince = 2026-10-01T00:00:00Z",
        "not a civil day",
    ),
    broken(
        3,
        "id = \"kr-test-fine-new\"",
        "id = \"kr-test-fine-old\"",
        "used twice",
    ),
    broken(
        3,
        "id = \"kr-test-bill\"",
        "id = \"kr-aml-risk-counterparty\"",
        "use `kr-aml-unregistered-vasp`",
    ),
    broken(
        3,
        "superseded_by = \"kr-test-fine-new\"",
        "superseded_by = \"kr-test-gone\"",
        "names no record",
    ),
    broken(
        3,
        "fine_rule = \"kr-test-fine-old\"",
        "fine_rule = \"kr-test-gone\"",
        "`fine_rule` names no record",
    ),
    broken(
        3,
        "content = [\"time\"",
        "content = [\"kr-test-gone\"",
        "`content` names no record",
    ),
];

const LISTS_AND_DATES: &[Broken] = &[
    broken(4, "area = \"fine\"", "area = \"fines\"", "`area` = `fines`"),
    broken(
        4,
        "kind = \"penalty\"",
        "kind = \"fine\"",
        "`kind` = `fine`",
    ),
    broken(
        4,
        "status = \"proposed\"",
        "status = \"draft\"",
        "`status` = `draft`",
    ),
    broken(
        4,
        "confidence = \"press\"",
        "confidence = \"sure\"",
        "`confidence` = `sure`",
    ),
    broken(
        4,
        "clock_start = \"became_aware\"",
        "clock_start = \"aware\"",
        "`clock_start` = `aware`",
    ),
    broken(
        4,
        "due_hours = 24",
        "due_hours = 24\ndue_form = \"soon\"",
        "`due_form` = `soon`",
    ),
    broken(
        4,
        "due_hours = 24",
        "due_hours = 24\nnotice_due_form = \"soon\"",
        "`notice_due_form` = `soon`",
    ),
    broken(
        4,
        "base = \"fixed\"",
        "base = \"revenue\"",
        "`base` = `revenue`",
    ),
    broken(
        4,
        "form = \"up_to\"",
        "form = \"about\"",
        "`form` = `about`",
    ),
    broken(
        4,
        "combine = \"greater_of\"",
        "combine = \"sum_of\"",
        "`combine` = `sum_of`",
    ),
    broken(
        5,
        "effective_from = 2024-08-14\ninstrument",
        "instrument",
        "`effective_from` missing",
    ),
    broken(
        5,
        "status = \"proposed\"",
        "status = \"proposed\"\neffective_from = 2027-01-01",
        "on a proposal",
    ),
    broken(
        6,
        "effective_from = 2024-08-14\ninstrument",
        "effective_from = 2027-01-01\ninstrument",
        "after `as_of`",
    ),
    broken(
        6,
        "effective_from = 2026-10-01",
        "effective_from = 2026-10-01\neffective_to = 2026-11-01",
        "but ended on",
    ),
    broken(
        6,
        "status = \"in_force\"",
        "status = \"enacted_not_yet_in_force\"",
        "in force since 2024-08-14",
    ),
    broken(
        6,
        "effective_to = 2026-09-30\n",
        "",
        "`superseded` without an `effective_to`",
    ),
    broken(
        6,
        "effective_from = 2024-08-14\neffective_to",
        "effective_from = 2026-10-02\neffective_to",
        "before `effective_from`",
    ),
];

const NUMBERS_AND_SOURCES: &[Broken] = &[
    broken(
        7,
        "due_hours = 24",
        "due_hours = 24.0",
        "float `24.0` in `due_hours`",
    ),
    broken(
        7,
        "due_hours = 24",
        "due_hours = -24",
        "negative number `-24`",
    ),
    broken(
        7,
        "due_hours = 24",
        "due_hours = 24\nlimit = 5",
        "no unit in the numeric key `limit`",
    ),
    broken(
        7,
        "due_hours = 24",
        "due_hours = 24\nlimits = [5]",
        "no unit in the numeric key `limits`",
    ),
    broken(7, "note = \"old\"", "note = 1.5", "float in `note`"),
    strict(
        7,
        "due_hours = 24",
        "due_hours = 24\ncap_krw = 99999999999999999999",
        "does not fit 64 bits",
    ),
    broken(
        8,
        "rate_permille = 30",
        "rate_permille = 1001",
        "above the whole",
    ),
    broken(8, "rate_bp = 1_000", "rate_bp = 10_001", "above the whole"),
    broken(9, "due_hours = 24\n", "", "clock without"),
    broken(9, "base = \"fixed\"\n", "", "penalty without `base`"),
    broken(
        9,
        "due_hours = 24",
        "due_form = \"by_date\"",
        "without a `due_date`",
    ),
    strict(
        9,
        "due_hours = 24",
        "due_form = \"by_date\"\ndue_date = \"02-30\"",
        "without a `due_date`",
    ),
    strict(9, "due_hours = 24", "due_hours = \"24\"", "can't be read"),
    broken(
        10,
        "effective_from = 2026-10-01",
        "effective_from = 2026-10-02",
        "neither holds",
    ),
    broken(
        10,
        "effective_from = 2026-10-01",
        "effective_from = 2026-09-30",
        "both hold",
    ),
    strict(
        10,
        "effective_to = 2026-09-30\n",
        "",
        "without an `effective_to`: both hold",
    ),
    broken(
        11,
        "source = \"Press, 2024-08-14\"",
        "source = \"  \"",
        "empty `source`",
    ),
    broken(
        11,
        "source = \"Press, 2024-08-14\"",
        "source = \"http://10.1.2.3/law\"",
        "private host",
    ),
    broken(
        11,
        "source = \"Press, 2024-08-14\"",
        "source = \"http://192.168.1.9/law\"",
        "private host",
    ),
    broken(
        11,
        "source = \"Press, 2024-08-14\"",
        "source = \"http://172.31.0.1/law\"",
        "private host",
    ),
    broken(
        11,
        "source = \"Press, 2024-08-14\"",
        "source = \"wiki.internal, 2024\"",
        "private host",
    ),
    broken(
        11,
        "source = \"Press, 2024-08-14\"",
        "source = \"copy at /srv/law.pdf\"",
        "file path",
    ),
    broken(
        11,
        "source = \"Press, 2024-08-14\"",
        "source = 'copy at C:\\law.pdf'",
        "file path",
    ),
    broken(11, ", commit 2b383b2", "", "without a commit"),
];

/// Every way, in the order of the rules.
pub(super) fn all() -> impl Iterator<Item = &'static Broken> {
    [FILE_AND_KEYS, LISTS_AND_DATES, NUMBERS_AND_SOURCES]
        .into_iter()
        .flatten()
}
