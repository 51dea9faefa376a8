"""Runs build/…/classify over a list of requests."""

import json
import subprocess
import tempfile

from dialogues import DataError


def classify(tool, requests, *options):
    """What the gateway says about each request, in their order."""
    with tempfile.TemporaryFile() as lines, tempfile.TemporaryFile() as said:
        for number, request in enumerate(requests):
            lines.write(request.line(number).encode())
        lines.seek(0)
        try:
            run = subprocess.run([tool, *options], stdin=lines, stdout=said,
                                 stderr=subprocess.PIPE, check=False)
        except OSError as error:
            raise DataError(f"{tool} does not run: {error.strerror}; build the target "
                            "continuity_classify and name it with --tool") from None
        if run.returncode != 0:
            raise DataError(f"{tool} ended with {run.returncode}: {run.stderr.decode()[-2000:]}")
        said.seek(0)
        answers = sorted((json.loads(line) for line in said), key=lambda answer: answer["n"])
    if len(answers) != len(requests):
        raise DataError(f"{tool} answered {len(answers)} of {len(requests)} requests")
    return answers
