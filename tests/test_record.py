"""What is kept of an execution is fit to be read."""

import nbformat
from nbformat.v4 import new_code_cell, new_notebook, new_output

from pipelines import record


def test_of_a_progress_bar_the_last_state_stays_and_of_start_up_chatter_nothing(tmp_path):
    chatter = (
        "WARNING: All log messages before absl::InitializeLog() are…\nI0000 00:00:1795469999.060015 1 port.cc:153] x\n"
    )
    outputs = [
        new_output("stream", name="stderr", text=chatter),
        new_output("stream", name="stderr", text="\repoch 1:   0%"),
        new_output("stream", name="stderr", text="\repoch 1:  50%"),
        new_output("stream", name="stderr", text="\repoch 1: 100%\n"),
        new_output("stream", name="stdout", text="I saw E0000 things\n"),
    ]
    path = tmp_path / "x.ipynb"
    nbformat.write(
        new_notebook(cells=[new_code_cell("x", outputs=outputs), new_code_cell("y", outputs=outputs[:1])]), path
    )
    record.make_readable(path)
    first, second = nbformat.read(path, as_version=4).cells
    assert [output.text.strip() for output in first.outputs] == ["epoch 1: 100%", "I saw E0000 things"]
    assert second.outputs == []
