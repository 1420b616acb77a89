"""Requests made from the OpenAPI document, those that it allows and those that it forbids: the answers hold to it."""

import schemathesis
from conftest import CountingPredictor
from hypothesis import Phase, settings
from schemathesis.config import SchemathesisConfig

from serving.app import create_app
from serving.settings import Settings

# Small limits, so that requests at and beyond them are among the examples.
APP = create_app(Settings(max_characters=200, max_texts=5), CountingPredictor())
DOCUMENT = schemathesis.openapi.from_wsgi("/openapi.json", APP, config=SchemathesisConfig(seed=1))


@DOCUMENT.parametrize()
@settings(max_examples=40, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate])
def test_every_answer_is_one_that_the_document_promises(case):
    case.call_and_validate()
