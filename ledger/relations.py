"""What must hold between the rows of a ledger, as queries that find where it does not, and what to do then."""

from dataclasses import dataclass

TABLES = (
    frozenset({"replies", "draws", "attempts"}),
    frozenset({"logprobs", "rejections", "claims", "spent"}),
)
"""What each version of the file brought."""

GIVE_UP = (
    "restore a copy of the ledger, or give a reply up, so that the next run buys it again: "
    "`DELETE FROM draws WHERE reply = ID` in sqlite3"
)
RECKON_SPENT = (
    "DELETE FROM spent; INSERT INTO spent SELECT run, sum(CAST(round(usd * 1e9) AS INTEGER)),"
    " sum(input_tokens + output_tokens) FROM attempts GROUP BY run"
)

WORDS = {
    "attempts": "run, stage, recipe, teacher, outcome",
    "rejections": "status, error",
    "claims": "holder",
    "spent": "run",
}
"""The columns that hold text."""


@dataclass(frozen=True, slots=True)
class Relation:
    """One thing that must hold: the query gives one text or id for each place where it does not."""

    says: str
    tables: frozenset[str]
    query: str
    do: str


RELATIONS = (
    Relation(
        "a draw points to a reply that is not there (key)",
        frozenset({"draws", "replies"}),
        "SELECT lower(hex(key)) FROM draws WHERE NOT EXISTS (SELECT 1 FROM replies WHERE id = reply)",
        "restore a copy of the ledger, or have them bought again: "
        "`DELETE FROM draws WHERE reply NOT IN (SELECT id FROM replies)` in sqlite3",
    ),
    Relation(
        "a draw points to a choice that its reply does not have (key)",
        frozenset({"draws", "replies"}),
        "SELECT lower(hex(key)) FROM draws JOIN temp.answers USING (reply) WHERE choice NOT BETWEEN 0 AND number - 1",
        "restore a copy of the ledger, or have it bought again: `DELETE FROM draws WHERE key = x'KEY'` in sqlite3",
    ),
    Relation(
        "an attempt points to a reply that is not there (attempt)",
        frozenset({"attempts", "replies"}),
        "SELECT id FROM attempts WHERE reply IS NOT NULL AND NOT EXISTS"
        " (SELECT 1 FROM replies WHERE replies.id = attempts.reply)",
        "restore a copy of the ledger; the bill is right without the reply, but what was bought is gone",
    ),
    Relation(
        "an attempt has a charge that cannot be (attempt)",
        frozenset({"attempts"}),
        "SELECT id FROM attempts WHERE NOT (created BETWEEN 0 AND 1e11 AND usd BETWEEN 0 AND 1e12"
        " AND input_tokens BETWEEN 0 AND 1e15 AND output_tokens BETWEEN 0 AND 1e15) OR settled NOT IN (0, 1)",
        "restore a copy of the ledger: the bill cannot be trusted",
    ),
    Relation(
        "a reply has a time or a price that cannot be (reply)",
        frozenset({"replies"}),
        "SELECT id FROM replies WHERE NOT (created BETWEEN 0 AND 1e11 AND seconds BETWEEN 0 AND 1e9"
        " AND usd BETWEEN 0 AND 1e12)",
        GIVE_UP,
    ),
    Relation(
        "an attempt and the reply that it brought differ in price (attempt)",
        frozenset({"attempts", "replies"}),
        "SELECT attempts.id FROM attempts JOIN replies ON replies.id = reply WHERE attempts.usd <> replies.usd",
        "restore a copy of the ledger: one of the two cannot be trusted; budgets and bills count the attempt",
    ),
    Relation(
        "a draw has a key that no request has (key)",
        frozenset({"draws"}),
        "SELECT lower(hex(key)) FROM draws WHERE typeof(key) <> 'blob' OR length(key) <> 32",
        "nothing asks for it: restore a copy of the ledger, or leave it",
    ),
    Relation(
        "an attempt is open and settled at once (attempt)",
        frozenset({"attempts"}),
        "SELECT id FROM attempts WHERE outcome = 'open' AND settled",
        "`UPDATE attempts SET outcome = 'killed' WHERE id = ID` in sqlite3",
    ),
    Relation(
        "an attempt is open, but no process has claimed what it buys (attempt)",
        frozenset({"attempts", "claims"}),
        "SELECT id FROM attempts WHERE outcome = 'open' AND NOT EXISTS (SELECT 1 FROM claims WHERE attempt = attempts.id)",
        "`potstill ledger reconcile` settles it",
    ),
    Relation(
        "a claim belongs to an attempt that is not open (key)",
        frozenset({"attempts", "claims"}),
        "SELECT lower(hex(key)) FROM claims WHERE NOT EXISTS"
        " (SELECT 1 FROM attempts WHERE id = attempt AND outcome = 'open')",
        "while nothing runs, `DELETE FROM claims WHERE key = x'KEY'` in sqlite3",
    ),
    Relation(
        "log-probabilities belong to a reply that is not there (reply)",
        frozenset({"logprobs", "replies"}),
        "SELECT reply FROM logprobs WHERE NOT EXISTS (SELECT 1 FROM replies WHERE id = reply)",
        "nothing reads them: `DELETE FROM logprobs WHERE reply = ID` in sqlite3",
    ),
    Relation(
        # Potstill once rounded halves to even, where SQLite rounds them up.
        "what the cap counts is not the sum of a run's attempts (run)",
        frozenset({"attempts", "spent"}),
        "WITH sums AS (SELECT run, sum(CAST(round(usd * 1e9) AS INTEGER)) AS nano, count(*) AS number,"
        " sum(input_tokens + output_tokens) AS used FROM attempts GROUP BY run)"
        " SELECT run FROM sums LEFT JOIN spent USING (run)"
        " WHERE nanousd IS NULL OR abs(nanousd - nano) > number OR tokens <> used"
        " UNION ALL SELECT run FROM spent WHERE (nanousd <> 0 OR tokens <> 0) AND run NOT IN (SELECT run FROM sums)",
        f"while nothing runs, reckon it anew: `{RECKON_SPENT}` in sqlite3",
    ),
)
