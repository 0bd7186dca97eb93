"""Bad values for dropout_utils/claims.py."""

from bad_values import row
from bad_values.kinds import NO_TEXT
from dropout_utils import claims

row(claims.entry, dict, dict(claim_id=["C99", 3, None, "", ["C01"]]))
row(
    claims.Entry,
    lambda: dict(id="C01", sentence="s", chapters=("mechanism",), settles="s"),
    dict(
        id=NO_TEXT,
        sentence=NO_TEXT,
        chapters=["mechanism", 3, None, ("no such",), (), (3,)],
        settles=NO_TEXT,
        expert=NO_TEXT,
        rewording=NO_TEXT,
    ),
)
