"""Text normalisation: one table of rules, applied by engines that share a regular-expression library.

pyarrow (for the encoded rows), TensorFlow (inside the exported graph) and the service without TensorFlow (to which the
table is exported as data) all run RE2, so the table below is the only description of what happens to a tweet. Tests
compare them on every Unicode code point and on ugly texts.

    "@anna I &lt;3 this!!! http://t.co/x Sooooo good"  →  "<user> i <3 this !! <url> soo good"
"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    import tensorflow as tf

PADDING, UNKNOWN = "", "[UNK]"

# Invented; each shows something that real tweets do.
UGLY = (
    "@anna I &lt;3 this!!! http://t.co/x",
    "Sooooooo tired.... zzzzz",
    "rock &amp;amp; roll &amp;quot;live&amp;quot;",
    "WHY?!?!?! why do i do this to myself ???",
    "it’s 10:30pm and I’ve got 1,250 mails",
    "#fail #mondaymorning at www.example.com/late",
    "'quoted' and \"double\" don't",
    "smile ☺ heart ♥ emoji 😀😀👍🏽",
    "ΣΊΣΥΦΟΣ und ÄRGER\x00 im İstanbul",
    "@a @b @c",
)

# TensorFlow's lower-casing stops at a NUL, and the two engines know different editions of Unicode: what they would
# treat differently (a NUL, İ, ẞ, a final sigma, and capitals of scripts that few fonts can show) is settled before.
# Ranges are spelt out, not named by category, for the same reason.
CONTROL_RULES = (
    (r"[\x00-\x1f\x7f-\xa0\x{1680}\x{2000}-\x{200a}\x{2028}-\x{202f}\x{205f}\x{3000}]", " "),
    (r"[\xad\x{200b}-\x{200f}\x{2060}-\x{2064}\x{fe00}-\x{fe0f}\x{feff}]", ""),
    (r"[\x{1c89}\x{2c2f}\x{a7c0}-\x{a7df}\x{10500}-\x{10fff}\x{16e00}-\x{16fff}]", "\N{REPLACEMENT CHARACTER}"),
    (r"İ", "i"),
    (r"ẞ", "ß"),
    (r"[Σς]", "σ"),
)
# HTML entities, escaped once or more often: "&amp;lt;3" is "<3".
ENTITY_RULES = (
    (r"&(?:amp;)+", "&"),
    (r"&lt;", "<"),
    (r"&gt;", ">"),
    (r"&quot;", '"'),
    (r"&(?:#0?39|apos);", "'"),
    (r"&nbsp;", " "),
)
WEB_ADDRESS = r"(?i)(?:https?://|www\.)[^\s\"<>]*"
MENTION = r"@[A-Za-z0-9_]+"
HASHTAG = r"(?:^|[^&\w])#[A-Za-z]\w*"  # no rule takes it away, but texts are told apart by it; "&#39;" is none
MASK_RULES = (
    (WEB_ADDRESS, " <url> "),
    (MENTION, " <user> "),
)
SPACE_RULES = (
    (r"[\t ]{2,}", " "),
    (r"^ ", ""),
    (r" $", ""),
)
# After lower-casing. Each token stands between spaces, so that splitting on white space is all that is left to do.
QUOTE_RULES = (
    (r"[’‘´`]", "'"),
    (r"[“”]", '"'),
)
RUN_RULES = (
    (r"…|\.{2,}", " ... "),
    (r"!{2,}", " !! "),
    (r"\?{2,}", " ?? "),
    (r"\b[0-9][0-9.,:]*[0-9]\b", " <number> "),
)
# RE2 has no back-references: one rule a letter shortens "sooooo" to "soo", which stays apart from "so".
STRETCH_RULES = tuple((f"{letter}{{3,}}", letter * 2) for letter in string.ascii_lowercase)
SIGN_RULES = (
    (r"([#\"(),;:*/\\~=+|^&%$\[\]{}_-])", r" \1 "),
    # Signs, arrows, symbols and emoji: each is a token of its own.
    (r"([\xa1-\xbf\xd7\xf7\x{2010}-\x{2bff}\x{3001}-\x{303f}\x{fffd}\x{1f000}-\x{1faff}])", r" \1 "),
    (r"([^ !?.])([!?.])", r"\1 \2"),
    (r"([!?.])([^ !?.])", r"\1 \2"),
)
APOSTROPHE_RULES = (
    (r"(^| )'+", r"\1"),
    (r"'+( |$)", r"\1"),
)
GROUPS_BEFORE_LOWER = (CONTROL_RULES, ENTITY_RULES, MASK_RULES)
GROUPS_AFTER_LOWER = (QUOTE_RULES, RUN_RULES, STRETCH_RULES, SIGN_RULES, APOSTROPHE_RULES, SPACE_RULES)
BEFORE_LOWER, AFTER_LOWER = sum(GROUPS_BEFORE_LOWER, ()), sum(GROUPS_AFTER_LOWER, ())


def _replace(texts: pa.Array, groups: tuple[tuple[tuple[str, str], ...], ...]) -> pa.Array:
    """Apply groups of rules in their order. Most texts have nothing for most groups, and one search tells which have:
    where no rule of a group finds anything at first, none will find anything later."""
    for rules in groups:
        concerned = pc.match_substring_regex(texts, pattern="|".join(f"(?:{pattern})" for pattern, _ in rules))
        some = texts.filter(concerned)
        for pattern, rewrite in rules if len(some) else ():
            some = pc.replace_substring_regex(some, pattern=pattern, replacement=rewrite)
        texts = pc.replace_with_mask(texts, concerned, some)
    return texts


def normalise(texts: pa.Array) -> pa.Array:
    """Normalise raw tweets to tokens separated by single spaces.

    Args:
        texts: string [rows], UTF-8; null counts as an empty text.

    Returns:
        string [rows]; a text without a token becomes "".
    """
    texts = _replace(pc.fill_null(texts, ""), GROUPS_BEFORE_LOWER)
    return _replace(pc.utf8_lower(texts), GROUPS_AFTER_LOWER)


def duplicate_key(texts: pa.Array) -> pa.Array:
    """The text by which duplicates are grouped: entities decoded, URLs and mentions masked, case and spaces folded.

    Args:
        texts: string [rows], UTF-8.

    Returns:
        string [rows]; "" for a text that holds nothing but white space.
    """
    texts = _replace(pc.fill_null(texts, ""), GROUPS_BEFORE_LOWER)
    return _replace(pc.utf8_lower(texts), (SPACE_RULES,))


def normalise_in_graph(texts: tf.Tensor) -> tf.Tensor:
    """`normalise` as TensorFlow string operations, for the exported graph.

    Args:
        texts: string [batch], UTF-8.

    Returns:
        string [batch], equal to `normalise` on the same texts.
    """
    import tensorflow as tf

    for pattern, rewrite in BEFORE_LOWER:
        texts = tf.strings.regex_replace(texts, pattern, rewrite)
    texts = tf.strings.lower(texts, encoding="utf-8")
    for pattern, rewrite in AFTER_LOWER:
        texts = tf.strings.regex_replace(texts, pattern, rewrite)
    return texts


def rules_as_data() -> dict[str, object]:
    """What `normalise` does, for an engine that has RE2 and nothing else.

    Returns:
        {"before_lower", "upper", "lower", "after_lower"}: the rules as [pattern, rewrite] in their order, and between
        them each character of `upper` becomes the one at its place in `lower`. Python's own `str.lower` will not do: it
        knows another edition of Unicode, and looks at neighbours.
    """
    every = "".join(chr(point) for point in range(0x110000) if not 0xD800 <= point <= 0xDFFF)
    lowered = pc.utf8_lower(pa.scalar(every)).as_py()  # character by character, whatever stands beside it
    changes = [pair for pair in zip(every, lowered, strict=True) if pair[0] != pair[1]]
    upper, lower = map("".join, zip(*changes, strict=True))
    return {"before_lower": BEFORE_LOWER, "upper": upper, "lower": lower, "after_lower": AFTER_LOWER}
