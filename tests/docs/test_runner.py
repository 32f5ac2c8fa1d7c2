"""The runner itself: what holds passes, and whatever does not is told by page, line and reason."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.docs.page import PageError, page_at
from tests.docs.story import StoryError, run

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="a story has a loopback address of its own, as Linux has many"
)


def story(folder: Path, text: str) -> None:
    page = folder / "page.md"
    page.write_text(text, "utf-8")
    run(page_at(page), folder)


GOOD = """
# A story

<!-- file: greet.py -->
```python
def greet(name):
    return f"Hello, {name}."
```

```python
import greet

print(greet.greet("Ann"))
```

<!-- output -->
```text
Hello, …
```

```console
$ mkdir -p a/b && cd a/b
$ export GREETED="An\\
n" && echo one && \\
    echo two
one
two
```

<!-- console
$ pwd
…/a/b
-->

<!-- exit: 3 -->
```console
$ echo "$GREETED"; echo lost; echo lost; echo end; exit 3
Ann
…
end
```

<!-- inputs:
again? => <clear>yes
-->
```console
$ read -p 'again? ' said && printf '%s\\n' "$said"
again? yes
yes
```

<!-- background -->
```console
$ echo 'Hello, Ann.' > greeting.txt
$ python3 -m http.server
Serving HTTP on …
```

<!-- background -->
```console
$ connector inbox
the inbox is open at 127.0.0.1 port 2525; Ctrl-C ends it
…
```

```console
$ connector send smtp --url smtp://127.0.0.1:2525 --from me@example.com \\
    --usage SignIn --to ann@example.org --var code=123456
sent to ann@example.org: 250 …
…
$ pip install --quiet 'connector-core[inbox,oauth2]'
$ curl --silent --max-time 10 http://localhost:8000/greeting.txt
Hello, Ann.
```

<!-- more -->
```text
To: ann@example.org
…
```

```python
import os, socket

assert os.environ["GREETED"] == "Ann" and os.path.basename(os.getcwd()) == "b"
try:
    socket.create_connection(("example.com", 80))
except socket.gaierror:
    pass
```

<!-- config: smtp, in part -->
```json
{"host": "mail.example.com"}
```
"""


def test_a_story_that_holds(tmp_path: Path) -> None:
    story(tmp_path, GOOD)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("```console\n$ echo one\ntwo\n```", "page.md:2: $ echo one\n\nprints otherwise"),
        ("```console\n$ echo one\n```", "prints otherwise"),
        ("```console\n$ true\none\n```", "prints otherwise"),
        ("```console\n$ false\n$ true\n```", "ends with 1, not 0"),
        ("```console\n$ false | cat\n```", "ends with 1, not 0"),
        ("<!-- exit: 1 -->\n```console\n$ true\n```", "ends with 0, not 1"),
        ("```console\necho\n```", "begins with `$ `"),
        ("```python\n\nx = 1 / 0\n```", 'page.md", line 3'),
        ("```python\nprint(1)\n```\n<!-- output -->\n```text\n2\n```", "prints otherwise"),
        ("```python\nimport os; os._exit(0)\n```", "Python ended"),
        ("<!-- python\nassert False\n-->", "AssertionError"),
        ("```json\n{\n```", "page.md:2"),
        ("```toml\na = \n```", "page.md:2"),
        ("<!-- file: a.toml -->\n```toml\na = \n```", "page.md:3"),
        ('<!-- config: smtp -->\n```json\n{"host": "h"}\n```', "$.fromEmail"),
        ('<!-- config: smtp, in part -->\n```json\n{"hots": "h"}\n```', "$.hots"),
        ('<!-- config: smtp, whole -->\n```json\n{"host": "h"}\n```', "in part"),
        ("<!-- inputs:\nname? Ann\n-->\n```console\n$ true\n```", "question => what is typed"),
        ("<!-- inputs:\nname? => Ann\n-->\n```console\n$ echo x\nx\n```", "'name?' did not come"),
        ("<!-- background -->\n```console\n$ echo one\ntwo\n```", "there stands\none"),
        ("<!-- more -->\n```text\none\n```", "no command runs"),
        ("```console\n$ pip install connector-core[none]\n```", "has no extra none"),
        ("```console\n$ pip install none-such\n```", "is not in the environment"),
    ],
)
def test_what_does_not_hold_is_told(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(StoryError) as caught:
        story(tmp_path, text)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("```\nx\n```", "no language"),
        ("```bash\nx\n```", "'bash' must be one of console"),
        ("    x = 1", "fence the block"),
        ("<!-- exti: 3 -->\n```console\n$ true\n```", "nobody knows the comment 'exti'"),
        ("<!-- Look here! -->", "nobody knows the comment 'Look here!'"),
        ("<!-- exit: 3 -->\n\nText.\n", "no block follows"),
        ("Text.\n\n<!-- exit: 3 -->\n", "no block follows"),
    ],
)
def test_a_page_that_breaks_the_convention_is_told(text: str, told: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, "utf-8")
    with pytest.raises(PageError) as caught:
        page_at(page)
    assert told in str(caught.value)


POSTFIX = """
<!-- server: postfix-auth -->

```console
$ connector setup --no-input --set host=mail.example.com --set port=587 \\
    --set auth.user=app@example.com --set 'auth.pass=the password' \\
    --set fromEmail=app@example.com --to ann@example.org
…
greeting … postfix.test ESMTP Postfix
…
saved smtp in connectors.toml
…
```
"""


def test_a_page_may_ask_for_a_real_server(tmp_path: Path) -> None:
    story(tmp_path, POSTFIX)


def test_a_server_that_there_is_not_is_told(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="no server 'none'"):
        story(tmp_path, "<!-- server: none -->\n")
