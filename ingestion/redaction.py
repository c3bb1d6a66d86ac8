"""What looks like a secret or like written text, and what replaces it. All redaction is here.

    text of an error, an excerpt   masked      each secret in it becomes [secret]
    a name or an id                pseudonym   the whole value becomes its SHA-256 if a secret is in it
    JSON that is not declared    kept_json   secrets, values of secret names and written text are replaced
    the name of a field            shown_name  the same, cut to a readable length

Rows are redacted in DuckDB (`…_sql`), texts held in Python are redacted in Python.

A generated id is a secret as a whole or not at all, so its first characters decide whether to check it.

The patterns use only what Python's `re` and DuckDB's RE2 read alike: ASCII classes, no flags, no look-around. They
follow the public formats of the providers; the tests compare them with the patterns of detect-secrets.

Rulings: docs/decisions/secrets.md.
"""

from __future__ import annotations

import re

from ingestion.duck import literal

MASK = "[secret]"
WRITTEN = "[text]"
#: Longer names of fields are cut.
LONGEST_NAME = 100


def _any_case(*words: str) -> str:
    """Return a pattern of words in any mixture of cases; flags would fold other letters in RE2 than in Python."""
    return "|".join(
        "".join(f"[{c.upper()}{c}]" if c.isalpha() else re.escape(c) for c in word) for word in words
    )


_WORD = "[0-9A-Za-z_-]"
_SPACE = r"[ \t\r\n\f\v]"
#: Words before the value they protect, in an assignment, a query string or a header.
_PROTECTED = (
    f"(?:{_any_case('api', 'access', 'secret', 'private', 'account', 'signing')})[ _-]?(?:{_any_case('key', 'token')})"
    f"|{_any_case('authorization', 'password', 'passwd', 'pwd', 'secret', 'credential', 'cookie')}"
    f"|(?:{_any_case('auth', 'refresh', 'session', 'bearer', 'csrf', 'id')})[_-]?{_any_case('token')}"
)
_PATTERNS = (
    # Schemes of the Authorization header.
    f"(?:{_any_case('bearer')}){_SPACE}+[0-9A-Za-z._~+/=-]{{4,}}",
    f"(?:{_any_case('basic')}){_SPACE}+[A-Za-z+/]{{0,40}}[0-9=][0-9A-Za-z+/=]{{4,}}",
    # OpenAI, Anthropic, OpenRouter, LiteLLM, DeepSeek, Stripe, Infery and others with the same prefixes.
    rf"\b(?:{_any_case('sk', 'rk', 'pk', 'inf', 'whsec')})[-_]{_WORD}{{8,}}",
    # Groq, Hugging Face, xAI, NVIDIA, Perplexity, Replicate, Fireworks, Cerebras, Together, Tavily, Jina, Voyage.
    rf"\b(?:gsk|hf|xai|nvapi|pplx|r8|fw|csk|tgp_v1|tvly|jina|pa)[-_]{_WORD}{{20,}}",
    # Google: API keys, OAuth tokens.
    rf"\bAIza{_WORD}{{16,}}",
    rf"\bya29\.{_WORD}{{16,}}",
    # AWS: access key ids.
    r"(?:A3T[0-9A-Z]|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]{16}",
    # GitHub, GitLab.
    r"(?:gh[pousr]|github_pat)_[0-9A-Za-z_]{16,}",
    rf"(?:gl(?:pat|dt|ft|soat|rt|cbt|imt|ptt|agent|oas)-|GR1348941){_WORD}{{16,}}",
    # Slack: tokens, web hooks.
    f"(?:{_any_case('xox')})[A-Za-z]-(?:[0-9]+-)+[0-9A-Za-z]+|xox[a-z]-[0-9A-Za-z-]{{8,}}|xapp-[0-9A-Za-z-]{{8,}}",
    rf"(?:{_any_case('hooks.slack.com/services')})/[^ \t\r\n\"\\]+",
    # JSON Web Tokens.
    r"eyJ[0-9A-Za-z_=-]+\.[0-9A-Za-z_=-]+(?:\.[0-9A-Za-z_.+/=-]*)?",
    # Package registries, mail, messages, payments.
    rf"\b(?:npm_|pypi-){_WORD}{{16,}}",
    rf"SG\.{_WORD}{{16,}}\.{_WORD}{{16,}}",
    r"\b[0-9a-z]{32}-us[0-9]{1,2}\b",
    r"sq0[a-z]{3}-[0-9A-Za-z_\\-]{16,}",
    r"\b(?:AC|SK)[0-9a-z]{32}\b",
    rf"\b[0-9]{{8,10}}:{_WORD}{{35}}",
    rf"\b[MNO]{_WORD}{{23,25}}\.{_WORD}{{6}}\.{_WORD}{{27}}",
    r"\bAKC[0-9A-Za-z]{10,}\b",
    # A user and a password in an address.
    r"://[^ \t\r\n:/?#@\"]*:[^ \t\r\n:/?#@\"]+@",
    # Private keys, whole or cut.
    r"(?:BEGIN [0-9A-Z ]*PRIVATE KEY|PuTTY-User-Key-File)[^\"]*",
)
#: What looks like a secret.
SECRET = f"(?:{'|'.join(_PATTERNS)})"
_QUOTES = r"[\"'\\\]\[]"
_SIGN = f"{_SPACE}*[=:]{{1,2}}>?{_SPACE}*"
#: A value that the name before it makes secret; group 1 is all before the value. After a quoted name the value must be
#: quoted, so that JSON stays JSON.
_ASSIGNED = (
    f"((?:{_PROTECTED})(?:{_QUOTES}+{_SIGN}{_QUOTES}+|{_SIGN}{_QUOTES}*))"
    r"[^ \t\r\n\"'\\,;&{}\[\]]{6,}"
)
_MASKED_VALUE = rf"\1{MASK}"
_ANY = f"{SECRET}|{_ASSIGNED}"

#: First characters of secrets found in place of an id.
_BEGINNINGS = (
    *(
        "sk",
        "SK",
        "rk",
        "RK",
        "pk",
        "PK",
        "in",
        "IN",
        "wh",
        "WH",
        "gs",
        "hf",
        "xa",
        "nv",
        "pp",
        "r8",
        "fw",
        "cs",
        "tg",
    ),
    *(
        "tv",
        "ji",
        "pa",
        "AI",
        "ya",
        "A3",
        "AB",
        "AC",
        "AK",
        "AS",
        "gh",
        "gi",
        "gl",
        "GR",
        "xo",
        "ey",
        "np",
        "py",
        "SG",
    ),
    *("sq", "Be", "be", "Ba", "ba"),
)

#: Names of fields whose text is secret whatever it looks like; names of counts (`max_tokens`) do not match.
_SECRET_NAME = f'(?:{_PROTECTED}|(?:^|[_."-])(?:{_any_case("token")})"?$)'

#: Text written by people or models: words with space between them, or a long run of a script that has no spaces.
_BEYOND_ASCII = "\u0080-\U0010ffff"
_LETTER = f"[A-Za-z{_BEYOND_ASCII}]"
_PROSE = rf"{_LETTER}(?:{_SPACE}|\\[nrt])+{_LETTER}|[{_BEYOND_ASCII}]{{24}}"
_IN_STRING = r"(?:[^\"\\]|\\.)*"
_PROSE_STRING = rf"\"{_IN_STRING}(?:{_PROSE}){_IN_STRING}\""

_secret, _assigned = (re.compile(pattern, re.ASCII) for pattern in (SECRET, _ASSIGNED))
_prose = re.compile(_PROSE)


def masked(text: str) -> str:
    """Return a text with `[secret]` in place of each secret in it."""
    return _secret.sub(MASK, _assigned.sub(_MASKED_VALUE, text))


def masked_sql(text: str) -> str:
    """Return the SQL of `masked`."""
    assigned = f"regexp_replace({text}, {literal(_ASSIGNED)}, {literal(_MASKED_VALUE)}, 'g')"
    return f"regexp_replace({assigned}, {literal(SECRET)}, {literal(MASK)}, 'g')"


def pseudonym_sql(text: str) -> str:
    """Return the SQL of a name or an id; one with a secret in it becomes its SHA-256.

    Different values stay different, and the hash of a LiteLLM key is the name that LiteLLM gives it.
    """
    # The shortest secret has 11 characters, and most names have fewer. A SHA-256 is no secret and would take longest.
    is_hash = f"strlen({text}) = 64 and regexp_full_match({text}, '[0-9a-f]{{64}}')"
    found = f"strlen({text}) > 10 and not ({is_hash}) and regexp_matches({text}, {literal(_ANY)})"
    return f"case when {found} then sha256({text}) else {text} end"


def id_pseudonym_sql(text: str) -> str:
    """Return the SQL of a generated id: as `pseudonym_sql`, but the id is a secret as a whole or not at all."""
    # DuckDB turns a long IN list into a join, which loses the row order.
    beginnings, beginning = literal(f"|{'|'.join(_BEGINNINGS)}|"), f"'|' || left({text}, 2) || '|'"
    return f"case when contains({beginnings}, {beginning}) then {pseudonym_sql(text)} else {text} end"


def is_secret_name_sql(name: str) -> str:
    """Return the condition that the text of a field is secret whatever it looks like; `name` may be in quotes."""
    return f"regexp_matches({name}, {literal(_SECRET_NAME)})"


def kept_json_sql(written: str) -> str:
    """Return the SQL that removes secrets and written text from the text of a JSON value.

    The text must have no space outside its strings.
    """
    return masked_sql(
        f"regexp_replace({written}, {literal(_PROSE_STRING)}, {literal(chr(34) + WRITTEN + chr(34))}, 'gs')"
    )


def shown_name(name: str) -> str:
    """Return an undeclared field's name as it may be shown; a key may be any text."""
    return (WRITTEN if _prose.search(name) else masked(name))[:LONGEST_NAME]


def shown_name_sql(name: str) -> str:
    """Return the SQL of `shown_name`."""
    is_prose = f"regexp_matches({name}, {literal(_PROSE)})"
    return f"left(case when {is_prose} then {literal(WRITTEN)} else {masked_sql(name)} end, {LONGEST_NAME})"
